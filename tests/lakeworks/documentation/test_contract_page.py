"""docs/contract.md is written from the models, and names every field, parameter and expectation."""

import re
from pathlib import Path

import pytest

from lakeworks.contract import Contract
from lakeworks.contract.constraints import EXPECTATIONS, known_expectations
from lakeworks.documentation.contract_page import SECTIONS, contract_reference
from lakeworks.documentation.expectation_list import expectations_text
from lakeworks.transform.sql import PARAMETERS
from tests.conftest import contract_of

PAGE = Path(__file__).resolve().parents[3] / "docs" / "contract.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == contract_reference(), "run `make docs`"


def test_every_section_field_parameter_and_expectation_is_in_it() -> None:
    page = PAGE.read_text()
    models = [Contract, *SECTIONS.values()]
    named = {*re.findall(r"\| `\$?(\w+)` \|", page)}
    assert {name for model in models for name in model.model_fields} - {"name"} <= named
    assert {*PARAMETERS, *known_expectations()} <= named


@pytest.mark.integration
def test_the_expectations_are_those_of_great_expectations() -> None:
    assert EXPECTATIONS.read_text() == expectations_text(), "run `make docs`"


@pytest.mark.parametrize(
    ("expectation", "arguments", "words"),
    [
        ("expect_table_row_count_to_be_betwen", {}, "Did you mean `expect_table_row_count_to_be_between`?"),
        (
            "expect_table_row_count_to_be_between",
            {"min_valeu": 1},
            "has no argument `min_valeu`. Did you mean `min_value`?",
        ),
    ],
)
def test_an_unknown_expectation_or_argument_is_named_as_the_contract_loads(
    expectation: str, arguments: dict[str, int], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        contract_of(checks=[{"expectation": expectation, "kwargs": arguments}])

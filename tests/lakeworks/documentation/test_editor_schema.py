"""The JSON schema takes every shipped contract, refuses what the contract's models refuse, and explains every field."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from lakeworks.contract import all_tables, load_contract
from lakeworks.documentation.editor_schema import contract_schema

SCHEMA = contract_schema()


def document(table: str) -> Any:
    """As an editor has it: dates are texts."""
    text = (load_contract(table).folder / "contract.yml").read_text()
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("table", all_tables())
def test_a_shipped_contract_is_valid(table: str) -> None:
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document(table))] == []


@pytest.mark.parametrize(
    "change",
    [
        {"owner": "x"}, {"version": "1.0"}, {"team": None}, {"columns": {"id": {"type": "varchar", "description": "x"}}},
        {"columns": {"id": {"type": "int", "description": "x", "min": 1}}}, {"partition_by": ["week(id)"]},
        {"checks": [{"expectation": "row_count"}]}, {"schema_policy": "open"}, {"storage": {"compression": "lz4"}},
    ],
    ids=str,
)  # fmt: skip
def test_what_the_models_refuse_is_refused(change: dict[str, Any]) -> None:
    good = document("gold.transport.hourly_demand")
    assert not Draft202012Validator(SCHEMA).is_valid({**good, **change})


def test_every_field_is_explained() -> None:
    sections = {"contract": SCHEMA, **SCHEMA["$defs"]}
    silent = [
        f"{section}.{name}"
        for section, schema in sections.items()
        for name, field in schema.get("properties", {}).items()
        if len(field.get("description", "")) < 6
    ]
    assert silent == []

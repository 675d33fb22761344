"""A contract with a mistake is an error that names file and field, before anything runs."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.errors import ContractError
from tests.conftest import contract_of

GOOD = """
version: 1.0.0
description: Rows.
team: test
grain: [id]
columns:
  id: {type: bigint, required: true, description: Key.}
"""


def write(root: Path, text: str) -> Path:
    folder = root / "silver" / "test" / "rows"
    folder.mkdir(parents=True)
    (folder / "contract.yml").write_text(text)
    return root


def test_a_good_contract_loads(tmp_path: Path) -> None:
    contract = load_contract("silver.test.rows", write(tmp_path, GOOD))
    assert contract.table.sql == "silver_test.rows"
    assert contract.arrow_schema.names == ["id"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (("required:", "requird:"), "columns.id.requird"),
        (("bigint", "bigit"), "`bigit` is not a column type"),
        (("grain: [id]", "grain: [idd]"), "name no column: idd"),
        (("required: true, ", ""), "grain columns must be `required: true`"),
        (("team: test", "team: test\npartition_by: [week(id)]"), "week"),
        (("version: 1.0.0", "version: one"), "version"),
        (("columns:", "columns:\n  ID: {type: int, description: x}"), "differ only in case"),
        (("version: 1.0.0", "- version"), "is not a YAML mapping"),
    ],
)
def test_a_typo_is_named_with_its_file(tmp_path: Path, change: tuple[str, str], names: str) -> None:
    with pytest.raises(ContractError) as raised:
        load_contract("silver.test.rows", write(tmp_path, GOOD.replace(*change)))
    assert "tables/silver/test/rows/contract.yml" in str(raised.value)
    assert names in str(raised.value)


COLUMN = "  amount: {type: %s, description: x, %s}\n"
CHECK = "checks:\n  - {expectation: expect_column_values_to_not_be_null, kwargs: {%s}}\n"


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        (COLUMN % ("bigint", "minimum: 1.5"), "columns.amount`: minimum: `1.5` is not a whole number"),
        (COLUMN % ("bigint", "minimum: true"), "`True` is not a number"),
        (COLUMN % ("bigint", "minimum: .nan"), "is no limit"),
        (COLUMN % ("bigint", "minimum: 3, maximum: 2"), "minimum 3 is above maximum 2"),
        (COLUMN % ("'decimal(5,2)'", "maximum: 1000"), "maximum: `1000` is not a decimal(5,2)"),
        (COLUMN % ("'decimal(5,2)'", "maximum: 0.125"), "maximum: `0.125` is not a decimal(5,2)"),
        (COLUMN % ("string", "minimum: 1"), "a column of type string has none"),
        (COLUMN % ("string", "allowed: [1, 2]"), "`1` is not a string: put it in quotes"),
        (COLUMN % ("string", "allowed: [yes, no]"), "`True` is not a string: put it in quotes"),
        (COLUMN % ("int", "allowed: [a]"), "`a` is not a number"),
        (
            COLUMN % ("string", "pattern: '[a'"),
            "columns.amount.pattern`: `[a` is not a regular expression",
        ),
        (COLUMN % ("string", "pattern: '^(?=a)b'"), "uses look-ahead or look-behind, which DuckDB's RE2 does not know"),
        (COLUMN % ("string", "pattern: '(x(a)\\2)?'"), "uses a back-reference"),
        (COLUMN % ("int", "pattern: '1'"), "pattern: a column of type int has none"),
        (CHECK % "column: idd", "`checks.0` (expect_column_values_to_not_be_null): names no column of the files: idd"),
        (CHECK % "column: id, row_condition: 'idd > 1'", "names no column of the files: idd"),
        (CHECK % "column: id, row_condition: 'id >'", "row_condition `id >` is not an expression"),
        (CHECK % "column: id, regex: '(a'", "`(a` is not a regular expression"),
        (CHECK % "column: id, regex_list: [a, '(b']", "`(b` is not a regular expression"),
    ],
)
def test_a_rule_that_cannot_hold_is_named_before_anything_runs(tmp_path: Path, extra: str, names: str) -> None:
    with pytest.raises(ContractError) as raised:
        load_contract("silver.test.rows", write(tmp_path, GOOD + extra))
    assert "tables/silver/test/rows/contract.yml" in str(raised.value)
    assert names in str(raised.value)


@pytest.mark.parametrize(
    "condition", ["id > 1 and id.notnull()", 'col("id") == 1', "`id` in (1, 2)", "not (id == 3)", "abs(id) > 2"]
)
def test_row_conditions_as_great_expectations_writes_them_are_understood(tmp_path: Path, condition: str) -> None:
    text = (
        GOOD
        + f"checks:\n  - expectation: expect_column_values_to_not_be_null\n    kwargs: {{column: id, row_condition: '{condition}'}}\n"
    )
    assert load_contract("silver.test.rows", write(tmp_path, text)).checks[0].columns == {"id"}


def test_limits_are_kept_to_the_last_digit(tmp_path: Path) -> None:
    big = COLUMN % ("bigint", "maximum: 9223372036854775807")
    long = (COLUMN % ("'decimal(38,20)'", "maximum: '0.10000000000000000001'")).replace("amount", "mass")
    short = (COLUMN % ("double", "minimum: 0.1")).replace("amount", "ratio")
    columns = load_contract("silver.test.rows", write(tmp_path, GOOD + big + long + short)).columns
    assert columns["amount"].maximum == 9223372036854775807
    assert columns["mass"].maximum == Decimal("0.10000000000000000001")
    assert columns["ratio"].minimum == Decimal("0.1")


def test_a_check_on_a_column_that_lies_in_the_path_only_is_refused(tmp_path: Path) -> None:
    text = (
        GOOD
        + "  region: {type: string, required: true, description: x}\npartition_by: [region]\n"
        + CHECK % "column: region"
    )
    with pytest.raises(ContractError, match="is only in the path"):
        load_contract("silver.test.rows", write(tmp_path, text))


def test_an_unknown_table_lists_the_known_ones() -> None:
    with pytest.raises(
        ContractError, match=r"no table `silver.transport.tripz`.*Did you mean `silver.transport.trips`"
    ):
        load_contract("silver.transport.tripz")


def test_only_text_can_be_masked() -> None:
    columns = {"id": {"type": "bigint", "required": True, "description": "key", "masking": "salted_sha256"}}
    with pytest.raises(ValueError, match="`masking` works on text; this column is bigint"):
        contract_of(columns=columns)


@pytest.mark.parametrize(
    ("storage", "names"),
    [
        ({"column_compression": {"idd": "none"}}, "storage.column_compression names no column: idd"),
        ({"sort_by": ["idd"]}, "storage.sort_by names no column: idd"),
        ({"sort_by": ["id", "id"]}, "storage.sort_by names a column twice"),
        ({"sort_by": ["tags"]}, "storage.sort_by: `tags` is list, which files are not sorted by"),
        ({"sort_by": ["region"]}, "only in the path of a partition: region"),
        ({"column_encoding": {"region": "plain"}}, "only in the path of a partition: region"),
        ({"column_encoding": {"idd": "delta"}}, "storage.column_encoding names no column: idd"),
        (
            {"column_encoding": {"price": "delta"}},
            "`price` is double, which has no `delta`; possible: dictionary, plain, byte",
        ),
        ({"column_encoding": {"id": "byte_stream_split"}}, "possible: dictionary, plain, delta"),
        ({"column_encoding": {"tags": "plain"}}, "`tags` is list, which has no `plain`; possible: none"),
    ],
)
def test_storage_names_columns_that_a_file_has_with_a_type_that_fits(storage: dict[str, object], names: str) -> None:
    kinds = {"region": "string", "price": "double", "tags": "list<string>"}
    columns = {name: {"type": kind, "description": ""} for name, kind in kinds.items()}
    columns["id"] = {"type": "bigint", "required": True, "description": ""}
    with pytest.raises(ValueError, match=re.escape(names)):
        contract_of(columns=columns, partition_by=["region", "month"], storage=storage)

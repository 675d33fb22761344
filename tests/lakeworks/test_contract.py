"""A contract with a mistake is an error that names file and field, before anything runs."""

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


def test_an_unknown_table_lists_the_known_ones() -> None:
    with pytest.raises(
        ContractError, match=r"no table `silver.transport.tripz`.*Known tables: .*silver.transport.trips"
    ):
        load_contract("silver.transport.tripz")


def test_only_text_can_be_masked() -> None:
    columns = {"id": {"type": "bigint", "required": True, "description": "key", "masking": "salted_sha256"}}
    with pytest.raises(ValueError, match="`masking` works on text; this column is bigint"):
        contract_of(columns=columns)

"""The documentation page of a table: every fact of its contract, in Markdown that stays a table."""

from lakeworks.contract import RowRule
from lakeworks.documentation.table_pages import table_page
from tests.conftest import contract_of


def test_a_page_names_what_a_reader_asks_for() -> None:
    contract = contract_of(description="Rows | of things.", partition_by=["day(at)"], columns={
        "id": {"type": "bigint", "required": True, "description": "The key; a|b."},
        "at": {"type": "timestamp", "description": "When."},
    }, checks=[{"expectation": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}, "description": "Never empty."}])  # fmt: skip
    rules = [RowRule(name="id_required", sql='"id" IS NOT NULL', reason="`id` is missing.")]
    lines = table_page(contract, ["bronze.test.rows"], rules).splitlines()
    for line in (
        "# silver.test.rows", "Contract 1.0.0, active.", "- Grain: `id`", "- Partitioned by: `day(at)`", "- From: `bronze.test.rows`",
        "- Quarantine limit: 20% of the rows read", "| `id` | `bigint` | yes | The key; a\\|b. |", "| `at` | `timestamp` |  | When. |",
        "| `id_required` | `id` is missing. |", "| `expect_table_row_count_to_be_between` | error | Never empty. |",
    ):  # fmt: skip
        assert line in lines, line


def test_empty_sections_are_left_out() -> None:
    page = table_page(contract_of(grain=[]), [], [])
    assert "- Grain: as received" in page
    assert "- Partitioned by: not partitioned" in page
    assert "Row rules" not in page
    assert "Checks of all rows" not in page

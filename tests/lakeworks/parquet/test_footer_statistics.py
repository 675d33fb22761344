"""Statistics from footers: they equal those of the rows, and no row is read for them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.parquet.footer_statistics import FooterStatistic, _sum, read_statistics
from tests.conftest import contract_of
from tests.lakeworks.publications.test_publications import published

COLUMNS: dict[str, Any] = {
    "id": {"type": "bigint", "required": True, "description": ""},
    "name": {"type": "string", "description": ""},
    "amount": {"type": "decimal(10,2)", "description": ""},
    "at": {"type": "timestamp", "description": ""},
    "empty": {"type": "double", "description": ""},
    "tags": {"type": "list<string>", "description": ""},
}


def test_nulls_and_ends_of_two_partitions_are_those_of_their_rows(lake: Lake, run_at: Callable[..., Run]) -> None:
    contract = contract_of(columns=COLUMNS, partition_by=["day"])
    for day, keys in ((5, (3, 4)), (6, (1, None))):
        rows = [
            {
                "id": key or 9,
                "name": f"n{key}" if key else None,
                "amount": key,
                "at": datetime(2024, 1, day),
                "tags": ["a"],
            }
            for key in keys
        ]
        published(lake, contract, rows, run_at(day), Period.parse(f"2024-01-0{day}"))
    entries = lake.ledger.live_partitions(contract.table).values()
    read = read_statistics(lake.store, entries)
    shown = {name: (part.rows, part.nulls, str(part.smallest), str(part.largest)) for name, part in read.items()}
    assert shown == {
        "id": (4, 0, "1", "9"),
        "name": (4, 1, "n1", "n4"),
        "amount": (4, 1, "1.00", "4.00"),
        "at": (4, 0, "2024-01-05 00:00:00", "2024-01-06 00:00:00"),
        "empty": (4, 4, "None", "None"),
        "tags": (4, None, "None", "None"),
    }
    assert (read["name"].null_share, read["tags"].null_share) == (0.25, None)
    assert all(part.bytes > 0 for part in read.values())


def test_a_column_without_rows_has_no_share() -> None:
    assert FooterStatistic().null_share is None


def test_an_unknown_end_stays_unknown() -> None:
    """A writer leaves out the ends of long text: then the others' ends are not the column's."""
    known, unknown, nulls = (
        FooterStatistic(2, 10, 0, "a", "b"), FooterStatistic(2, 10, 0), FooterStatistic(2, 10, 2),
    )  # fmt: skip
    assert (_sum(known, unknown).smallest, _sum(known, unknown).largest) == (None, None)
    assert (_sum(known, nulls).smallest, _sum(known, nulls).largest, _sum(known, nulls).rows) == ("a", "b", 4)

"""Quarantined rows are counted by the partition that they would have been published in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.arrival.quarantined_partitions import PartitionCounts
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.status.matrix import Cell
from lakeworks.status.quarantined_partitions import quarantined_in
from lakeworks.status.table_status import status
from tests.conftest import contract_of
from tests.protocol.test_bad_input import JANUARY, Given, events

RunAt = Callable[..., Run]
FIFTH, SIXTH, SEVENTH = (datetime(2019, 1, day, 8) for day in (5, 6, 7))
ODD = {"schema_policy": "quarantine_unknown", "quarantine": {"limit": 1}}


def published(lake: Lake, contract: Contract, run: Run, table: pa.Table) -> tuple[Lake, RunRecord]:
    """A lake with a run over January of one table."""
    lake = replace(lake, contract=lambda _: contract)
    land(lake, contract, JANUARY, run, Given(table))
    return lake, publish(lake, audit(lake, write(lake, contract.name, JANUARY, run).key).key)


def cells(lake: Lake, contract: Contract) -> dict[str, Cell]:
    (matrix,) = status(lake, [contract])
    return {str(cell.partition): cell for cell in matrix.cells}


def test_a_mark_is_on_the_day_whose_rows_are_quarantined(lake: Lake, run_at: RunAt) -> None:
    """A month's run builds all days: every day of it had the mark. Rows that name no day of the run mark none."""
    contract = events(**ODD)
    times = [FIFTH, FIFTH, SIXTH, SEVENTH, None, datetime(2018, 12, 31)]
    table = pa.table(
        {"id": list(range(6)), "at": times, "price": [1.5] * 6, "colour": [None, "red", None, "blue", "red", "red"]}
    )
    lake, record = published(lake, contract, run_at(1), table)
    assert record.balance.quarantined == 4
    found = cells(lake, contract)
    assert {day: (cell.state, cell.quarantined_rows) for day, cell in found.items() if cell.publication} == {
        "2019-01-05": ("published", 1),
        "2019-01-06": ("published", None),
    }
    lost = found["2019-01-07"]
    assert (lost.state, lost.quarantined, lost.remark) == ("empty", "2019-01", "1 quarantined row"), "all of its rows"
    assert (found["2019-01-08"].state, found["2019-01-08"].quarantined) == ("empty", "")


def test_a_wrong_value_of_a_partition_makes_no_record_large(lake: Lake, run_at: RunAt) -> None:
    columns: dict[str, Any] = {
        "id": {"type": "bigint", "required": True, "description": "key"},
        "at": {"type": "timestamp", "description": "when"},
        "symbol": {"type": "string", "description": "listing"},
    }
    contract = contract_of(
        "bronze.test.events", columns=columns, partition_by=["day(at)", "symbol"], source="nyc_tlc.events", **ODD
    )
    symbols, odd = ["A", "A", *(f"junk-{number}" for number in range(50))], [None, *["x"] * 51]
    table = pa.table({"id": list(range(52)), "at": [FIFTH] * 52, "symbol": symbols, "odd": odd})
    _, record = published(lake, contract, run_at(1), table)
    assert record.quarantined_in == {"year=2019/month=01/day=05/symbol=A": 1}


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.date32()])
def test_typed_rows_are_counted_by_day(kind: pa.DataType) -> None:
    """Rows that a rule quarantined have the contract's types."""
    counts = PartitionCounts(events(), JANUARY)
    moments = pa.array([FIFTH, SIXTH, FIFTH, None, datetime(2019, 2, 1)]).cast(kind)
    for _ in range(2):
        counts.add(pa.RecordBatch.from_arrays([moments], ["at"]))
    named = {Partition.parse(path).period: rows for path, rows in counts.of_run([]).items()}
    assert named == {Period.parse("2019-01-05"): 4, Period.parse("2019-01-06"): 2}


def test_an_infinite_date_that_is_a_partition_itself_stops_no_run() -> None:
    """DuckDB's infinity is a date that Python has no value for."""
    columns = {
        "id": {"type": "bigint", "required": True, "description": "key"},
        "sold_on": {"type": "date", "description": "when"},
    }
    contract = contract_of("bronze.test.events", columns=columns, partition_by=["sold_on"], source="nyc_tlc.events")
    counts = PartitionCounts(contract, JANUARY)
    days = pa.array([17901, 2**31 - 1], pa.int32()).view(pa.date32())
    counts.add(pa.RecordBatch.from_arrays([days], ["sold_on"]))
    assert counts.of_run([Partition.parse("sold_on=2019-01-05")]) == {"sold_on=2019-01-05": 1}


def test_runs_of_older_releases_and_the_oldest_of_many_mark_all_of_their_partitions(lake: Lake, run_at: RunAt) -> None:
    contract = events(**ODD)
    table = pa.table({"id": [1, 2], "at": [FIFTH, SIXTH], "price": [1.5] * 2, "colour": ["red", None]})
    lake, record = published(lake, contract, run_at(1), table)
    attempts = {record.period: record.run.key}
    day = "year=2019/month=01/day=05"
    assert quarantined_in(lake, contract, attempts) == {"2019-01": {day: 1}}
    assert quarantined_in(lake, contract, attempts, most=0) == {"2019-01": None}
    older = record.model_copy(update={"quarantined_in": None})
    lake.store.put(record.run_key, older.model_dump_json().encode())
    assert cells(lake, contract)["2019-01-06"].remark == "quarantined rows"

"""Rows that runs over several days quarantined, distinguished by day: judged by rules, or refused on arrival."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.write_step import write
from lakeworks.quarantine.quarantined_rows import PartitionRows, rows, rows_of
from lakeworks.quarantine.replays import find
from tests.conftest import contract_of
from tests.protocol.test_bad_input import JANUARY, Given, events

RunAt = Callable[..., Run]
FIFTH, SIXTH = datetime(2019, 1, 5, 8), datetime(2019, 1, 6, 9)


def misfits(lake: Lake, contract: Contract, run: Run, table: pa.Table) -> tuple[Lake, Contract]:
    """A lake in which a run over January quarantined what did not fit."""
    lake = replace(lake, contract=lambda _: contract)
    land(lake, contract, JANUARY, run, Given(table))
    write(lake, contract.name, JANUARY, run)
    return lake, contract


def counted(found: PartitionRows) -> tuple[int, int, int]:
    return found.here, found.elsewhere, found.unknown


def test_rows_refused_on_arrival_are_found_by_the_day_they_say(lake: Lake, run_at: RunAt) -> None:
    """They are kept as JSON text, so that a day's column may be anything, and its name in any case."""
    contract = events(schema_policy="quarantine_unknown", quarantine={"limit": 1})
    times = [str(FIFTH), str(FIFTH), "2019-01-06T09:00:00Z", "2019-01-05T23:30:00-02:00", "soon", None]
    table = pa.table({"id": list(range(6)), "AT": times, "price": [1.5] * 6, "colour": list("abcdef")})
    lake, contract = misfits(lake, contract, run_at(1), table)
    found = find(lake, contract, JANUARY)
    fifth = rows_of(lake, contract, found, Period.parse("2019-01-05"), 10)
    assert counted(fifth) == (2, 2, 2)
    assert ['"id": 0' in row["_row"] or '"id": 1' in row["_row"] for row in fifth.first] == [True, True]
    assert counted(rows_of(lake, contract, found, Period.parse("2019-01-06"), 10)) == (2, 2, 2), "in UTC"
    assert len(rows_of(lake, contract, found, Period.parse("2019-01-06"), 1).first) == 1


def test_partitions_by_values_are_distinguished_within_one_run(lake: Lake, run_at: RunAt) -> None:
    """A run of one day may build many partitions of it: the typed path says which."""
    symbol = {"type": "string", "description": "listing"}
    at = {"type": "timestamp", "description": "when"}
    columns: dict[str, Any] = {
        "id": {"type": "bigint", "required": True, "description": "key"},
        "at": at,
        "symbol": symbol,
    }
    contract = contract_of(
        "bronze.test.events", columns=columns, partition_by=["day(at)", "symbol"], source="nyc_tlc.events",
        schema_policy="quarantine_unknown", quarantine={"limit": 1},
    )  # fmt: skip
    table = pa.table(
        {"id": [1, 2, 3, 4], "at": [FIFTH, FIFTH, SIXTH, FIFTH], "symbol": ["A", "B", "A", None], "odd": [1] * 4}
    )
    lake, contract = misfits(lake, contract, run_at(1), table)
    found = find(lake, contract, JANUARY)

    def of(path: str) -> tuple[int, int, int]:
        return counted(rows_of(lake, contract, found, Partition.parse(path), 10))

    assert of("year=2019/month=01/day=05/symbol=A") == (1, 3, 0)
    assert of("year=2019/month=01/day=05/symbol=__HIVE_DEFAULT_PARTITION__") == (1, 3, 0)
    assert of("year=2019/month=01/day=06/symbol=B") == (0, 4, 0)
    assert counted(rows_of(lake, contract, found, Period.parse("2019-01-05"), 10)) == (3, 1, 0)


def test_a_table_cut_by_its_runs_shows_the_run(lake: Lake, run_at: RunAt) -> None:
    contract = events(partition_by=["month"], schema_policy="quarantine_unknown", quarantine={"limit": 1})
    table = pa.table({"id": [1, 2], "at": [FIFTH, None], "price": [1.0, 2.0], "odd": ["x", "y"]})
    lake, contract = misfits(lake, contract, run_at(1), table)
    found = find(lake, contract, JANUARY)
    assert counted(rows_of(lake, contract, found, Partition.of_period(JANUARY), 10)) == (2, 0, 0)
    assert len(rows(lake, found, 1)) == 1

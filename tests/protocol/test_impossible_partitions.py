"""Odd dates and partition values: they go to quarantine, and one bad partition hides no other and can be taken out."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.catalog.glue_inputs import CatalogPartition
from lakeworks.cli.arguments import find_partition
from lakeworks.contract import Contract
from lakeworks.core.hive import HIVE_NULL
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import NotStorable, PartitionKeyError
from lakeworks.freshness.table_age import freshness
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.verification import verify
from lakeworks.parquet.dataset import open_dataset
from lakeworks.publications.withdrawal import withdraw
from lakeworks.s3.object_store import Target
from lakeworks.status.table_status import status
from tests.protocol.test_bad_input import DAY, Given, arrived, events, run

RunAt = Callable[..., Run]
NOW = datetime(2019, 1, 6, 3, tzinfo=UTC)
POISONS = [
    "year=1/month=01/day=01",
    "year=999/month=12/day=31",
    "year=2019/month=13/day=01",
    "year=9999/month=12/day=31",
]


def lake_of(lake: Lake, *contracts: Contract) -> Lake:
    by_name = {contract.name: contract for contract in contracts}
    return replace(lake, contract=lambda name: by_name[name])


def table(**changes: Any) -> Contract:
    return events(**{"freshness": {"max_age_hours": 48}, "quarantine": {"limit": 1}, **changes})


def poison(lake: Lake, contract: Contract, path: str) -> Partition:
    """Copy the live day as an older release would have published it under an impossible path."""
    partition = Partition.parse(path)
    live = lake.ledger.live(contract.table, Partition.parse("year=2019/month=01/day=05"))
    assert live
    item = live.objects[0]
    body, found = lake.store.get(item.key)
    key = item.key.replace("year=2019/month=01/day=05", path)
    put = lake.store.put(Target(key, dict(found.metadata)), body)
    entry = live.model_copy(
        update={
            "partition": path, "location": live.location.replace("year=2019/month=01/day=05", path),
            "objects": (item.model_copy(update={"key": key, "version_id": put.version_id}),),
        }
    )  # fmt: skip
    lake.store.put(entry.key, entry.model_dump_json().encode())
    where = lake.location(contract, partition)
    lake.catalog.upsert_partitions(contract, [CatalogPartition(partition, where, live.rows, live.size)])
    return partition


@pytest.mark.parametrize("path", POISONS)
def test_one_impossible_partition_hides_nothing_and_can_be_withdrawn(lake: Lake, run_at: RunAt, path: str) -> None:
    bad, good = table(), table().model_copy(update={"name": "bronze.test.healthy"})
    lake = lake_of(lake, bad, good)
    for contract in (bad, good):
        run(lake, contract, run_at(1), Given(arrived(id=[1, 2])))
    partition = poison(lake, bad, path)

    shown = {matrix.table: matrix for matrix in status(lake, [bad, good])}
    assert [matrix.counts.get("published") for matrix in shown.values()] == [1, 1]
    (cell,) = [cell for cell in shown[bad.name].cells if cell.state == "impossible"]
    assert (cell.partition, "lakeworks withdraw bronze.test.events year=" in cell.why) == (partition, True)
    assert {item.table: (item.state, item.newest) for item in freshness(lake, [bad, good], NOW)} == {
        bad.name: ("fresh", "2019-01-05"), good.name: ("fresh", "2019-01-05"),
    }  # fmt: skip
    assert open_dataset(lake.store, bad, lake.ledger.live_partitions(bad.table).values()).count_rows() == 4
    assert [finding.kind for finding in verify(lake, bad)].count("impossible partition") == 1
    assert verify(lake, good) == []
    # A run of another period, and the same again, go on as before.
    run(lake, bad, run_at(2), Given(arrived(id=[1, 2, 3])))

    withdraw(lake, bad, find_partition(lake, bad, path))
    assert verify(lake, bad) == []
    assert [matrix.counts for matrix in status(lake, [bad])] == [{"published": 1, "empty": 30}]
    run(lake, bad, run_at(3), Given(arrived(id=[1])))


def test_a_path_that_was_never_published_is_still_a_typing_error(lake: Lake) -> None:
    with pytest.raises(PartitionKeyError, match="is no partition of"):
        find_partition(lake, events(), "year=1/month=01/day=01")


def test_an_unreadable_ledger_entry_hides_no_other_partition_and_no_other_table(lake: Lake, run_at: RunAt) -> None:
    bad, good = table(), table().model_copy(update={"name": "bronze.test.healthy"})
    lake = lake_of(lake, bad, good)
    for contract in (bad, good):
        run(lake, contract, run_at(1), Given(arrived(id=[1, 2])))
    lake.store.put("_ledger/bronze/test/events/year=2019/month=01/day=05/00000002.json", b"{}")
    first, second = status(lake, [bad, good])
    assert (first.fault, first.counts) == (None, {"unfinished": 1, "empty": 30})
    assert (second.fault, second.counts) == (None, {"published": 1, "empty": 30})
    assert [finding.kind for finding in verify(lake, bad)] == ["ledger unreadable"]
    assert verify(lake, good) == []


@pytest.mark.parametrize(
    "moment", [datetime(1, 1, 1), datetime(999, 12, 31), datetime(1899, 12, 31), datetime(9999, 12, 31)]
)
def test_received_rows_of_implausible_days_go_to_quarantine(lake: Lake, run_at: RunAt, moment: datetime) -> None:
    contract = table()
    lake = lake_of(lake, contract)
    done = run(lake, contract, run_at(1), Given(arrived(id=[1, 2], at=[DAY, moment])))
    assert (done.balance.read, done.balance.staged, done.balance.broken) == (2, 1, {"at_plausible_time": 1})
    assert [str(part) for part in lake.ledger.live_partitions(contract.table)] == ["2019-01-05"]


@pytest.mark.parametrize("value", [HIVE_NULL, "x" * 1100, "/" * 200])
def test_received_values_that_no_path_can_have_go_to_quarantine(lake: Lake, run_at: RunAt, value: str) -> None:
    columns = {**events().model_dump()["columns"], "k": {"type": "string", "description": "category"}}
    contract = table(columns=columns, partition_by=["k", "month"])
    lake = lake_of(lake, contract)
    done = run(lake, contract, run_at(1), Given(arrived(id=[1, 2, 3], k=["a", value, None])))
    assert (done.balance.staged, done.balance.broken) == (2, {"k_partition_value": 1})
    assert sorted(dict(part.pairs)["k"] or "" for part in lake.ledger.live_partitions(contract.table)) == ["", "a"]


def test_a_key_that_is_too_long_is_terminal_and_sent_nowhere(lake: Lake) -> None:
    with pytest.raises(NotStorable, match="S3 takes 1024"):
        lake.store.put("silver/test/rows/k=" + "x" * 1100, b"")


@pytest.mark.parametrize("key", ["0001-01", "0999-12", "9999-12", "9999-12-31", "9999-12-31T23"])
def test_periods_without_a_next_one_or_with_short_years_are_no_keys(key: str) -> None:
    with pytest.raises(PartitionKeyError, match="periods have the years 1000 to 9998"):
        Period.parse(key)


def test_the_last_period_still_has_an_end() -> None:
    assert Period.parse("9998-12").end.year == 9999


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Year", [2019]), ("id;v", [1]), (" v ", [1]), ("x" * 300, [1]), ("_run_id", ["r"]),
        ("props", [{"Up-x": 1}]), ("big", pa.array([1], pa.uint64())),
    ],
)  # fmt: skip
def test_columns_that_glue_or_athena_cannot_have_stay_in_landing(
    lake: Lake, run_at: RunAt, name: str, values: Any
) -> None:
    contract = table()
    lake = lake_of(lake, contract)
    done = run(lake, contract, run_at(1), Given(arrived(id=[1], **{name: values})))
    assert any(f"`{name}`" in item and "kept in landing only" in item for item in done.drift), done.drift
    assert [column["Name"] for column in lake.catalog.columns(contract)] == ["id", "at", "price"]
    assert (verify(lake, contract, deep=True), list(compare_catalog(lake, contract))) == ([], [])


def test_a_column_that_hides_a_table_from_athena_leaves_the_catalog_by_its_repair(lake: Lake, run_at: RunAt) -> None:
    """An older release registered such columns."""
    contract = table()
    lake = lake_of(lake, contract)
    run(lake, contract, run_at(1), Given(arrived(id=[1])))
    found = lake.catalog.table(contract.table)
    assert found
    comment = "arrived; not in the contract"
    found["StorageDescriptor"]["Columns"] += [
        {"Name": "month", "Type": "int", "Comment": comment},
        {"Name": "props", "Type": "struct<Up-x:int>", "Comment": comment},
        {"Name": "fine", "Type": "int", "Comment": comment},
    ]
    known = ("Name", "Description", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    place = {"DatabaseName": lake.catalog.database(contract.table)}
    lake.catalog.client.update_table(**place, TableInput={key: found[key] for key in known})
    assert "column month is too much; column props is too much" in str([item.detail for item in verify(lake, contract)])
    list(compare_catalog(lake, contract, repair=True))
    assert [column["Name"] for column in lake.catalog.columns(contract)] == ["id", "at", "price", "fine"]


def test_the_quarantined_row_keeps_its_date(lake: Lake, run_at: RunAt) -> None:
    contract = table()
    lake = lake_of(lake, contract)
    done: RunRecord = run(lake, contract, run_at(1), Given(arrived(id=[1, 2], at=[DAY, datetime(9999, 12, 31)])))
    assert done.quarantine
    (row,) = pq.read_table(io.BytesIO(lake.store.get(done.quarantine.key)[0])).to_pylist()
    assert json.loads(row["_row"])["at"].startswith("9999-12-31")

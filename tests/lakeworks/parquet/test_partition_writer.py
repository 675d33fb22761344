"""The partitioned writer: one pass, any partitioning, the same bytes every time."""

import io
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError, PartitionExplosion, PartitionNotOwned
from lakeworks.ledger.run_record import StagedPartition
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.s3.object_store import ObjectStore, StoredObject, Target
from tests.conftest import contract_of

SCHEMA = pa.schema([("id", pa.int64()), ("at", pa.timestamp("us")), ("symbol", pa.string())])
COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": ""},
    "at": {"type": "timestamp", "description": ""},
    "symbol": {"type": "string", "description": ""},
}


def rows(count: int, days: int) -> pa.Table:
    at = [datetime(2019, 1, 1) + timedelta(days=i * days // count) for i in range(count)]
    return pa.table({"id": range(count), "at": at, "symbol": ["A"] * count}, schema=SCHEMA)


def write(store: ObjectStore, tmp_path: Path, table: pa.Table, batch: int, **contract: Any) -> list[StagedPartition]:
    wanted = contract_of(columns=COLUMNS, **{"partition_by": ["day(at)"], **contract})
    writer = PartitionedWriter(store, wanted, "_staging/x/", Period.parse("2019-01"), tmp_path)
    return writer.write(table.to_reader(max_chunksize=batch))


def test_bytes_do_not_depend_on_how_the_stream_was_batched(store: ObjectStore, tmp_path: Path) -> None:
    table = rows(3000, 10)
    first, second = write(store, tmp_path, table, 7), write(store, tmp_path, table, 3000)
    assert [item.content for item in first] == [item.content for item in second]
    assert [item.rows for item in first] == [300] * 10
    assert first[0].partition == "year=2019/month=01/day=01"


def test_more_rows_than_a_row_group_go_through_disk_with_the_same_result(store: ObjectStore, tmp_path: Path) -> None:
    table = rows(2500, 1)
    staged = write(store, tmp_path, table, 400, storage={"row_group_rows": 1000})
    body, _ = store.get(staged[0].objects[0].key)
    file = pq.ParquetFile(io.BytesIO(body))
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [1000, 1000, 500]
    assert file.read().equals(table)
    assert list(tmp_path.iterdir()) == [], "no scratch file is left"
    again = write(store, tmp_path, table, 999, storage={"row_group_rows": 1000})
    assert again[0].content == staged[0].content


def test_category_columns_live_in_the_path_only(store: ObjectStore, tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "at": [None] * 3, "symbol": [None, "BRK/B", "ü x"]}, schema=SCHEMA)
    staged = write(store, tmp_path, table, 10, partition_by=["symbol"])
    assert [item.partition for item in staged] == ["symbol=BRK%2FB", "symbol=__HIVE_DEFAULT_PARTITION__", "symbol=ü x"]
    body, _ = store.get(staged[0].objects[0].key)
    assert pq.read_schema(io.BytesIO(body)).names == ["id", "at"]


def test_null_categories_are_kept_together(store: ObjectStore, tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "at": [None] * 3, "symbol": ["A", None, None]}, schema=SCHEMA)
    staged = write(store, tmp_path, table, 1, partition_by=["symbol"])
    assert {item.partition: item.rows for item in staged} == {"symbol=A": 1, "symbol=__HIVE_DEFAULT_PARTITION__": 2}


@pytest.mark.parametrize("at", [None, datetime(2019, 2, 1), datetime(2018, 12, 31, 23, 59, 59)])
def test_a_row_of_another_runs_partition_is_refused(store: ObjectStore, tmp_path: Path, at: datetime | None) -> None:
    """A stray row of February in January's file would replace a day of February; rows without a time, those of every month."""
    table = pa.table({"id": [1, 2], "at": [datetime(2019, 1, 1), at], "symbol": ["A"] * 2}, schema=SCHEMA)
    with pytest.raises(
        PartitionNotOwned, match=r"a run of 2019-01 does not own.*Nothing was published.*`at` is null or outside"
    ):
        write(store, tmp_path, table, 10)
    assert list(tmp_path.iterdir()) == [], "no scratch file is left"


def test_an_explosion_names_the_column(store: ObjectStore, tmp_path: Path) -> None:
    table = pa.table({"id": range(30), "at": [None] * 30, "symbol": [f"S{n:02d}" for n in range(30)]}, schema=SCHEMA)
    with pytest.raises(PartitionExplosion, match="`symbol` alone has 11 values"):
        write(store, tmp_path, table, 100, partition_by=["symbol"], storage={"max_partitions": 10})


def test_an_unsorted_stream_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "at": [None] * 3, "symbol": ["A", "B", "A"]}, schema=SCHEMA)
    with pytest.raises(ConfigError, match="came twice"):
        write(store, tmp_path, table, 2, partition_by=["symbol"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["A", "B", "c d", "", None])), max_size=60),
    st.integers(1, 20),
)
def test_no_row_is_lost_or_doubled(
    store: ObjectStore, tmp_path: Path, drawn: list[tuple[int, str | None]], batch: int
) -> None:
    """Empty text and null share Hive's default partition, in whatever order they come in it."""
    ordered = sorted(drawn, key=lambda row: (row[1] or "", row[0]))
    at = [datetime(2019, 1, 1) + timedelta(days=day) for day, _ in ordered]
    table = pa.table({"id": range(len(ordered)), "at": at, "symbol": [s for _, s in ordered]}, schema=SCHEMA)
    staged = write(store, tmp_path, table, batch, partition_by=["symbol", "day(at)"])
    assert sum(item.rows for item in staged) == len(ordered)
    assert len(staged) == len({(day, symbol or None) for day, symbol in ordered})
    ids: list[int] = []
    for item in staged:
        ids += pq.read_table(io.BytesIO(store.get(item.objects[0].key)[0]))["id"].to_pylist()
    assert sorted(ids) == list(range(len(ordered)))


@pytest.mark.parametrize("storage", [{"row_group_rows": 1000}, {"row_group_bytes": 17_000}])
def test_rows_in_flight_are_bounded_however_many_come(tmp_path: Path, storage: dict[str, int]) -> None:
    """Uploads are slower than the stream here; the stream has to wait for them."""
    group, days, ahead, lock = 1000, 30, {"now": 0, "most": 0}, Lock()

    class Slow(ObjectStore):
        def put(self, target: Target | str, body: bytes) -> StoredObject:
            time.sleep(0.02)
            with lock:
                ahead["now"] -= group
            return StoredObject(target.key if isinstance(target, Target) else target, len(body), "")

    def stream() -> Iterator[pa.RecordBatch]:
        for batch in rows(group * days, days).to_batches(max_chunksize=group):
            with lock:
                ahead["now"] += batch.num_rows
                ahead["most"] = max(ahead.values())
            yield batch

    contract = contract_of(columns=COLUMNS, partition_by=["day(at)"], storage=storage)
    writer = PartitionedWriter(Slow(None, "lake"), contract, "_staging/x/", Period.parse("2019-01"), tmp_path)
    staged = writer.write(pa.RecordBatchReader.from_batches(SCHEMA, stream()))
    assert sum(item.rows for item in staged) == group * days
    assert ahead["most"] <= 5 * group

"""Bronze in publishing order: a file's own order is no one's duty. Without a partition column and a grain it stays as it came."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import Contract
from lakeworks.engines import ingest_sort as received
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.engines.ingest_sort import sorted_for_publishing
from lakeworks.errors import MalformedSource, SchemaDrift
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from tests.protocol.test_bad_input import DAY, Given, arrived, events, run

RunAt = Callable[..., Run]
NEXT = DAY + timedelta(days=1)


def published(lake: Lake, contract: Contract, run_: Run, rows: pa.Table) -> dict[str, bytes]:
    """The bytes of each live partition after a run."""
    run(replace(lake, contract=lambda _: contract), contract, run_, Given(rows))
    live = lake.ledger.live_partitions(contract.table)
    return {found.path: lake.store.get(entry.objects[0].key)[0] for found, entry in live.items()}


def column(body: bytes, name: str = "id") -> list[Any]:
    values: list[Any] = pq.read_table(io.BytesIO(body))[name].to_pylist()
    return values


def test_a_file_in_any_order_of_days_is_published(lake: Lake, run_at: RunAt) -> None:
    """5, 6, 5 January was refused as unsorted, and no one can sort a vendor's file."""
    found = published(lake, events(), run_at(1), arrived(id=[3, 2, 1], at=[DAY, NEXT, DAY]))
    assert [column(body) for body in found.values()] == [[1, 3], [2]]


def test_a_file_is_sorted_by_the_grain(lake: Lake, run_at: RunAt) -> None:
    (body,) = published(lake, events(partition_by=["month"]), run_at(1), arrived(id=[3, 1, 2])).values()
    assert column(body) == [1, 2, 3]


def test_without_a_grain_a_month_stays_as_received(lake: Lake, run_at: RunAt, monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine either: the rows go straight through."""
    monkeypatch.setattr(received, "_Sort", None)
    (body,) = published(lake, events(partition_by=["month"], grain=[]), run_at(1), arrived(id=[3, 1, 2])).values()
    assert column(body) == [3, 1, 2]


def test_columns_that_came_on_top_come_along_whatever_their_name(lake: Lake, run_at: RunAt) -> None:
    rows = arrived(id=[2, 1], _Place=["b", "a"], tags=[["x"], None], deep=[{"a": 1}, {"a": None}])
    (body,) = published(lake, events(), run_at(1), rows).values()
    assert (column(body), column(body, "_Place")) == ([1, 2], ["a", "b"])
    assert (column(body, "tags"), column(body, "deep")) == ([None, ["x"]], [{"a": None}, {"a": 1}])


def test_empty_text_and_null_of_a_category_share_a_partition(lake: Lake, run_at: RunAt) -> None:
    columns = {name: item.model_dump() for name, item in events().columns.items()}
    columns["symbol"] = {"type": "string", "description": "ticker"}
    contract = events(columns=columns, partition_by=["symbol"])
    found = published(lake, contract, run_at(1), arrived(id=[4, 3, 2, 1], symbol=["", "A", None, ""]))
    assert {path: column(body) for path, body in found.items()} == {
        "symbol=A": [3], "symbol=__HIVE_DEFAULT_PARTITION__": [1, 2, 4],
    }  # fmt: skip


def sorted_rows(
    scratch: Path, contract: Contract, rows: pa.RecordBatchReader, run_bytes: int | None = None, **engine: Any
) -> pa.Table:
    with sorted_for_publishing(DuckDbEngine(scratch=scratch, **engine), contract, rows, run_bytes) as ordered:
        return ordered.read_all()


def test_rows_of_equal_key_stay_as_they_came(tmp_path: Path) -> None:
    """A grain that comes twice in bronze: which row is first must not change from run to run."""
    count = 300_000
    rows = arrived(id=[number % 7 for number in range(count)], price=[float(number) for number in range(count)])
    found = sorted_rows(tmp_path, events(), rows.to_reader(max_chunksize=1000), threads=4)
    wanted = sorted(zip(rows["id"].to_pylist(), rows["price"].to_pylist(), strict=True))
    assert list(zip(found["id"].to_pylist(), found["price"].to_pylist(), strict=True)) == wanted


def test_no_rows_are_no_rows(tmp_path: Path) -> None:
    rows = events().arrow_schema.empty_table()
    assert sorted_rows(tmp_path, events(), rows.to_reader()) == rows


@pytest.mark.parametrize("error", [SchemaDrift("`price` does not fit"), MalformedSource("`events.parquet` is cut off")])
@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("run_bytes", [None, 1])
def test_an_error_of_the_input_is_raised_unchanged(
    tmp_path: Path, error: Exception, after: int, run_bytes: int | None
) -> None:
    rows = arrived(id=list(range(100)))

    def broken() -> Iterator[pa.RecordBatch]:
        for _ in range(after):
            yield from rows.to_batches()
        raise error

    with pytest.raises(type(error), match=str(error)):
        sorted_rows(tmp_path, events(), pa.RecordBatchReader.from_batches(rows.schema, broken()), run_bytes)
    assert list(tmp_path.iterdir()) == [], "nothing is left in scratch"


def test_more_rows_than_memory_are_sorted_through_disk(tmp_path: Path) -> None:
    count, batch = 4_000_000, 100_000
    schema = events().arrow_schema

    def falling() -> Iterator[pa.RecordBatch]:
        for start in range(count, 0, -batch):
            ids = pa.array(range(start, start - batch, -1), pa.int64())
            at = pa.repeat(pa.scalar(DAY, pa.timestamp("us")), batch)
            yield pa.RecordBatch.from_arrays([ids, at, ids.cast(pa.float64())], schema=schema)

    rows = pa.RecordBatchReader.from_batches(schema, falling())
    last = 0
    with sorted_for_publishing(DuckDbEngine(scratch=tmp_path, memory_limit="100MB"), events(), rows) as ordered:
        for found in ordered:
            assert found["id"].to_pylist() == list(range(last + 1, last + 1 + found.num_rows))
            last += found.num_rows
    assert last == count

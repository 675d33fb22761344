"""Encoding: dictionaries only where values repeat, types every reader knows, the same bytes with and without a pool."""

import io
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import Storage
from lakeworks.parquet.encoder import ParquetPart, dictionary_columns
from lakeworks.parquet.value_sizes import row_sizes


def encoded(tmp_path: Path, table: pa.Table, storage: Storage, pool: ThreadPoolExecutor | None = None) -> bytes:
    part = ParquetPart(table.schema, storage, tmp_path, pool)
    for batch in table.to_batches(max_chunksize=700):
        part.add(batch)
    content = part.finish()
    body = content if isinstance(content, bytes) else content.read_bytes()
    part.discard()
    return body


@pytest.mark.parametrize("rows", [40, 400, 20_000])
def test_a_dictionary_where_values_repeat_and_none_where_they_do_not(tmp_path: Path, rows: int) -> None:
    table = pa.table(
        {
            "unique": pa.array(range(rows), pa.timestamp("us")),
            "price": [number % 7 / 4 for number in range(rows)],
            "name": [f"row {number}" for number in range(rows)],
            "nothing": pa.nulls(rows, pa.float64()),
        }
    )
    assert dictionary_columns(table) == ["price", "name", "nothing"]
    group = pq.ParquetFile(io.BytesIO(encoded(tmp_path, table, Storage()))).metadata.row_group(0)
    assert [group.column(n).has_dictionary_page for n in range(3)] == [False, True, True]


def test_a_column_has_the_codec_its_contract_says(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "packed": [b"1", b"2"], "nested": [{"x": 1, "y": ["z"]}] * 2})
    storage = Storage(column_compression={"packed": "none", "nested": "snappy"})
    body = encoded(tmp_path, table, storage)
    group = pq.ParquetFile(io.BytesIO(body)).metadata.row_group(0)
    found = {group.column(n).path_in_schema: group.column(n).compression for n in range(group.num_columns)}
    assert found == {"text": "ZSTD", "packed": "UNCOMPRESSED", "nested.x": "SNAPPY", "nested.y.list.element": "SNAPPY"}
    assert pq.read_table(io.BytesIO(body)).equals(table)


def test_a_column_has_the_encoding_its_contract_says(tmp_path: Path) -> None:
    table = pa.table(
        {"id": range(900), "text": ["same"] * 900, "price": [1.5] * 900, "other": ["a"] * 900, "at": [7] * 900}
    )
    wanted = {"id": "dictionary", "text": "delta", "price": "byte_stream_split", "at": "delta", "gone": "plain"}
    body = encoded(tmp_path, table, Storage.model_validate({"column_encoding": wanted}))
    group = pq.ParquetFile(io.BytesIO(body)).metadata.row_group(0)
    found = {group.column(n).path_in_schema: set(group.column(n).encodings) for n in range(group.num_columns)}
    assert "RLE_DICTIONARY" in found["id"] & found["other"]
    assert "DELTA_BYTE_ARRAY" in found["text"]
    assert "BYTE_STREAM_SPLIT" in found["price"]
    assert "DELTA_BINARY_PACKED" in found["at"]
    assert pq.read_table(io.BytesIO(body)).equals(table)


def test_no_rows_and_one_row_are_encoded_too(tmp_path: Path) -> None:
    for rows in (0, 1):
        table = pa.table({"at": pa.array([5] * rows, pa.timestamp("us"))})
        assert pq.read_table(io.BytesIO(encoded(tmp_path, table, Storage()))).equals(table)


def test_decimals_are_integers_in_the_file_and_decimals_to_readers(tmp_path: Path) -> None:
    kinds = {"price": pa.decimal128(12, 2), "long": pa.decimal128(38, 2)}
    table = pa.table({name: pa.array([Decimal("-1.25"), None, Decimal("99.99")], kind) for name, kind in kinds.items()})
    path = tmp_path / "decimals.parquet"
    path.write_bytes(encoded(tmp_path, table, Storage()))
    physical = [pq.ParquetFile(path).metadata.schema.column(n).physical_type for n in range(2)]
    assert physical == ["INT64", "FIXED_LEN_BYTE_ARRAY"]
    assert pq.read_table(path).equals(table)
    with duckdb.connect() as connection:
        assert connection.execute(
            "SELECT sum(price), typeof(any_value(price)) FROM read_parquet(?)", [str(path)]
        ).fetchall() == [(Decimal("98.74"), "DECIMAL(12,2)")]


def test_a_pool_changes_nothing_in_the_bytes(tmp_path: Path) -> None:
    table = pa.table({"id": range(10_500), "half": [number // 2 for number in range(10_500)]})
    storage = Storage(row_group_rows=2000)
    with ThreadPoolExecutor(2) as pool:
        assert encoded(tmp_path, table, storage, pool) == encoded(tmp_path, table, storage)
    assert list(tmp_path.iterdir()) == [], "no scratch file is left"


WIDE = pa.table(
    {
        "id": range(600),
        "text": [None if number % 5 == 0 else "x" * (number % 90) for number in range(600)],
        "tags": [None if number % 7 == 0 else ["x" * (number % 5)] * (number % 4) for number in range(600)],
        "deep": [{"raw": b"1" * (number % 11), "ok": number % 2 == 0} for number in range(600)],
        "pairs": pa.array([[("k", number)] * (number % 3) for number in range(600)], pa.map_(pa.string(), pa.int64())),
    }
)


def groups_of(body: bytes) -> list[int]:
    """Rows of each row group."""
    found = pq.ParquetFile(io.BytesIO(body)).metadata
    return [found.row_group(number).num_rows for number in range(found.num_row_groups)]


@pytest.mark.parametrize("batch", [1, 7, 250])
def test_wide_rows_end_a_row_group_by_their_bytes_however_they_were_batched(tmp_path: Path, batch: int) -> None:
    """An object of 500,000 rows of 2 kB held a gigabyte before it wrote a byte."""
    storage = Storage(row_group_bytes=10_000)
    whole, pieces = (ParquetPart(WIDE.schema, storage, tmp_path) for _ in range(2))
    whole.add(WIDE.combine_chunks().to_batches()[0])
    most = 0
    for rows in WIDE.to_batches(max_chunksize=batch):
        pieces.add(rows.slice(0))
        most = max(most, pieces.held.bytes)
    first, second = (part.finish() for part in (whole, pieces))
    assert isinstance(first, Path)
    assert isinstance(second, Path)
    assert first.read_bytes() == second.read_bytes()
    assert len(groups_of(first.read_bytes())) == 4
    assert most < 10_000
    assert pq.read_table(first).equals(WIDE)


def test_a_row_has_the_size_of_its_values() -> None:
    """Bytes of text; eight of a number, one of a boolean; null text and a null list have none."""
    (rows,) = WIDE.to_batches()
    sizes = [row_sizes(rows.slice(place, 2)) for place in range(0, 600, 2)]
    wanted = []
    for number in range(600):
        text, tags = number % 90 if number % 5 else 0, number % 5 * (number % 4) if number % 7 else 0
        wanted.append(8 + text + tags + number % 11 + 1 + 9 * (number % 3))
    assert [int(size) for pair in sizes for size in pair] == wanted


class FullDisk(Executor):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        failed: Future[Any] = Future()
        failed.set_exception(OSError("no space left"))
        return failed


def test_an_error_in_the_pool_reaches_the_caller_of_finish(tmp_path: Path) -> None:
    part = ParquetPart(pa.schema([("id", pa.int64())]), Storage(row_group_rows=10), tmp_path, FullDisk())
    part.add(pa.record_batch({"id": pa.array(range(15))}))
    with pytest.raises(OSError, match="no space left"):
        part.finish()
    part.discard()
    assert list(tmp_path.iterdir()) == []

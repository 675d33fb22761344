"""The stamp: other bytes at each placing, the same rows, the same content hash."""

from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import Storage
from lakeworks.core.placement_stamp import BLANK_STAMP, STAMP_KEY, content_hash, new_stamp, stamped
from lakeworks.parquet.encoder import ParquetPart


def encoded(scratch: Path, rows: pa.Table, row_group_rows: int = 1000) -> bytes:
    part = ParquetPart(rows.schema, Storage(row_group_rows=row_group_rows), scratch)
    for batch in rows.to_batches():
        part.add(batch)
    content = part.finish()
    return content if isinstance(content, bytes) else content.read_bytes()


@pytest.mark.parametrize("row_group_rows", [1000, 100])
def test_each_placing_has_bytes_of_its_own_and_the_same_rows(tmp_path: Path, row_group_rows: int) -> None:
    rows = pa.table({"id": range(1000), "name": [f"n{number}" for number in range(1000)]})
    body = encoded(tmp_path, rows, row_group_rows)
    one, two = stamped(body, new_stamp()), stamped(body, new_stamp())
    assert len({one, two, body}) == 3
    assert len(one) == len(body)
    assert content_hash(one) == content_hash(two) == content_hash(body)
    assert pq.read_table(BytesIO(one)).equals(rows)
    assert stamped(one, BLANK_STAMP) == body


def test_values_of_rows_that_look_like_a_stamp_stay(tmp_path: Path) -> None:
    """They lie in the footer too, among the statistics."""
    fake = b"\x18\x13" + STAMP_KEY.encode() + b"\x18\x20" + BLANK_STAMP.encode()
    rows = pa.table({"id": pa.array([fake, fake], pa.binary())})
    placed = stamped(encoded(tmp_path, rows), "f" * 32)
    assert pq.read_table(BytesIO(placed)).equals(rows)
    metadata = pq.read_metadata(BytesIO(placed))
    assert metadata.metadata[STAMP_KEY.encode()] == b"f" * 32
    assert metadata.row_group(0).column(0).statistics.min == fake


@pytest.mark.parametrize("body", [b"", b"PAR1", b"no Parquet", b"\0" * 100 + b"PAR1"])
def test_what_has_no_stamp_stays_as_it_is(body: bytes) -> None:
    assert stamped(body, "f" * 32) == body

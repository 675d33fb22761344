"""Bounded scans: the rows of Arrow's own scan, in order, with little of it in memory."""

import gc
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.parquet.bounded_scan import BoundedDataset

FORMAT = ds.ParquetFileFormat()
SCHEMA = pa.schema({"n": pa.int64(), "name": pa.string(), "later": pa.float64()})


def objects(folder: Path, counts: list[int], row_group: int) -> list[ds.Fragment]:
    """Objects of an older schema (no `later`), numbered through; each partition knows which it is."""
    made, start = [], 0
    for place, count in enumerate(counts):
        rows = pa.table({"n": pa.array(range(start, start + count)), "name": [f"p{place}"] * count})
        path = folder / f"{place}.parquet"
        pq.write_table(rows, path, row_group_size=row_group)
        made.append(FORMAT.make_fragment(pa.OSFile(str(path)), partition_expression=ds.field("name") == f"p{place}"))
        start += count
    return made


@given(counts=st.lists(st.integers(0, 60), min_size=1, max_size=6), row_group=st.integers(1, 25), large=st.booleans(),
       least=st.integers(-5, 200))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_scan_has_arrows_rows_in_the_order_of_the_objects(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], row_group: int, large: bool, least: int
) -> None:
    parts = objects(tmp_path_factory.mktemp("scan"), counts, row_group)
    plain = ds.FileSystemDataset(parts, SCHEMA, FORMAT)
    bounded = BoundedDataset(parts, SCHEMA, FORMAT, 10**7 if large else max(counts))
    for columns, wanted in ((None, None), (["later", "n"], ds.field("n") >= least), ([], ds.field("name") == "p1")):
        expected = plain.to_table(columns=columns, filter=wanted)
        found = bounded.scanner(columns=columns, filter=wanted).to_reader().read_all()
        assert found.num_rows == expected.num_rows
        assert found.schema == expected.schema
        assert found.combine_chunks().equals(expected.combine_chunks())


def test_an_engine_pushes_its_filter_and_columns_into_the_scan(tmp_path: Path) -> None:
    bounded = BoundedDataset(objects(tmp_path, [50, 50], 10), SCHEMA, FORMAT, 50)
    asked: list[dict[str, object]] = []

    class Watched(BoundedDataset):
        def scanner(self, **options: object) -> object:
            asked.append(options)
            return bounded.scanner(**options)

    with duckdb.connect() as connection:
        connection.register("t", Watched(objects(tmp_path, [50, 50], 10), SCHEMA, FORMAT, 50))
        assert connection.sql("SELECT sum(n), count(later) FROM t WHERE n >= 90").fetchall() == [(945, 0)]
    assert asked[0]["columns"] == ["n", "later"]
    assert "90" in str(asked[0]["filter"])


def test_a_slow_reader_finds_two_row_groups_in_memory_and_no_more(tmp_path: Path) -> None:
    """Arrow's scan had up to a gigabyte waiting for an engine that was busy sorting."""
    group = 250_000
    with pq.ParquetWriter(tmp_path / "large.parquet", pa.schema({"n": pa.int64()})) as writer:
        for number in range(12):
            writer.write_table(pa.table({"n": np.arange(group) * 7919 + number}))
    file = ds.dataset(tmp_path / "large.parquet")
    bounded = BoundedDataset(list(file.get_fragments()), file.schema, FORMAT, 12 * group)
    gc.collect()
    before = pa.total_allocated_bytes()
    reader = bounded.scanner().to_reader()
    total, most = 0, 0
    for number, batch in enumerate(reader):
        total += int(pc.sum(batch["n"]).as_py())
        if number % 2 == 0:
            time.sleep(0.02)
        most = max(most, pa.total_allocated_bytes() - before)
    assert total == sum(group * (group - 1) // 2 * 7919 + number * group for number in range(12))
    assert most < 5 * group * 8, "this row group, the next, and what decoding them takes"


def test_a_reader_that_stops_early_and_an_object_that_is_gone(tmp_path: Path) -> None:
    bounded = BoundedDataset(objects(tmp_path, [40] * 8, 10), SCHEMA, FORMAT, 40)
    reader = bounded.scanner().to_reader()
    assert reader.read_next_batch().num_rows > 0
    del reader
    (tmp_path / "3.parquet").write_bytes(b"no Parquet at all")
    broken = [FORMAT.make_fragment(pa.OSFile(str(tmp_path / f"{n}.parquet"))) for n in range(8)]
    with pytest.raises((pa.ArrowInvalid, OSError), match="Parquet"):
        BoundedDataset(broken, SCHEMA, FORMAT, 40).scanner().to_reader().read_all()


NESTED = pa.struct({"Fee": pa.float64(), "at": pa.list_(pa.struct({"X": pa.int32()}))})
CONTRACT = pa.schema(
    {
        "id": pa.int64(),
        "airport_fee": pa.float64(),
        "Price": pa.int64(),
        "more": pa.struct({"fee": pa.float64(), "at": pa.list_(pa.struct({"x": pa.int64()}))}),
    }
)


def spellings(folder: Path, largest: int) -> BoundedDataset:
    """A file that spells its columns as the contract does, and one that does not."""
    same = {"id": [1, 2], "airport_fee": [0.5, None], "Price": [10, 20]}
    more = pa.array([{"Fee": 9.5, "at": [{"X": 7}, None]}, None], NESTED)
    other = {"ID": pa.array([3, 4], pa.int32()), "Airport_fee": [1.25, 2.5], "price": [30, 40], "MORE": more}
    for name, rows in (("same", same), ("other", other)):
        pq.write_table(pa.table(rows), folder / name)
    parts = [FORMAT.make_fragment(pa.OSFile(str(folder / name))) for name in ("same", "other")]
    return BoundedDataset(parts, CONTRACT, FORMAT, largest)


@pytest.mark.parametrize("largest", [2, 10**7], ids=["whole objects", "by row group"])
def test_a_column_is_found_whatever_its_case(tmp_path: Path, largest: int) -> None:
    """A file's `Airport_fee` read as null under a contract's `airport_fee`, without a word."""
    rows = spellings(tmp_path, largest)
    assert rows.to_table().schema == CONTRACT
    assert rows.to_table(columns=["airport_fee", "Price", "id"]).to_pylist() == [
        {"airport_fee": 0.5, "Price": 10, "id": 1}, {"airport_fee": None, "Price": 20, "id": 2},
        {"airport_fee": 1.25, "Price": 30, "id": 3}, {"airport_fee": 2.5, "Price": 40, "id": 4},
    ]  # fmt: skip
    assert rows.to_table(columns=["id"], filter=ds.field("airport_fee") > 2).to_pylist() == [{"id": 4}]
    assert rows.to_table(columns={"double": ds.field("Price") * 2}).column("double").to_pylist() == [20, 40, 60, 80]
    assert rows.count_rows() == rows.to_table(columns=[]).num_rows == 4
    assert rows.count_rows(filter=ds.field("airport_fee") > 1) == 2
    assert rows.head(3, columns=["airport_fee"]).column(0).to_pylist() == [0.5, None, 1.25]
    assert sum(batch.num_rows for batch in rows.to_batches(filter=ds.field("Price") >= 20)) == 3


def test_a_member_of_a_struct_is_found_whatever_its_case(tmp_path: Path) -> None:
    assert spellings(tmp_path, 2).to_table(columns=["more"]).column("more").to_pylist() == [
        None, None, {"fee": 9.5, "at": [{"x": 7}, None]}, None,
    ]  # fmt: skip


def test_an_engine_finds_a_column_whatever_its_case(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.register("t", spellings(tmp_path, 2))
        asked = "SELECT sum(airport_fee), max(more.fee), count(*) FROM t WHERE price > 10 AND id < 4"
        assert connection.sql(asked).fetchall() == [(1.25, 9.5, 2)]


def test_the_exact_spelling_comes_before_another(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ID": [1], "id": [2]}), tmp_path / "both")
    part = FORMAT.make_fragment(pa.OSFile(str(tmp_path / "both")))
    assert BoundedDataset([part], pa.schema({"id": pa.int64()}), FORMAT, 1).to_table().to_pylist() == [{"id": 2}]


def test_a_partition_column_is_found_whatever_its_case(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ID": [1, 2], "at": [7, 7]}), tmp_path / "one")
    known = (ds.field("id") >= 1) & (ds.field("kind") == "k")
    part = FORMAT.make_fragment(pa.OSFile(str(tmp_path / "one")), partition_expression=known)
    rows = BoundedDataset([part], pa.schema({"id": pa.int64(), "kind": pa.string()}), FORMAT, 1)
    assert rows.to_table(filter=ds.field("id") > 1).to_pylist() == [{"id": 2, "kind": "k"}]
    assert rows.to_table(filter=ds.field("id") < 1).num_rows == 0


def test_opening_reads_no_object(tmp_path: Path) -> None:
    """Spelling is looked up when a piece is read, so that opening thousands of objects costs nothing."""
    (tmp_path / "broken").write_bytes(b"no Parquet at all")
    part = FORMAT.make_fragment(pa.OSFile(str(tmp_path / "broken")))
    scan = BoundedDataset([part], CONTRACT, FORMAT, 1).scanner(columns=["id"])
    assert scan.to_reader().schema.names == ["id"]
    with pytest.raises((pa.ArrowInvalid, OSError), match="Parquet"):
        scan.to_table()

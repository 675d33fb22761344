"""A month of trips, or 5,000 pairs of symbol and day, from memory into Hive partitions on S3."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Entry, Place
from benchmarks.cases import write_peers as peers
from benchmarks.cases.write_rows import groups, read_rows, with_keys

THREADS = 8


def lakeworks(place: Place) -> Callable[[], Any]:
    """The product's path: into the engine, sorted by partition and grain, encoded, hashed, put, in staging."""
    from lakeworks.core.names import TableName
    from lakeworks.core.partition import Period
    from lakeworks.engines.duckdb import DuckDbEngine
    from lakeworks.parquet.partition_writer import PartitionedWriter
    from lakeworks.s3.fast_client import FastS3Client
    from lakeworks.s3.object_store import ObjectStore

    table, contract = read_rows(place), _contract(place)
    store = ObjectStore(place.client(), place.bucket, fast_client=FastS3Client.of(place.client()))
    period, scratch = Period.parse("2019-01"), Path(place.scratch)
    columns = ", ".join(f'"{name}"' for name in contract.columns)
    source = TableName.parse("bronze.bench.rows")

    def run() -> None:
        with DuckDbEngine(scratch=scratch, memory_limit="2GB").session() as session:
            session.attach(source, table, table.num_rows)
            built = session.build(contract, f"SELECT {columns} FROM {source.sql}", [], period)
            PartitionedWriter(store, contract, f"{place.prefix}/", period, scratch).write(built.staged())

    return run


def by_hand(place: Place) -> Callable[[], Any]:
    """The floor: pyarrow sorted by the partition only, encoded in threads, one bare PUT an object."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table, client = with_keys(place), place.client()
    keys = place.options["keys"]

    def put(item: tuple[str, Any]) -> None:
        path, rows = item
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="zstd", compression_level=3)
        client.put_object(
            Bucket=place.bucket, Key=f"{place.prefix}/{path}/part-00000.parquet", Body=sink.getvalue().to_pybytes()
        )

    def run() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(put, groups(table, keys)))

    return run


def bare_put(place: Place) -> Callable[[], Any]:
    """What the endpoint costs: the objects are ready in memory and are only sent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    client, bodies = place.client(), []
    for path, rows in groups(with_keys(place), place.options["keys"]):
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="zstd", compression_level=3)
        bodies.append((f"{place.prefix}/{path}/part-00000.parquet", sink.getvalue().to_pybytes()))

    def run() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda one: client.put_object(Bucket=place.bucket, Key=one[0], Body=one[1]), bodies))

    return run


def naive(place: Place) -> Callable[[], Any]:
    """What many pipelines do: a filter for every combination of key values."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table, client, keys = with_keys(place), place.client(), place.options["keys"]

    def run() -> None:
        for pairs in table.select(keys).group_by(keys).aggregate([]).to_pylist():
            wanted = None
            for name, value in pairs.items():
                same = pc.equal(table[name], value)
                wanted = same if wanted is None else pc.and_(wanted, same)
            rows, sink = table.filter(wanted).drop_columns(keys), pa.BufferOutputStream()
            pq.write_table(rows, sink, compression="zstd", compression_level=3)
            path = "/".join(f"{name}={value}" for name, value in pairs.items())
            client.put_object(
                Bucket=place.bucket, Key=f"{place.prefix}/{path}/part-00000.parquet", Body=sink.getvalue().to_pybytes()
            )

    return run


def _contract(place: Place) -> Any:
    import pyarrow.parquet as pq

    from lakeworks.contract import Contract
    from lakeworks.core.types import from_arrow

    schema = pq.read_schema(place.path(place.options["file"]))
    grain = place.options["grain"]
    columns = {
        item.name: {"type": str(from_arrow(item.type)), "description": "", "required": item.name in grain}
        for item in schema
    }
    return Contract.model_validate(
        {
            "name": "silver.bench.rows", "version": "1.0.0", "description": "bench", "team": "bench", "grain": grain,
            "columns": columns, "partition_by": place.options["partition_by"], "storage": {"max_partitions": 10_000},
        }
    )  # fmt: skip


ENTRIES = {
    "lakeworks": Entry(lakeworks, note="sorted by grain, SHA-256 checked"),
    "by hand: pyarrow + PUT": Entry(by_hand, note="the floor: no grain order, no checksum"),
    "bare PUT of the bytes": Entry(bare_put, note="what the endpoint costs"),
    "awswrangler": Entry(peers.awswrangler, peer=True),
    "pyarrow write_dataset": Entry(peers.pyarrow_dataset),
    "pandas + s3fs": Entry(peers.pandas, peer=True),
    "DuckDB COPY (httpfs)": Entry(peers.duckdb, peer=True),
    "polars sink": Entry(peers.polars, peer=True, note="no grain order, no checksum"),
    "polars sort + sink": Entry(peers.polars_sorted, peer=True, note="sorted by grain, no checksum"),
    "delta-rs": Entry(peers.delta, peer=True),
    "naive filters": Entry(naive),
}
TRIPS = {
    "file": "trips.parquet", "keys": ["year", "month", "day"], "stamp": "tpep_pickup_datetime",
    "partition_by": ["day(tpep_pickup_datetime)"],
    "grain": ["VendorID", "tpep_pickup_datetime", "tpep_dropoff_datetime", "PULocationID", "DOLocationID"],
}  # fmt: skip
BARS = {
    "file": "bars.parquet", "keys": ["symbol", "year", "month", "day"], "stamp": "at",
    "partition_by": ["symbol", "day(at)"], "grain": ["symbol", "at"],
}  # fmt: skip
CASES = [
    Case("write_by_day", "A month of trips into 31 day partitions", ENTRIES, "bronze", options=TRIPS, partitions=31),
    Case(
        "write_by_symbol_day",
        "Minute bars into 5,000 (symbol, day) partitions",
        ENTRIES,
        "bars",
        options=BARS,
        partitions=5000,
    ),
]

"""A month of trips, or 5,000 pairs of symbol and day, from memory into Hive partitions on S3."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.case import KEYS, REGION, Case, Entry, Place

THREADS = 8


def lakeworks(place: Place) -> Callable[[], Any]:
    """The product's path: into the engine, sorted by partition and grain, encoded, hashed, put, in staging."""
    from lakeworks.engines.duckdb import DuckDbEngine
    from lakeworks.names import TableName
    from lakeworks.partition import Period
    from lakeworks.storage.objects import ObjectStore
    from lakeworks.storage.writer import PartitionedWriter

    table, contract = _table(place), _contract(place)
    store = ObjectStore(place.client(), place.bucket)
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

    table, client = _with_keys(place), place.client()
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
            list(pool.map(put, _groups(table, keys)))

    return run


def bare_put(place: Place) -> Callable[[], Any]:
    """What the endpoint costs: the objects are ready in memory and are only sent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    client, bodies = place.client(), []
    for path, rows in _groups(_with_keys(place), place.options["keys"]):
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

    table, client, keys = _with_keys(place), place.client(), place.options["keys"]

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


def pyarrow_dataset(place: Place) -> Callable[[], Any]:
    """`pyarrow.dataset.write_dataset`, overwriting the partitions it meets."""
    import pyarrow.dataset as ds

    table, target, keys = _with_keys(place), arrow_s3(place), place.options["keys"]
    schema = table.select(keys).schema
    options = ds.ParquetFileFormat().make_write_options(compression="zstd", compression_level=3)

    def run() -> None:
        ds.write_dataset(
            table, f"{place.bucket}/{place.prefix}", format="parquet", filesystem=target, file_options=options,
            partitioning=ds.partitioning(schema, flavor="hive"), existing_data_behavior="delete_matching",
            max_partitions=10_000, max_open_files=10_000,
        )  # fmt: skip

    return run


def awswrangler(place: Place) -> Callable[[], Any]:
    """`wr.s3.to_parquet(dataset=True, mode="overwrite_partitions")`, with its threads."""
    import awswrangler
    import boto3

    frame = _with_keys(place).to_pandas()
    awswrangler.config.s3_endpoint_url = place.endpoint
    session = boto3.Session(**KEYS, region_name=REGION)

    def run() -> None:
        awswrangler.s3.to_parquet(
            frame, path=f"{place.uri}/", dataset=True, mode="overwrite_partitions", compression="zstd",
            partition_cols=place.options["keys"], boto3_session=session, use_threads=True,
        )  # fmt: skip

    return run


def pandas(place: Place) -> Callable[[], Any]:
    """`DataFrame.to_parquet(partition_cols=...)` on s3fs."""
    frame = _with_keys(place).to_pandas()
    options = {
        "key": KEYS["aws_access_key_id"], "secret": KEYS["aws_secret_access_key"],
        "client_kwargs": {"endpoint_url": place.endpoint},
    }  # fmt: skip

    def run() -> None:
        frame.to_parquet(
            place.uri, partition_cols=place.options["keys"], compression="zstd", index=False, storage_options=options,
            max_partitions=10_000,
        )  # fmt: skip

    return run


def duckdb(place: Place) -> Callable[[], Any]:
    """`COPY ... TO 's3://...' (PARTITION_BY ...)` with the httpfs extension."""
    import duckdb as engine

    table, keys = _with_keys(place), place.options["keys"]
    connection = engine.connect(
        config={"threads": 2, "autoinstall_known_extensions": False, "allow_unsigned_extensions": True}
    )
    connection.execute(f"LOAD '{_httpfs()}'")
    connection.execute(
        f"CREATE SECRET s (TYPE s3, KEY_ID '{KEYS['aws_access_key_id']}', SECRET '{KEYS['aws_secret_access_key']}', "
        f"REGION '{REGION}', ENDPOINT '{place.endpoint.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false)"
    )
    connection.register("given", table)

    def run() -> None:
        connection.execute(
            f"COPY given TO '{place.uri}' (FORMAT parquet, PARTITION_BY ({', '.join(keys)}), COMPRESSION zstd, "
            "OVERWRITE_OR_IGNORE)"
        )

    return run


def polars(place: Place) -> Callable[[], Any]:
    """The lazy partitioned sink."""
    import polars as pl

    frame = pl.from_arrow(_with_keys(place)).lazy()  # type: ignore[union-attr]

    def run() -> None:
        frame.sink_parquet(
            pl.PartitionBy(place.uri, key=place.options["keys"], include_key=False),
            compression="zstd", compression_level=3, storage_options=_object_store(place), mkdir=True,
        )  # fmt: skip

    return run


def delta(place: Place) -> Callable[[], Any]:
    """`write_deltalake(mode="overwrite", partition_by=...)`."""
    from deltalake import WriterProperties, write_deltalake

    table, keys = _with_keys(place), place.options["keys"]

    def run() -> None:
        write_deltalake(
            place.uri, table, mode="overwrite", partition_by=keys, storage_options=_object_store(place),
            writer_properties=WriterProperties(compression="ZSTD", compression_level=3),
        )  # fmt: skip

    return run


def _object_store(place: Place) -> dict[str, str]:
    return {
        "aws_access_key_id": KEYS["aws_access_key_id"], "aws_secret_access_key": KEYS["aws_secret_access_key"],
        "aws_region": REGION, "aws_endpoint_url": place.endpoint, "aws_allow_http": "true",
        "aws_virtual_hosted_style_request": "false", "aws_conditional_put": "etag",
    }  # fmt: skip


def _httpfs() -> Path:
    import duckdb_extension_httpfs

    return next(Path(duckdb_extension_httpfs.__file__).parent.glob("extensions/*/httpfs.duckdb_extension"))


def arrow_s3(place: Place) -> Any:
    """pyarrow's own S3 client."""
    from pyarrow.fs import S3FileSystem

    host = place.endpoint.removeprefix("http://")
    return S3FileSystem(
        access_key=KEYS["aws_access_key_id"], secret_key=KEYS["aws_secret_access_key"], endpoint_override=host,
        scheme="http", region=REGION,
    )  # fmt: skip


def _table(place: Place) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(place.path(place.options["file"]))


def _with_keys(place: Place) -> Any:
    """The rows with their partition columns, which every peer wants as columns; adding them is not timed."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = _table(place)
    if "day" in place.options["keys"]:
        stamp = table[place.options["stamp"]]
        for name, text in (("year", "%Y"), ("month", "%m"), ("day", "%d")):
            if name in place.options["keys"]:
                table = table.append_column(name, pc.strftime(stamp, text))
    return pa.table(
        {name: column.combine_chunks() for name, column in zip(table.schema.names, table.columns, strict=True)}
    )


def _groups(table: Any, keys: list[str]) -> Iterator[tuple[str, Any]]:
    """Sort by the partition columns' codes, cut where they change."""
    import numpy as np
    import pyarrow as pa

    code = np.zeros(table.num_rows, dtype="int64")
    for name in keys:
        found = table[name].combine_chunks().dictionary_encode()
        code = code * len(found.dictionary) + found.indices.to_numpy()
    order = np.argsort(code, kind="stable")
    cuts = np.flatnonzero(np.diff(code[order])) + 1
    names = table.select(keys).take(pa.array(order[np.concatenate(([0], cuts))])).to_pylist()
    rest = table.drop_columns(keys)
    bounds = [0, *cuts.tolist(), table.num_rows]
    for pairs, start, end in zip(names, bounds, bounds[1:], strict=False):
        yield "/".join(f"{key}={value}" for key, value in pairs.items()), rest.take(pa.array(order[start:end]))


def _contract(place: Place) -> Any:
    import pyarrow.parquet as pq

    from lakeworks.contract import Contract
    from lakeworks.types import from_arrow

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
    "awswrangler": Entry(awswrangler, peer=True),
    "pyarrow write_dataset": Entry(pyarrow_dataset),
    "pandas + s3fs": Entry(pandas, peer=True),
    "DuckDB COPY (httpfs)": Entry(duckdb, peer=True),
    "polars sink": Entry(polars, peer=True),
    "delta-rs": Entry(delta, peer=True),
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

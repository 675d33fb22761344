"""One partition of 2,000 small objects rewritten as one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.case import KEYS, REGION, Case, Entry, Place
from benchmarks.cases.catalog import catalog_of
from benchmarks.cases.write_peers import _httpfs, object_store
from benchmarks.cases.write_rows import arrow_s3

OBJECTS, ROWS_EACH = 2_000, 1_000


def lakeworks(place: Place) -> Callable[[], Any]:
    """`lakeworks compact`: rows counted and hashed on both sides, made live atomically, catalog and ledger updated."""
    from lakeworks.contract import Contract
    from lakeworks.core.partition import Partition, Period
    from lakeworks.engines.duckdb import DuckDbEngine
    from lakeworks.lake import Lake
    from lakeworks.ledger.publisher import Publisher
    from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
    from lakeworks.maintenance.compaction import compact
    from lakeworks.parquet.partition_writer import PartitionedWriter
    from lakeworks.pipeline.publish_step import entry_for
    from lakeworks.pipeline.registration import Registrar
    from lakeworks.s3.fast_client import FastS3Client
    from lakeworks.s3.object_store import ObjectStore

    name = f"silver.bench.t{place.prefix.rpartition('/')[2]}"

    def contract(**storage: Any) -> Contract:
        columns = {key: {"type": kind, "description": "", "required": key == "id"} for key, kind in _COLUMNS.items()}
        return Contract.model_validate(
            {
                "name": name, "version": "1.0.0", "description": "bench", "team": "bench",
                "grain": ["id"], "columns": columns, "partition_by": ["month"], "storage": {"layout": "versioned", **storage},
            }
        )  # fmt: skip

    month, scratch = Period.parse("2019-01"), Path(place.scratch)
    store, catalog = (
        ObjectStore(place.client(), place.bucket, fast_client=FastS3Client.of(place.client())),
        catalog_of(place),
    )
    lake = Lake(store, catalog, DuckDbEngine("1GB", 2, scratch), scratch)
    small, wanted = contract(target_bytes=1, row_group_rows=ROWS_EACH // 2), contract(target_bytes=256 << 20)
    run = Run(id="bench", started_at=datetime(2026, 1, 1, tzinfo=UTC))
    rows = _rows()
    staged = RunRecord(
        table=small.name, period=str(month), run=run, contract_version="1.0.0", schema_fingerprint="f", audit={"passed": True},
        balance=RowBalance(read=len(rows), staged=len(rows)), partitions=(),
    )  # fmt: skip
    parts = PartitionedWriter(store, small, staged.prefix, month, scratch).write(rows.to_reader(100_000))
    Publisher(lake.ledger, Registrar(replace(lake, contract=lambda _: small), small)).publish(
        [entry_for(small, staged, part) for part in parts]
    )

    def step() -> dict[str, Any]:
        done = compact(replace(lake, contract=lambda _: wanted), wanted, Partition.of_period(month))
        return {"rows": done.rows}

    return step


def polars(place: Place) -> Callable[[], Any]:
    """`scan_parquet` of the folder into one `sink_parquet`."""
    import polars as pl

    _put_small(place)
    options = object_store(place)

    def step() -> dict[str, Any]:
        pl.scan_parquet(f"{place.uri}/*.parquet", storage_options=options).sink_parquet(
            f"{place.uri}/out/one.parquet", compression="zstd", compression_level=3, storage_options=options
        )
        return {
            "rows": pl.scan_parquet(f"{place.uri}/out/one.parquet", storage_options=options)
            .select(pl.len())
            .collect()
            .item()
        }

    return step


def duckdb(place: Place) -> Callable[[], Any]:
    """`COPY (SELECT * FROM 's3://…/*.parquet') TO …` with the httpfs extension."""
    import duckdb as engine

    _put_small(place)
    connection = engine.connect(
        config={"threads": 2, "autoinstall_known_extensions": False, "allow_unsigned_extensions": True}
    )
    connection.execute(f"LOAD '{_httpfs()}'")
    connection.execute(
        f"CREATE SECRET s (TYPE s3, KEY_ID '{KEYS['aws_access_key_id']}', SECRET '{KEYS['aws_secret_access_key']}', "
        f"REGION '{REGION}', ENDPOINT '{place.endpoint.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false)"
    )

    def step() -> dict[str, Any]:
        target = f"{place.uri}/out/one.parquet"
        connection.execute(
            f"COPY (SELECT * FROM read_parquet('{place.uri}/*.parquet')) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )
        return {"rows": connection.execute(f"SELECT count(*) FROM '{target}'").fetchone()[0]}  # type: ignore[index]

    return step


def pyarrow(place: Place) -> Callable[[], Any]:
    """A dataset of the folder read whole and written as one object."""
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    _put_small(place)
    target = arrow_s3(place)

    def step() -> dict[str, Any]:
        rows = ds.dataset(f"{place.bucket}/{place.prefix}", filesystem=target).to_table()
        pq.write_table(
            rows,
            f"{place.bucket}/{place.prefix}/out/one.parquet",
            filesystem=target,
            compression="zstd",
            compression_level=3,
        )
        return {"rows": len(rows)}

    return step


_COLUMNS = {"id": "bigint", "value": "double", "symbol": "string"}


def _rows() -> Any:
    import numpy as np
    import pyarrow as pa

    count = OBJECTS * ROWS_EACH
    rng = np.random.default_rng(7)
    symbols = pa.DictionaryArray.from_arrays(
        pa.array(rng.integers(0, 500, count), pa.int32()), [f"S{n:03d}" for n in range(500)]
    )
    return pa.table(
        {"id": pa.array(range(count)), "value": rng.normal(100, 5, count).round(2), "symbol": symbols.cast(pa.string())}
    )


def _put_small(place: Place) -> None:
    """The same small objects, in a plain folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, client = _rows(), place.client()

    def put(number: int) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(rows.slice(number * ROWS_EACH, ROWS_EACH), sink, compression="zstd", compression_level=3)
        client.put_object(
            Bucket=place.bucket, Key=f"{place.prefix}/part-{number:05d}.parquet", Body=sink.getvalue().to_pybytes()
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(OBJECTS)))


CASES = [
    Case(
        "compaction",
        "2,000 small objects of a partition into one",
        {
            "lakeworks": Entry(lakeworks, note="rows counted and hashed, published atomically, catalog updated"),
            "polars": Entry(polars, peer=True, note="writes a file beside; nothing is checked or switched"),
            "DuckDB COPY (httpfs)": Entry(duckdb, peer=True, note="the same"),
            "pyarrow": Entry(pyarrow, note="the same"),
        },
        "",
    )
]

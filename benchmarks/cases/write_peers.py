"""The peers' own partitioned writers, each by its documented way to S3."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.case import KEYS, REGION, Place
from benchmarks.cases.write_rows import arrow_s3, with_keys


def pyarrow_dataset(place: Place) -> Callable[[], Any]:
    """`pyarrow.dataset.write_dataset`, overwriting the partitions it meets."""
    import pyarrow.dataset as ds

    table, target, keys = with_keys(place), arrow_s3(place), place.options["keys"]
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

    frame = with_keys(place).to_pandas()
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
    frame = with_keys(place).to_pandas()
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

    table, keys = with_keys(place), place.options["keys"]
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

    frame = pl.from_arrow(with_keys(place)).lazy()  # type: ignore[union-attr]

    def run() -> None:
        frame.sink_parquet(
            pl.PartitionBy(place.uri, key=place.options["keys"], include_key=False),
            compression="zstd", compression_level=3, storage_options=object_store(place), mkdir=True,
        )  # fmt: skip

    return run


def polars_sorted(place: Place) -> Callable[[], Any]:
    """The same work as ours but for the checksums: partitions sorted by grain."""
    import polars as pl

    frame = pl.from_arrow(with_keys(place)).lazy()  # type: ignore[union-attr]

    def run() -> None:
        frame.sort([*place.options["keys"], *place.options["grain"]]).sink_parquet(
            pl.PartitionBy(place.uri, key=place.options["keys"], include_key=False),
            compression="zstd", compression_level=3, storage_options=object_store(place), mkdir=True,
        )  # fmt: skip

    return run


def delta(place: Place) -> Callable[[], Any]:
    """`write_deltalake(mode="overwrite", partition_by=...)`."""
    from deltalake import WriterProperties, write_deltalake

    table, keys = with_keys(place), place.options["keys"]

    def run() -> None:
        write_deltalake(
            place.uri, table, mode="overwrite", partition_by=keys, storage_options=object_store(place),
            writer_properties=WriterProperties(compression="ZSTD", compression_level=3),
        )  # fmt: skip

    return run


def object_store(place: Place) -> dict[str, str]:
    return {
        "aws_access_key_id": KEYS["aws_access_key_id"], "aws_secret_access_key": KEYS["aws_secret_access_key"],
        "aws_region": REGION, "aws_endpoint_url": place.endpoint, "aws_allow_http": "true",
        "aws_virtual_hosted_style_request": "false", "aws_conditional_put": "etag",
    }  # fmt: skip


def _httpfs() -> Path:
    import duckdb_extension_httpfs

    return next(Path(duckdb_extension_httpfs.__file__).parent.glob("extensions/*/httpfs.duckdb_extension"))

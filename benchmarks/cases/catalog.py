"""Partitions registered in Glue and listed again."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from benchmarks.case import KEYS, REGION, Case, Entry, Place

_COLUMNS = 8


def catalog_of(place: Place) -> Any:
    """The product's catalog, its client set up as the product's is (`client_config`)."""
    from lakeworks.catalog.glue import GlueCatalog

    return GlueCatalog(place.client("glue", parameter_validation=False))


def lakeworks(place: Place) -> Callable[[], Any]:
    """Looks up what is there, creates what is missing, 100 a call, four calls at once."""
    from lakeworks.catalog.glue_inputs import CatalogPartition
    from lakeworks.contract import Contract
    from lakeworks.core.partition import Partition

    columns = {f"c{n}": {"type": "bigint", "description": "", "required": n == 0} for n in range(_COLUMNS)}
    columns |= {"symbol": {"type": "string", "description": ""}, "at": {"type": "timestamp", "description": ""}}
    table = place.prefix.replace("/", "_")
    contract = Contract.model_validate(
        {
            "name": f"silver.bench.{table}", "version": "1.0.0", "description": "bench", "team": "bench",
            "grain": ["c0"], "columns": columns, "partition_by": ["symbol", "day(at)"],
        }
    )  # fmt: skip
    catalog = catalog_of(place)
    catalog.upsert_table(contract, f"{place.uri}/")
    keys = ("symbol", "year", "month", "day")
    wanted = [
        CatalogPartition(
            Partition(tuple(zip(keys, values, strict=True))), f"{place.uri}/{'/'.join(values)}", 400, 12_000
        )
        for values in _values(place)
    ]

    def run() -> dict[str, Any]:
        catalog.upsert_partitions(contract, wanted)
        return {"rows": sum(1 for _ in catalog.partitions(contract))}

    return run


def awswrangler(place: Place) -> Callable[[], Any]:
    """`catalog.add_parquet_partitions` (creates only), then `catalog.get_partitions`."""
    import awswrangler as wr
    import boto3

    session = boto3.Session(**KEYS, region_name=REGION)
    wr.config.glue_endpoint_url = place.glue
    wr.config.s3_endpoint_url = place.endpoint
    table = place.prefix.replace("/", "_")
    _create(place, table)
    wanted = {f"{place.uri}/{'/'.join(values)}/": values for values in _values(place)}
    types = {f"c{n}": "bigint" for n in range(_COLUMNS)}

    def run() -> dict[str, Any]:
        wr.catalog.add_parquet_partitions("bench", table, wanted, columns_types=types, boto3_session=session)
        return {"rows": len(wr.catalog.get_partitions("bench", table, boto3_session=session))}

    return run


def one_by_one(place: Place) -> Callable[[], Any]:
    """A `create_partition` call for each, as simple scripts do."""
    client, table = place.client("glue"), place.prefix.replace("/", "_")
    _create(place, table)
    columns = [{"Name": f"c{n}", "Type": "bigint"} for n in range(_COLUMNS)]

    def run() -> dict[str, Any]:
        for values in _values(place):
            location = f"{place.uri}/{'/'.join(values)}/"
            client.create_partition(
                DatabaseName="bench", TableName=table,
                PartitionInput={"Values": values, "StorageDescriptor": {"Columns": columns, "Location": location}},
            )  # fmt: skip
        pages = client.get_paginator("get_partitions").paginate(DatabaseName="bench", TableName=table)
        return {"rows": sum(len(page["Partitions"]) for page in pages)}

    return run


def _values(place: Place) -> list[list[str]]:
    count = place.options["partitions"]
    return [[f"S{n // 365:04d}", "2024", f"{n % 365 // 31 + 1:02d}", f"{n % 365 % 31 + 1:02d}"] for n in range(count)]


def _create(place: Place, table: str) -> None:
    client = place.client("glue")
    with suppress(client.exceptions.AlreadyExistsException):
        client.create_database(DatabaseInput={"Name": "bench"})
    keys = [{"Name": name, "Type": "string"} for name in ("symbol", "year", "month", "day")]
    columns = [{"Name": f"c{n}", "Type": "bigint"} for n in range(_COLUMNS)]
    place_of = {"Columns": columns, "Location": f"{place.uri}/"}
    wanted = {
        "Name": table,
        "PartitionKeys": keys,
        "StorageDescriptor": place_of,
        "Parameters": {"classification": "parquet"},
    }
    client.create_table(DatabaseName="bench", TableInput=wanted)


ENTRIES = {
    "lakeworks": Entry(lakeworks, note="an upsert: looks up first"),
    "awswrangler": Entry(awswrangler, peer=True, note="creates only"),
    "create_partition one by one": Entry(one_by_one, note="creates only"),
}
CASES = [
    Case(
        "catalog_10k", "10,000 partitions registered and listed", ENTRIES, "", endpoint="glue",
        options={"partitions": 10_000},
    ),
    Case(
        "catalog_100k", "100,000 partitions registered and listed",
        {name: ENTRIES[name] for name in ("lakeworks", "awswrangler")}, "", endpoint="glue", options={"partitions": 100_000},
    ),
]  # fmt: skip

"""An Athena over orders of three days: the strict Glue server, S3 in this process, the bootstrap's own work group."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.athena.executions import QueryExecutions
from lakeworks.athena.statement import AthenaStatement, Readership, prepared
from lakeworks.catalog.glue import GlueCatalog
from lakeworks.catalog.glue_inputs import CatalogPartition
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.infrastructure.resources.athena import WorkGroup
from tests.conftest import client, contract_of
from tests.support.athena_engine import Engine
from tests.support.athena_server import Athena, serving_athena
from tests.support.glue_server import serving_glue

GROUP = "lake"
ORDERS = contract_of(
    "silver.shop.orders",
    partition_by=["day(order_date)"],
    columns={
        "id": {"type": "bigint", "required": True, "description": "key"},
        "order_date": {"type": "date", "required": True, "description": "day"},
        "placed_at": {"type": "timestamp", "description": "moment"},
        "customer": {"type": "string", "description": "who"},
        "email": {"type": "string", "pii": True, "description": "address"},
        "total": {"type": "decimal(18,2)", "description": "charged"},
        "weight": {"type": "double", "description": "kg"},
        "is_test": {"type": "boolean", "description": "no business"},
        "picture": {"type": "binary", "description": "bytes"},
        "items": {"type": "list<int>", "description": "numbers"},
    },
)
DAYS = [date(2017, 3, 1), date(2017, 3, 2), date(2017, 3, 3)]


def order(number: int, day: date, **more: Any) -> dict[str, Any]:
    given = {
        "id": number, "order_date": day, "placed_at": datetime(day.year, day.month, day.day, 9, 30, 0, 123456),
        "customer": f"c{number % 3}", "email": "ann@example.com", "total": Decimal("600.05"), "weight": 1.5,
        "is_test": False, "picture": b"\x00\xff", "items": [1, 2],
    }  # fmt: skip
    return {**given, **more}


class Bucket:
    """The two calls of S3 that Athena makes, over objects in memory."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]}]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": BytesIO(self.objects[Key])}


@dataclass
class Shop:
    """The service, a client of it, and a clock that only sleeping moves."""

    athena: Athena
    queries: QueryExecutions
    objects: dict[str, bytes]
    slept: list[float]

    @property
    def day_bytes(self) -> int:
        return len(self.objects["silver/shop/orders/year=2017/month=03/day=01/part-00000.parquet"])

    def limit(self, scanned: int) -> None:
        group = WorkGroup(GROUP, "s3://lake/_results/", scanned)
        group.write(self.queries.client, group.desired())


def contracts(_: str) -> Contract:
    return ORDERS


def statement(sql: str, *values: Any, **named: Any) -> AthenaStatement:
    return prepared(sql, named or values, Readership(contracts))


@pytest.fixture
def shop() -> Iterator[Shop]:
    objects: dict[str, bytes] = {}
    with serving_glue() as (_, glue_url):
        glue = client("glue", glue_url)
        catalog = GlueCatalog(glue, threads=1)
        catalog.ensure_database("silver_shop")
        catalog.upsert_table(ORDERS, "s3://lake/silver/shop/orders")
        for number, day in enumerate(DAYS):
            place = Partition.of_period(Period.parse(day.isoformat()))
            rows = [order(10 * number + n, day) for n in range(4)]
            body = BytesIO()
            pq.write_table(pa.Table.from_pylist(rows, ORDERS.arrow_schema), body)
            objects[f"silver/shop/orders/{place.path}/part-00000.parquet"] = body.getvalue()
            catalog.upsert_partitions(
                ORDERS, [CatalogPartition(place, f"s3://lake/silver/shop/orders/{place.path}", 4, len(body.getvalue()))]
            )
        with serving_athena(Engine(glue, Bucket(objects))) as (athena, url):
            now, slept = [0.0], list[float]()

            def sleep(seconds: float) -> None:
                slept.append(seconds)
                now[0] += seconds

            executions = QueryExecutions(client("athena", url), GROUP, lambda: now[0], sleep)
            made = Shop(athena, executions, objects, slept)
            made.limit(10_000_000)
            yield made

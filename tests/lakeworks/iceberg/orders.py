"""A versioned table with an Iceberg table beside it, published run by run, and read by Iceberg's own clients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.table import Table

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.parquet.dataset import open_dataset
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import publisher_of
from tests.conftest import KEYS, client, contract_of

COLUMNS = {
    "order_id": {"type": "bigint", "required": True, "description": "key"},
    "order_date": {"type": "date", "required": True, "description": "day"},
    "region": {"type": "string", "description": "category, in the path only"},
    "amount": {"type": "decimal(12,2)", "description": "value"},
}
MONTH = Period.parse("2019-01")
Row = tuple[int, date, str | None, Decimal]


def contract(**changes: Any) -> Contract:
    base: dict[str, Any] = {
        "columns": COLUMNS, "grain": ["order_id"], "partition_by": ["day(order_date)", "region"],
        "storage": {"layout": "versioned"}, "catalog": {"iceberg": True},
    }  # fmt: skip
    return contract_of("gold.shop.orders", **{**base, **changes})


def day(number: int) -> date:
    return date(2019, 1, number)


def row(number: int, on: int, region: str | None = "north", amount: str = "1.50") -> Row:
    return number, day(on), region, Decimal(amount)


class Killed(BaseException):
    """Stands for SIGKILL."""


@dataclass
class Orders:
    """Publishes rows as the pipeline does, each call as one run over all the partitions that it has."""

    lake: Lake
    url: str
    wanted: Contract = field(default_factory=contract)
    number: int = 0

    def __post_init__(self) -> None:
        self.lake = replace(self.lake, contract=lambda _: self.wanted)

    def run(self) -> Run:
        self.number += 1
        return Run(id=f"run-{self.number}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=self.number))

    def staged(self, rows: Sequence[tuple[Any, ...]], period: Period = MONTH) -> list[LedgerEntry]:
        names, order = (
            list(self.wanted.columns),
            [name for name in ("order_date", "region") if name in self.wanted.columns],
        )
        data = pa.table(
            {name: [item[i] for item in rows] for i, name in enumerate(names)},
            schema=pa.schema([(name, column.type.arrow) for name, column in self.wanted.columns.items()]),
        ).sort_by([(name, "ascending") for name in [*order, names[0]]])
        manifest = RunRecord(
            table=self.wanted.name, period=str(period), run=self.run(), contract_version="1.0.0", schema_fingerprint="f",
            balance=RowBalance(read=len(rows), staged=len(rows)), partitions=(), audit={"passed": True},
        )  # fmt: skip
        writer = PartitionedWriter(self.lake.store, self.wanted, manifest.prefix, period, self.lake.scratch)
        return [entry_for(self.wanted, manifest, item) for item in writer.write(data.to_reader())]

    def publisher(self, on_step: Callable[[str], None] = lambda _: None) -> Publisher:
        return replace(publisher_of(self.lake, self.wanted), on_step=on_step)

    def publish(self, rows: Sequence[tuple[Any, ...]], die_at: str = "", period: Period = MONTH) -> list[LedgerEntry]:
        def step(name: str) -> None:
            if name == die_at:
                raise Killed(name)

        publisher = self.publisher(step)
        if die_at == "visible":  # complete in the ledger, and no snapshot yet
            publisher = replace(publisher, on_visible=lambda _: step("visible"))
        return publisher.publish(self.staged(rows, period))

    def by_ledger(self) -> list[Row]:
        name = self.wanted.table
        live = self.lake.with_whole_runs([name]).ledger.live_partitions(name)
        return sorted_rows(open_dataset(self.lake.store, self.wanted, live.values()).to_table()) if live else []

    def iceberg(self) -> Table:
        """The table as any client of Glue and Iceberg opens it: nothing of lakeworks takes part."""
        properties = {
            "s3.endpoint": self.url, "s3.access-key-id": KEYS["aws_access_key_id"],
            "s3.secret-access-key": KEYS["aws_secret_access_key"], "s3.region": "us-east-1",
        }  # fmt: skip
        return GlueCatalog("any", client=client("glue", self.url), **properties).load_table("gold_shop.orders_iceberg")

    def by_iceberg(self, snapshot: int | None = None, **scan: Any) -> list[Row]:
        return sorted_rows(self.iceberg().scan(snapshot_id=snapshot, **scan).to_arrow())


def sorted_rows(table: pa.Table) -> list[Any]:
    names = [name for name in table.column_names if name not in ("year", "month", "day")]
    return sorted((tuple(item[name] for name in names) for item in table.to_pylist()), key=repr)

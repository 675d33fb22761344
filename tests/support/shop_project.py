"""A shop: orders as received, orders with types, revenue a day; with a lake in memory that publishes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.parquet.dataset import open_dataset
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.transform.fingerprints import code_fingerprint
from tests.support.two_table_project import write_project

RECEIVED, ORDERS, REVENUE = "bronze.sales.orders", "silver.sales.orders", "gold.sales.daily_revenue"
TABLES = (RECEIVED, ORDERS, REVENUE)
DAYS = [Period.parse(f"2024-01-0{day}") for day in (5, 6, 7)]
CONTRACT = """\
version: 1.0.0
description: Revenue a day.
team: sales
grain: [sold_on]
partition_by: [day(sold_on)]
columns:
  sold_on: {type: date, required: true, description: Day.}
  revenue: {type: 'decimal(20,2)', description: Euros.}
  orders: {type: bigint, description: Number of orders.}
"""
SQL = """\
SELECT
  CAST(placed_at AS DATE) AS sold_on,
  CAST(SUM(amount) AS DECIMAL(20, 2)) AS revenue,
  CAST(COUNT(*) AS BIGINT) AS orders
FROM silver_sales.orders
GROUP BY CAST(placed_at AS DATE)
"""
EXAMPLES = """\
- name: two orders of a day
  period: 2024-01-05
  given:
    silver.sales.orders:
      - {id: 1, placed_at: 2024-01-05 10:00:00, amount: 9.99}
      - {id: 2, placed_at: 2024-01-05 11:00:00, amount: 0.01}
  expect:
    - {sold_on: 2024-01-05, revenue: 10.00, orders: 2}
"""
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_FILLED: dict[tuple[str, datetime, int], tuple[Any, int]] = {}  # what `fill` made, by what the shop was before


def write_shop(root: Path) -> Path:
    """Write the project and return the folder of its tables."""
    tables = write_project(root)
    folder = tables / "gold/sales/daily_revenue"
    folder.mkdir(parents=True)
    (folder / "contract.yml").write_text(CONTRACT)
    (folder / "transform.sql").write_text(SQL)
    (folder / "examples.yml").write_text(EXAMPLES)
    return tables


@dataclass
class Shop:
    """A lake of the shop, and its project. Runs pass their audit without Great Expectations."""

    lake: Lake
    tables: Path
    runs: int = 0
    began: datetime = BEGAN

    def contracts(self) -> list[Contract]:
        """The tables' contracts, read again."""
        from lakeworks.contract import contract as module

        module._load.cache_clear()
        return [load_contract(name) for name in TABLES]

    def run(self) -> Run:
        """A run later than all before."""
        self.runs += 1
        return Run(id=f"run__{self.runs}", started_at=self.began + timedelta(hours=self.runs))

    def arrive(self, day: Period, amounts: Iterable[str], lake: Lake | None = None) -> RunRecord:
        """Publish a day's received orders, as a run of bronze does."""
        lake, run = lake or self.lake, self.run()
        contract = load_contract(RECEIVED)
        at = day.start.replace(tzinfo=None)
        rows = [
            {"id": number, "placed_at": at + timedelta(hours=number), "amount": Decimal(amount)}
            for number, amount in enumerate(amounts, 1)
        ]
        record = RunRecord(
            table=contract.name, period=str(day), run=run, contract_version=contract.version, schema_fingerprint="f",
            balance=RowBalance(read=len(rows), staged=len(rows)), partitions=(), audit={"passed": True},
            code=str(code_fingerprint(contract, load_contract)),
        )  # fmt: skip
        data = pa.Table.from_pylist(rows, contract.arrow_schema)
        staged = PartitionedWriter(lake.store, contract, record.prefix, day, lake.scratch).write(data.to_reader())
        return publish(lake, record.model_copy(update={"partitions": tuple(staged)}).save(lake.store).key)

    def build(self, table: str, day: Period, lake: Lake | None = None, run: Run | None = None) -> RunRecord:
        """Write a day of a table, let it pass, publish it."""
        lake = lake or self.lake
        record = write(lake, table, day, run or self.run())
        return publish(lake, record.model_copy(update={"audit": {"passed": True}}).save(lake.store).key)

    def fill(self) -> None:
        """Publish three live days. Runs of the same code make the same objects, so a process makes them once for all its tests."""
        self.contracts()
        bucket: Any = self.lake.store.client
        assert not bucket.objects, "only an empty shop is filled"
        files = [path for path in sorted(self.tables.rglob("*.*")) if path.is_file()]
        code = str([(path.relative_to(self.tables), path.read_text()) for path in files])
        if (before := (code, self.began, self.runs)) not in _FILLED:
            for day in DAYS:
                self.arrive(day, ["10.00", "5.00"])
            self.build_all()
            _FILLED[before] = bucket.saved(), self.runs
        saved, self.runs = _FILLED[before]
        bucket.restore(saved)

    def build_all(self, days: Iterable[Period] = DAYS, lake: Lake | None = None) -> None:
        """Build both tables above the received orders."""
        for day in days:
            for table in (ORDERS, REVENUE):
                self.build(table, day, lake)

    def double(self) -> None:
        """Change the code: amounts are doubled."""
        path = self.tables / "silver/sales/orders/transform.sql"
        path.write_text(path.read_text().replace("CAST(amount AS", "CAST(2 * amount AS"))
        self.contracts()

    def revenue(self, lake: Lake | None = None) -> dict[str, Decimal]:
        """The revenue of each day that a reader by ledger finds."""
        lake = lake or self.lake
        contract = load_contract(REVENUE)
        entries = lake.with_whole_runs([contract.table]).ledger.live_partitions(contract.table).values()
        rows = open_dataset(lake.store, contract, entries).to_table().to_pylist() if entries else []
        return {f"{row['sold_on']:%Y-%m-%d}": row["revenue"] for row in rows}

    def live(self, table: str, day: Period, lake: Lake | None = None) -> LedgerEntry | None:
        """What is live of a day."""
        from lakeworks.core.partition import Partition

        return (lake or self.lake).ledger.live(load_contract(table).table, Partition.of_period(day))

    def keys(self) -> dict[str, Any]:
        """Every object of the bucket outside dev lakes, with its ETag: what a live reader could see."""
        client: Any = self.lake.store.client
        return {key: item["ETag"] for key, item in client.objects.items() if not key.startswith("_dev/")}

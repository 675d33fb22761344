"""The lake as its own source: the bill of a month lands, is audited and published, and can be asked for."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.core.tenant import Tenant
from lakeworks.cost import report as costs
from lakeworks.cost.bill import BillingPeriod
from lakeworks.cost.bill_source import Stocktaking
from lakeworks.errors import ConfigError, NotPublishedYet, SourceRejected
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.parquet.dataset import open_dataset
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.prices import load_price_book

TABLE, MB = "gold.lake.storage_costs", 1 << 20
OCTOBER = Period.parse("2026-10")


def source(lake: Lake, now: datetime, inventory: str | None = None, region: str = "us-east-1") -> Stocktaking:
    ask = costs.ReportRequest(load_price_book(), region, BillingPeriod.run_rate(now), inventory)
    return Stocktaking(lake, ask, clock=lambda: now)


def put_inventory(lake: Lake) -> str:
    """October as an inventory saw it: a tenant's gigabyte all month, the lake's own for half of it."""
    rows = [
        ["gold/tenant=acme/market/returns/x", 1024 * MB, "2026-09-01T00:00:00.000Z", "GLACIER_IR"],
        ["silver/market/prices/x", 1024 * MB, "2026-10-16T12:00:00.000Z", "STANDARD"],
        ["metadata/tenants/acme.json", 100, "2026-09-01T00:00:00.000Z", "STANDARD"],
    ]
    text = "".join(",".join(f'"{value}"' for value in row) + "\n" for row in rows)
    lake.store.put("inventory/1.csv.gz", gzip.compress(text.encode()))
    schema = "Key, Size, LastModifiedDate, StorageClass"
    manifest = {"fileFormat": "CSV", "fileSchema": schema, "files": [{"key": "inventory/1.csv.gz"}]}
    lake.store.put("inventory/manifest.json", json.dumps(manifest).encode())
    return lake.store.uri("inventory/manifest.json")


def test_a_months_bill_becomes_a_gold_partition(lake: Lake, run_at: Callable[..., Run]) -> None:
    """From the inventory to SQL, every figure computed by hand; once more changes nothing."""
    at = datetime(2026, 11, 30, tzinfo=UTC)
    contract = load_contract(TABLE)
    land(lake, contract, OCTOBER, run_at(1), source(lake, at, put_inventory(lake)))
    record = publish(lake, audit(lake, write(lake, TABLE, OCTOBER, run_at(1)).key).key)
    assert (record.balance.staged, record.outcome) == (3, {"published": 1})
    with lake.engine.session() as session:
        session.attach(
            contract.table, open_dataset(lake.store, contract, lake.ledger.live_partitions(contract.table).values())
        )
        rows = session.query(
            "SELECT tenant, layer, table_name, storage_class, stored_bytes, storage_usd, requests_usd, total_usd "
            "FROM gold_lake.storage_costs ORDER BY layer"
        ).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("acme", "gold", "gold.market.returns", "GLACIER_IR", 1024 * MB, Decimal("0.004000"), Decimal(0), Decimal("0.004000")),
        ("-", "metadata", "-", "STANDARD", 100, Decimal(0), Decimal(0), Decimal(0)),
        ("-", "silver", "silver.market.prices", "STANDARD", 1024 * MB, Decimal("0.011500"), Decimal("0.000005"), Decimal("0.011505")),
    ]  # fmt: skip
    again = publish(lake, audit(lake, write(lake, TABLE, OCTOBER, run_at(2)).key).key)
    assert again.outcome == {"unchanged": 1}


def test_a_listing_right_after_the_month_will_do(lake: Lake, run_at: Callable[..., Run]) -> None:
    """The objects of this test are written now; the month is over as soon as the clock says so."""
    lake.for_tenant(Tenant("acme")).store.put("silver/market/prices/x", bytes(MB))
    now = datetime.now(UTC)
    month = Period.containing(now.replace(tzinfo=None), "month")
    end = BillingPeriod.month(now.year, now.month).end
    land(lake, load_contract(TABLE), month, run_at(1), source(lake, end + timedelta(hours=1)))
    manifest = write(lake, TABLE, month, run_at(1))
    assert manifest.balance.staged == 1, "what this very run lands came after the stock was taken"


@pytest.mark.parametrize(
    ("now", "error", "says"),
    [
        (datetime(2026, 10, 31, 23, tzinfo=UTC), NotPublishedYet, "from 2026-11-01 on"),
        (datetime(2026, 11, 12, tzinfo=UTC), SourceRejected, "Name an S3 Inventory"),
    ],
)
def test_a_month_whose_cost_cannot_be_computed_is_refused(
    lake: Lake, run_at: Callable[..., Run], now: datetime, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        land(lake, load_contract(TABLE), OCTOBER, run_at(1), source(lake, now))
    assert list(lake.store.scan("landing/")) == []


def test_a_missing_price_lands_nothing(lake: Lake, run_at: Callable[..., Run]) -> None:
    inventory = put_inventory(lake)
    broken = source(lake, datetime(2026, 11, 30, tzinfo=UTC), inventory, region="mars-1")
    with pytest.raises(ConfigError, match="region `mars-1`"):
        land(lake, load_contract(TABLE), OCTOBER, run_at(1), broken)
    assert list(lake.store.scan("landing/")) == []


def test_a_tenants_lake_is_billed_for_its_own(lake: Lake, tmp_path: Path) -> None:
    acme = lake.for_tenant(Tenant("acme"))
    ask = source(lake, datetime(2026, 11, 30, tzinfo=UTC), put_inventory(lake)).ask
    lines = costs.bill(acme, replace(ask, window=BillingPeriod.month(2026, 10)))
    assert [(line.tenant, line.layer) for line in lines] == [("acme", "gold")]

"""Every bronze and reference table is rebuilt from landing alone: bronze, staging and ledger gone, no network at all."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract import all_tables, load_contract
from lakeworks.core.layout import LANDING
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.landing.inbox import LakeInbox
from lakeworks.landing.quota import LakeState
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import SourceConnection, open_source
from lakeworks_local.replay import start_replay
from lakeworks_local.replay.shopify import TOKEN
from tests.lakeworks.sources.vendor_lake import Vendor
from tests.lakeworks_local.shops import small_shop
from tests.support.memory_s3 import memory_lake


@dataclass(frozen=True)
class Case:
    """What a table is fetched for, and how its vendor is asked."""

    period: str
    now: str = ""  # the vendor's clock; none: it has none
    key: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""


PREMIUM: dict[str, Any] = {"now": "2013-02-15T22:00:00Z", "key": "PREMIUM012345678", "options": {"profile": "premium"}}
SHOP: dict[str, Any] = {"now": "2017-01-03T00:10:00Z", "key": TOKEN, "options": {"read_all_orders": True}}
CASES = {
    "bronze.commerce.customers": Case("2017-01-02", **SHOP),
    "bronze.commerce.events": Case("2017-01-02"),
    "bronze.commerce.orders": Case("2017-01-02", **SHOP),
    "bronze.commerce.products": Case("2017-01-02", **SHOP),
    "bronze.market.crypto_bars": Case("2013-03-01", "2013-03-02T06:00:00Z", path="/api/v3"),
    "bronze.market.equity_daily_bars": Case("2013-02-15", **PREMIUM),
    "bronze.market.equity_minute_bars": Case("2013-01", **PREMIUM),
    "bronze.market.fundamentals": Case(
        "2013-03-01", "2013-03-02T06:00:00Z", options={"user_agent": "Test t@example.org"}
    ),
    "bronze.market.yahoo_daily_bars": Case("2020-08-28", "2020-09-01T22:00:00Z", options={"accept_terms": True}),
    "bronze.transport.yellow_trips": Case("2019-01"),
    "reference.market.exchange_calendar": Case("2013-03-01"),
    "reference.market.index_constituents": Case("2026-03-02", "2026-03-02T06:00:00Z"),
    "reference.market.portfolio_holdings": Case("2013-03-01"),
    "reference.market.ticker_metadata": Case("2013-02-15", **PREMIUM),
    "reference.transport.zones": Case("2019-01"),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with start_replay(small_shop) as found:
        yield found


def fetch(lake: Lake, table: str, url: str) -> None:
    case, contract = CASES[table], load_contract(table)
    name = str(contract.source).partition(".")[0]
    if case.now:
        Vendor(url, name).reset(case.now)
    inbox = LakeInbox(lake.store)
    base = f"{url}{case.path}" if name != "file_drop" else None  # dropped into the lake's own bucket
    access = SourceConnection(base, case.key, case.options, LakeState(lake.store), inbox)
    land(lake, contract, Period.parse(case.period), run(1), open_source(name, access=access))


def run(number: int) -> Run:
    return Run(id=f"run-{number}", started_at=datetime(2026, 1, 1, number, tzinfo=UTC))


def build(lake: Lake, table: str, number: int) -> list[tuple[str, str]]:
    """Partitions and the hashes of their objects, whose content says nothing of the run that builds."""
    staged = write(lake, table, Period.parse(CASES[table].period), run(number))
    publish(lake, staged.model_copy(update={"audit": {"passed": True}}).save(lake.store).key)
    return sorted((part.partition, item.sha256) for part in staged.partitions for item in part.objects)


def refuse(*_: object) -> None:
    raise AssertionError("the network was asked")


def test_no_table_with_a_source_is_left_out() -> None:
    contracts = [load_contract(table) for table in all_tables()]
    fetched = {item.name for item in contracts if item.source and item.table.layer in ("bronze", "reference")}
    assert fetched == {*CASES, "bronze.commerce.stream_events", "bronze.commerce.reconciliations"}, (
        "streams have a test of their own"
    )


@pytest.mark.parametrize("table", CASES)
def test_a_table_is_rebuilt_without_the_network_to_the_same_bytes(
    table: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = memory_lake(tmp_path)
    events = b'{"event_id": "1-placed", "at": "2017-01-02T10:00:00Z"}\n'
    lake.store.put("inbox/commerce_events/2017-01-02/till.jsonl", events)
    fetch(lake, table, url)
    before = build(lake, table, 1)
    assert before
    lost = [item.key for item in lake.store.scan("") if not item.key.startswith(f"{LANDING}/")]
    assert any(key.startswith(f"{table.replace('.', '/')}/") for key in lost)
    lake.store.delete(lost)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert build(lake, table, 2) == before

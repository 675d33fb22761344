"""The commerce domain end to end: what a shop does day by day, fetched over HTTP, becomes sales that follow every correction."""

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.landing.landing_set import LandingSet
from lakeworks.landing.responses import load_answer
from lakeworks.ledger.run_record import Run, RunRecord, inputs_fingerprint
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import SourceConnection, open_source
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.secrets import Secret
from lakeworks.sources.vendors.shopify import TOKEN_HEADER, Shopify, ShopifyConnection
from lakeworks_local.data.events import drop
from lakeworks_local.replay import start_replay
from lakeworks_local.replay.shop import ZONE
from lakeworks_local.replay.shopify import TOKEN
from tests.lakeworks_local.shops import cancelled_shop, small_shop
from tests.support.memory_s3 import memory_lake

ORDERS = "bronze.commerce.orders"
BRONZE = (ORDERS, "bronze.commerce.customers", "bronze.commerce.products")
SILVER = (
    "silver.commerce.products",
    "silver.commerce.customers",
    "silver.commerce.orders",
    "silver.commerce.order_lines",
)
GOLD = (
    "daily_sales",
    "top_customers",
    "department_sales",
    "customer_360_monthly",
    "customer_360_daily",
    "customer_profiles",
)


@dataclass
class Days:
    """A lake that is run day by day while the shop's clock goes on."""

    lake: Lake
    url: str
    is_audited: bool = False  # Great Expectations takes most of the time
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self) -> Run:
        number = next(self.numbers)
        return Run(id=f"run-{number}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number))

    def fetch(self, table: str, day: str, now: datetime | None = None) -> LandingSet:
        """Land a day's window as of ten minutes after the day, or another moment."""
        period = Period.parse(day, "day")
        moment = now or period.end + timedelta(minutes=10)
        requests.post(f"{self.url}/_control/clock", json={"source": "shopify", "now": moment.isoformat()}, timeout=5)
        http = HttpSource(self.url, secret=Secret(TOKEN_HEADER, TOKEN), sleep=lambda _: None)
        shop = Shopify(http, ShopifyConnection(read_all_orders=True), now=lambda: moment)
        found = land(self.lake, load_contract(table), period, self.run(), shop)
        assert isinstance(found, LandingSet)
        return found

    def build(self, table: str, day: str) -> RunRecord:
        staged = write(self.lake, table, Period.parse(day, "day"), self.run())
        if self.is_audited:
            staged = audit(self.lake, staged.key)
        else:
            staged = staged.model_copy(update={"audit": {"passed": True}}).save(self.lake.store)
        return publish(self.lake, staged.key)

    def day(self, day: str, *tables: str) -> dict[str, RunRecord]:
        """What the DAG does for a day; with tables, those alone."""
        for table in BRONZE:
            if not tables or table in tables:
                self.fetch(table, day)
        wanted = tables or (*BRONZE, *SILVER, *(f"gold.commerce.{name}" for name in GOLD))
        return {table: self.build(table, day) for table in wanted}

    def rows(self, table: str) -> list[dict[str, Any]]:
        live = self.lake.ledger.live_partitions(load_contract(table).table).values()
        bodies = [self.lake.store.get(item.key)[0] for entry in live for item in entry.objects]
        return [row for body in bodies for row in pq.read_table(io.BytesIO(body)).to_pylist()]


@pytest.fixture(scope="module")
def shop_url() -> Iterator[str]:
    with start_replay(small_shop) as url:
        requests.post(f"{url}/_control/limits", json={"source": "shopify"}, timeout=5)  # none
        yield url


@pytest.fixture
def days(tmp_path: Path, shop_url: str) -> Days:
    return Days(memory_lake(tmp_path), shop_url)


def sales(now: datetime) -> dict[str, tuple[int, int, Decimal, Decimal]]:
    """Orders that stand, cancelled ones, charged, given back: by the shop's day, worked out from the shop's own events."""
    found: dict[str, list[Any]] = {}
    for event in small_shop().events:
        if event.at <= now:
            day = found.setdefault(str(event.basket.placed_at.astimezone(ZONE).date()), [{}, {}])
            day[0][event.basket.number] = sum(line.paid for line in event.basket.lines)
            if event.cents < 0:
                day[1][event.basket.number] = (event.kind, -event.cents)
    result = {}
    for day, (paid, back) in found.items():
        gone = {number for number, (kind, _) in back.items() if kind == "cancelled"}
        refunds = sum(cents for number, (_, cents) in back.items() if number not in gone)
        charged = sum(cents for number, cents in paid.items() if number not in gone)
        result[day] = len(paid) - len(gone), len(gone), Decimal(charged) / 100, Decimal(refunds) / 100
    return result


def told(days: Days) -> dict[str, tuple[int, int, Decimal, Decimal]]:
    return {
        str(row["order_date"]): (
            row["order_count"],
            row["cancelled_order_count"],
            row["total_amount"],
            row["refunded_amount"],
        )
        for row in days.rows("gold.commerce.daily_sales")
    }


def test_days_become_sales_that_follow_every_correction(days: Days) -> None:
    days.is_audited = True
    first = days.day("2017-01-01")
    days.is_audited = False
    assert {table: record.outcome for table, record in first.items() if not record.outcome} == {}
    assert first["silver.commerce.order_lines"].balance.broken == {"known_product": 1}
    core = (ORDERS, "silver.commerce.orders", "silver.commerce.order_lines", "gold.commerce.daily_sales")
    days.day("2017-01-02", *core)
    assert told(days) == sales(datetime(2017, 1, 3, tzinfo=UTC))
    days.day("2017-01-05", *core)  # two days off
    assert told(days) == sales(datetime(2017, 1, 6, tzinfo=UTC))
    before = told(days)
    late = days.day("2017-01-14", *core)  # eight more: caught up from the watermark
    assert late["silver.commerce.orders"].touched is not None
    assert told(days) == sales(datetime(2017, 1, 15, tzinfo=UTC)) != before
    assert (
        len({row["order_id"] for row in days.rows("silver.commerce.orders")})
        == len(days.rows("silver.commerce.orders"))
        == 48
    )


def test_a_new_field_is_kept_and_money_that_comes_as_a_number_keeps_its_digits(days: Days) -> None:
    def fault(**wanted: Any) -> None:
        assert requests.post(f"{days.url}/_control/faults", json={"match": "/admin/*", **wanted}, timeout=5).ok

    fault(kind="rename", column="tags", to="labels", times=9)
    days.fetch(ORDERS, "2017-01-01")
    requests.delete(f"{days.url}/_control/faults", timeout=5)
    record = days.build(ORDERS, "2017-01-01")
    assert [column.name for column in record.extra_columns] == ["labels"]
    assert any("`tags` did not arrive" in drift for drift in record.drift)
    fault(kind="retype", column="total_price", to="float64", times=9)
    days.fetch(ORDERS, "2017-01-02")
    requests.delete(f"{days.url}/_control/faults", timeout=5)
    assert days.build(ORDERS, "2017-01-02").balance.staged, "`string` holds a number as it was written"


class DyingSession(requests.Session):
    """The worker is killed when it asks for the third page."""

    asked = 0

    def get(self, *arguments: Any, **named: Any) -> requests.Response:
        self.asked += 1
        if self.asked == 3:
            raise KeyboardInterrupt
        return super().get(*arguments, **named)


def test_a_worker_killed_in_the_middle_leaves_nothing_half_and_the_next_try_goes_on(days: Days) -> None:
    period, run, contract = Period.parse("2017-01-02"), days.run(), load_contract(ORDERS)
    contract = contract.model_copy(update={"source_options": {"page_size": 5}})
    session = DyingSession()
    http = HttpSource(days.url, session=session, secret=Secret(TOKEN_HEADER, TOKEN))
    shop = Shopify(http, ShopifyConnection(read_all_orders=True))
    requests.post(f"{days.url}/_control/clock", json={"source": "shopify", "now": "2017-01-03T00:10:00Z"}, timeout=5)
    with pytest.raises(KeyboardInterrupt):
        land(days.lake, contract, period, run, shop)
    with pytest.raises(LakeNotFound, match=r"1 fetches were begun, none is complete.*Run the fetch step first"):
        write(days.lake, ORDERS, period, run)
    found = land(days.lake, contract, period, run.model_copy(update={"attempt": 2}), shop)
    assert isinstance(found, LandingSet)
    assert found.figures["resumed"] == 2
    assert session.asked == len(found.answers) + 1, "only the page it died on is asked for again"
    days.build(ORDERS, "2017-01-02")
    assert len({row["id"] for row in days.rows(ORDERS)}) == len(days.rows(ORDERS)) > 10


def test_a_day_fetched_again_keeps_what_has_moved_on_and_changes_nothing_above(days: Days) -> None:
    days.day("2017-01-01", ORDERS, "silver.commerce.orders")
    received, silver = days.rows(ORDERS), days.rows("silver.commerce.orders")
    again = days.fetch(ORDERS, "2017-01-01", now=datetime(2017, 1, 30, tzinfo=UTC))
    shown = [row for item in again.answers for row in load_answer(days.lake, item.key)[0].json()["orders"]]
    assert 0 < len(shown) < len(received), "the shop shows only what did not change since"
    days.build(ORDERS, "2017-01-01")
    assert {(row["id"], row["updated_at"]) for row in days.rows(ORDERS)} >= {
        (row["id"], row["updated_at"]) for row in received
    }
    days.build("silver.commerce.orders", "2017-01-01")
    assert days.rows("silver.commerce.orders") == silver, "a version counts as it first arrived"


def test_everything_is_rebuilt_from_landing_without_the_network(days: Days) -> None:
    days.fetch(ORDERS, "2017-01-01")
    days.url = "http://127.0.0.1:9"
    days.build(ORDERS, "2017-01-01")
    before = days.rows(ORDERS)
    assert set(days.build(ORDERS, "2017-01-01").outcome or {}) == {"unchanged"}
    assert days.rows(ORDERS) == before != []


def test_a_day_without_changes_is_an_empty_day(days: Days) -> None:
    records = days.day("2016-11-05", ORDERS, "silver.commerce.orders")
    assert [record.outcome for record in records.values()] == [{}, {}]
    with pytest.raises(LakeNotFound, match="was never run for it"):
        days.build("silver.commerce.orders", "2016-11-06")


def test_a_snapshot_says_which_inputs_it_follows(days: Days) -> None:
    record = days.day("2017-01-01")["gold.commerce.customer_360_daily"]
    found = {(item.name, item.as_found) for item in record.inputs}
    assert found == {("silver.commerce.customers", True), ("silver.commerce.orders", True)}
    followed = [(item.name, item.partition, item.seq or 0) for item in record.inputs if not item.as_found]
    (entry,) = days.lake.ledger.live_partitions(load_contract("gold.commerce.customer_360_daily").table).values()
    assert entry.inputs == inputs_fingerprint(followed)


def test_persons_are_in_landing_and_bronze_only_and_the_token_nowhere(days: Days) -> None:
    days.day("2017-01-01", *BRONZE, *SILVER)
    for item in list(days.lake.store.scan("")):
        body = days.lake.store.get(item.key)[0]
        assert TOKEN.encode() not in body, item.key
        if item.key.startswith(("landing/", "bronze/", "_staging/bronze/")):
            continue
        text = str(pq.read_table(io.BytesIO(body)).to_pylist()) if item.key.endswith(".parquet") else body.decode()
        for trace in ("household-", "Sample Street", "+1555", "'Household'"):
            assert trace not in text, (item.key, trace)
    (one, *_) = days.rows("silver.commerce.customers")
    assert one["email_domain"] == "example.com"
    hashes = {row["customer_id"]: row["email_hash"] for row in days.rows("silver.commerce.customers")}
    assert {row["email_hash"] for row in days.rows("silver.commerce.orders")} <= set(hashes.values()), "they join"


def test_events_that_tills_drop_reach_bronze_as_they_are(days: Days, tmp_path: Path) -> None:
    period = Period.parse("2017-01-02")
    drop(tmp_path / "inbox", small_shop(), period.start.date())
    source = open_source("file_drop", access=SourceConnection((tmp_path / "inbox").as_uri()))
    land(days.lake, load_contract("bronze.commerce.events"), period, days.run(), source)
    days.build("bronze.commerce.events", "2017-01-02")
    rows = days.rows("bronze.commerce.events")
    moved = [event for event in small_shop().events if event.at.date() == period.start.date() and event.cents]
    assert {row["event_id"] for row in rows} == {f"{event.basket.number}-{event.kind}" for event in moved}
    assert len(rows) > len(moved), "what a till sent twice came twice"
    charged = {row["event_id"]: Decimal(row["amount"]) for row in rows}
    assert sum(charged.values()) == Decimal(sum(event.cents for event in moved)) / 100


def test_ledger_objects_and_catalogue_agree_on_nested_columns_and_on_a_day_without_rows(lake: Lake) -> None:
    """On real S3 and Glue protocols: every order of a day is cancelled on the next."""
    tables = (ORDERS, "silver.commerce.orders", "gold.commerce.top_customers")
    with start_replay(cancelled_shop) as url:
        days = Days(replace(lake, engine=replace(lake.engine, pii_salt="a salt for tests only")), url)
        days.day("2017-01-01", *tables)
        assert len(days.rows("gold.commerce.top_customers")) == 1
        days.day("2017-01-02", *tables)
    assert days.rows("gold.commerce.top_customers") == []
    assert [row["is_cancelled"] for row in days.rows("silver.commerce.orders")] == [True, True]
    found = days.lake.catalog.table(load_contract(ORDERS).table)
    assert found is not None
    types = {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]}
    assert types["line_items"].startswith("array<struct<id:bigint,product_id:bigint")
    (listed,) = days.lake.catalog.partitions(load_contract("gold.commerce.top_customers"))
    assert (listed["Values"], listed["Parameters"]["numRows"]) == (["2017", "01", "01"], "0")
    for table in tables:
        assert verify(days.lake, load_contract(table), deep=True) == []

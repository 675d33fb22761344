"""The Shopify client on a real HTTP server that answers as the vendor does, on good days and bad ones."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from lakeworks.core.partition import Period
from lakeworks.errors import (
    ConfigError,
    ContractError,
    MalformedSource,
    NotPublishedYet,
    QuotaExhausted,
    SourceRejected,
    SourceUnavailable,
)
from lakeworks.sources import FetchRequest, SourceConnection
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.secrets import Secret
from lakeworks.sources.response import SourceResponse
from lakeworks.sources.vendors.shopify import TOKEN_HEADER, Shopify, ShopifyConnection, connect, parse
from lakeworks_local.replay import start_replay
from lakeworks_local.replay.shopify import TOKEN
from tests.lakeworks_local.shops import small_shop

DAY = Period.parse("2017-01-02")
ORDERS = "/admin/api/2026-07/orders.json"


@dataclass
class Memory:
    """A landing in memory; `die_after` pages the process is gone."""

    landed: dict[str, SourceResponse] = field(default_factory=dict)
    die_after: int | None = None

    def fetch_once(self, name: str, ask: Callable[[], SourceResponse], **facts: str) -> SourceResponse:
        if name not in self.landed:
            if self.die_after is not None and len(self.landed) >= self.die_after:
                raise KeyboardInterrupt
            answer = ask()
            self.landed[name] = SourceResponse(
                answer.body, answer.url, answer.status, answer.headers, answer.fetched_at, facts
            )
        return self.landed[name]

    def ids(self, dataset: str = "orders") -> list[int]:
        return [row["id"] for answer in self.landed.values() for row in answer.json()[dataset]]


@pytest.fixture(scope="module")
def shop_url() -> Iterator[str]:
    with start_replay(small_shop) as url:
        yield url


@pytest.fixture
def url(shop_url: str) -> str:
    requests.delete(f"{shop_url}/_control/faults", timeout=5)
    requests.delete(f"{shop_url}/_control/requests", timeout=5)
    requests.post(f"{shop_url}/_control/limits", json={"source": "shopify"}, timeout=5)
    at(shop_url, "2018-02-01T00:00:00+00:00")
    return shop_url


def at(url: str, now: str) -> None:
    """Set the shop's clock."""
    assert requests.post(f"{url}/_control/clock", json={"source": "shopify", "now": now}, timeout=5).ok


def fault(url: str, **wanted: Any) -> None:
    assert requests.post(f"{url}/_control/faults", json={"match": ORDERS, **wanted}, timeout=5).ok


def queries(url: str) -> list[str]:
    return [item["query"] for item in requests.get(f"{url}/_control/requests", timeout=5).json()]


def client(url: str, token: str = TOKEN, now: datetime | None = None, **extra: Any) -> Shopify:
    http = HttpSource(url, secret=Secret(TOKEN_HEADER, token), sleep=lambda _: None)
    clock = now or datetime(2017, 1, 20, tzinfo=UTC)
    return Shopify(http, ShopifyConnection(**extra), now=lambda: clock)


def wanted(
    dataset: str = "orders", period: Period = DAY, since: datetime | None = None, **options: Any
) -> FetchRequest:
    return FetchRequest(dataset, period, {"page_size": 5, **options}, since)


def expected(first: datetime, end: datetime, now: datetime | None = None) -> list[int]:
    """The ids the shop would list, worked out without paging or filters of the API."""
    listed = small_shop().orders(now or datetime(2030, 1, 1, tzinfo=UTC))
    return [order.number for order in listed if first <= order.updated_at < end]


def test_every_change_of_the_window_comes_once_closed_orders_too(url: str) -> None:
    landing = Memory()
    facts = client(url).collect(wanted(), landing)
    assert landing.ids() == expected(DAY.start - timedelta(hours=1), DAY.end)
    assert len(landing.landed) > 2
    states = {bool(row["closed_at"]) for answer in landing.landed.values() for row in answer.json()["orders"]}
    assert states == {True, False}, "not only open ones, which is what the API gives unasked"
    assert facts == {
        "status": "any",
        "updated_at_min": "2017-01-01T23:00:00+00:00",
        "updated_at_max": "2017-01-02T23:59:59+00:00",
    }
    first, *others = queries(url)
    assert "status=any" in first
    assert others
    for query in others:
        assert set(dict(pair.split("=", 1) for pair in query.split("&"))) == {"limit", "page_info"}


def test_days_that_were_not_fetched_are_caught_up_and_windows_overlap(url: str) -> None:
    since, landing = datetime(2017, 1, 2, tzinfo=UTC), Memory()
    client(url).collect(wanted(period=Period.parse("2017-01-04"), since=since, overlap_minutes=90), landing)
    assert landing.ids() == expected(since - timedelta(minutes=90), datetime(2017, 1, 5, tzinfo=UTC))


def test_the_overlap_covers_a_worker_whose_clock_is_ahead(url: str) -> None:
    """The worker believes the day over five minutes early; what changes in those minutes comes with the next window."""
    real = datetime(2017, 1, 2, 23, 55, tzinfo=UTC)
    early, later = Memory(), Memory()
    at(url, real.isoformat())
    client(url, now=real + timedelta(minutes=5)).collect(wanted(), early)
    at(url, "2017-01-04T00:10:00+00:00")
    client(url).collect(wanted(period=Period.parse("2017-01-03"), since=DAY.end), later)
    changed = expected(real, DAY.end, datetime(2017, 1, 3, tzinfo=UTC))
    assert set(early.ids()) >= set(expected(DAY.start, real, real))
    assert set(changed) <= set(early.ids()) | set(later.ids())


def test_a_day_that_is_not_over_is_waited_for(url: str) -> None:
    with pytest.raises(
        NotPublishedYet, match=r"2017-01-02 is not over before 2017-01-03 00:00 UTC.*No request was sent"
    ):
        client(url, now=datetime(2017, 1, 2, 23, 59, 59, tzinfo=UTC)).collect(wanted(), Memory())
    assert queries(url) == []


def test_orders_the_app_cannot_see_are_not_taken_for_none(url: str) -> None:
    late = datetime(2017, 6, 1, tzinfo=UTC)
    with pytest.raises(SourceRejected, match="last 60 days only"):
        client(url, now=DAY.start + timedelta(days=61)).collect(wanted(), Memory())
    assert queries(url) == []
    client(url, now=DAY.start + timedelta(days=60)).collect(wanted(), Memory())
    with pytest.raises(SourceRejected, match=r"orders of the last 60 days only.*No request was sent.*read_all_orders"):
        client(url, now=late).collect(wanted(), Memory())
    landing = Memory()
    client(url, now=late, read_all_orders=True).collect(wanted(), landing)
    assert landing.ids()
    client(url, now=late).collect(wanted("customers"), Memory())  # only orders are hidden


def test_too_long_a_gap_is_not_fetched_as_one_day(url: str) -> None:
    with pytest.raises(
        ConfigError, match=r"ended 2016-11-01, 62 days\s+earlier, more than longest_window_days of 31.*backfill"
    ):
        client(url, read_all_orders=True).collect(wanted(since=datetime(2016, 11, 1, tzinfo=UTC)), Memory())


def test_the_first_fetch_of_master_data_takes_what_never_changed_since(url: str) -> None:
    first, second = Memory(), Memory()
    client(url).collect(wanted("products", first_fetch="everything"), first)
    assert first.ids("products") == [1, 2, 3, 4, 5, 6, 7]
    client(url).collect(wanted("products", since=DAY.start, first_fetch="everything"), second)
    assert second.ids("products") == []


@pytest.mark.parametrize("die_after", [0, 1, 2])
def test_a_fetch_killed_midway_goes_on_and_asks_nothing_twice(url: str, die_after: int) -> None:
    landing = Memory(die_after=die_after)
    with pytest.raises(KeyboardInterrupt):
        client(url).collect(wanted(), landing)
    landing.die_after = None
    # meanwhile the day before was landed: the window of the first attempt stands, its cursors carry it
    facts = client(url).collect(wanted(since=DAY.start - timedelta(days=3 if die_after else 0)), landing)
    assert facts["updated_at_min"] == "2017-01-01T23:00:00+00:00"
    assert landing.ids() == expected(DAY.start - timedelta(hours=1), DAY.end)
    asked = queries(url)
    assert len(asked) == len(set(asked)) == len(landing.landed)


def test_a_full_bucket_is_waited_out(url: str) -> None:
    waits: list[float] = []
    http = HttpSource(url, secret=Secret(TOKEN_HEADER, TOKEN), sleep=waits.append)
    headers = {"Retry-After": "2.0"}
    fault(url, kind="status", status=429, headers=headers, times=2)
    landing = Memory()
    Shopify(http, now=lambda: datetime(2017, 1, 20, tzinfo=UTC)).collect(wanted(), landing)
    assert waits == [2.0, 2.0]
    assert landing.ids() == expected(DAY.start - timedelta(hours=1), DAY.end)


def test_a_shop_that_asks_to_wait_for_long_is_left_alone_until_then(url: str) -> None:
    fault(url, kind="status", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(QuotaExhausted) as raised:
        client(url).collect(wanted(), Memory())
    assert raised.value.retry_at > datetime.now(UTC) + timedelta(minutes=59)


def test_an_expired_token_is_said_and_never_shown(url: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = "shpat_expired_0123456789abcdef"
    with caplog.at_level(logging.DEBUG), pytest.raises(SourceRejected) as raised:
        client(url, secret).collect(wanted(), Memory())
    assert "Invalid API key or access token" in str(raised.value)
    assert "HTTP 401" in str(raised.value)
    assert "Check the password (key or token)" in str(raised.value)
    assert secret not in str(raised.value) + caplog.text
    assert len(queries(url)) == 1, "a wrong token is not tried again"


def test_a_page_that_comes_again_is_asked_for_again_and_not_landed(url: str) -> None:
    fault(url, match=f"{ORDERS}?*page_info*", kind="duplicate_page", times=2)
    landing = Memory()
    client(url).collect(wanted(), landing)
    assert landing.ids() == expected(DAY.start - timedelta(hours=1), DAY.end)


def test_a_cursor_that_turns_in_a_circle_stops_and_leaves_what_is_good(url: str) -> None:
    fault(url, match=f"{ORDERS}?*page_info*", kind="duplicate_page", times=99)
    landing = Memory()
    with pytest.raises(MalformedSource, match=r"failed 5 times.*(came before|page 1 again)"):
        client(url).collect(wanted(), landing)
    assert list(landing.landed) == ["page-0001.json"], "the next attempt goes on from the last good page"
    requests.delete(f"{url}/_control/faults", timeout=5)
    client(url).collect(wanted(), landing)
    assert landing.ids() == expected(DAY.start - timedelta(hours=1), DAY.end)


@pytest.mark.parametrize(
    ("broken", "error", "says"),
    [
        ({"kind": "html", "times": 9}, MalformedSource, "the answer is no JSON"),
        (
            {"kind": "status", "status": 200, "body": '{"orders": {}}', "times": 9},
            MalformedSource,
            "has no list `orders`",
        ),
        (
            {"kind": "status", "status": 503, "body": "<html>We will be back</html>", "times": 9},
            SourceUnavailable,
            "HTTP 503",
        ),
        ({"kind": "status", "status": 404, "body": '{"errors":"Not Found"}'}, SourceRejected, "Not Found"),
        ({"kind": "truncate", "times": 9}, SourceUnavailable, "broke off|IncompleteRead|ProtocolError"),
    ],
)
def test_what_is_no_page_never_lands(url: str, broken: dict[str, Any], error: type[Exception], says: str) -> None:
    fault(url, **broken)
    landing = Memory()
    with pytest.raises(error, match=says):
        client(url).collect(wanted(), landing)
    assert landing.landed == {}


@pytest.mark.parametrize("kind", ["html", "truncate"])
def test_a_bad_moment_passes(url: str, kind: str) -> None:
    fault(url, kind=kind, times=2)
    landing = Memory()
    client(url).collect(wanted(), landing)
    assert landing.ids() == expected(DAY.start - timedelta(hours=1), DAY.end)


def test_wrong_options_and_data_sets_are_named(url: str) -> None:
    with pytest.raises(ContractError, match=r"source_options of the data set `orders`.*`pages`"):
        client(url).collect(wanted(pages=3), Memory())
    with pytest.raises(ContractError, match=r"no data set `carts`.*Known: orders, customers, products"):
        client(url).collect(wanted("carts"), Memory())


@pytest.mark.parametrize(
    ("access", "says"),
    [
        (SourceConnection(), "needs an Airflow connection `shopify`"),
        (SourceConnection("https://shop"), "access token as password"),
        (
            SourceConnection("https://shop", "shpat_0123456789", {"plan": "gold"}),
            "extra of the Airflow connection `shopify`.*plan",
        ),
    ],
)
def test_a_connection_that_lacks_something_says_what(access: SourceConnection, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        connect(access)


def test_the_plan_sets_the_pace() -> None:
    limits = connect(SourceConnection("https://shop", "shpat_0123456789", {"plan": "plus"})).http.limiter.limits
    assert (limits.per_second, limits.burst) == (20.0, 400)


def test_objects_stay_nested_and_an_empty_page_gives_no_rows() -> None:
    def answer(body: bytes) -> SourceResponse:
        return SourceResponse(body, "u", 200, {}, datetime(2017, 1, 3, tzinfo=UTC))

    page = answer(b'{"orders":[{"id":1,"line_items":[{"price":"1.00"}]},{"id":2,"note":"x"}]}')
    assert list(parse(wanted(), page)) == [{"id": 1, "line_items": [{"price": "1.00"}]}, {"id": 2, "note": "x"}]
    assert list(parse(wanted(), answer(b'{"orders":[]}'))) == []

"""CoinGecko on real HTTP: points, candles and pages; four shapes of errors; the year a Demo key may see."""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from lakeworks.errors import (
    ConfigError,
    ContractError,
    LakeError,
    MalformedSource,
    QuotaExhausted,
    SourceRejected,
    SourceUnavailable,
)
from lakeworks.formats.text.json_values import JsonNumber
from lakeworks.sources import SourceConnection
from lakeworks.sources.vendors.coingecko import CoinGecko, connect, parse
from tests.lakeworks.sources.vendor_lake import MemoryLanding, Vendor, rows, utc, wanted

KEY = "CG-0123456789abcdef"
CHART = wanted("market_chart", "2026-01-14", coins=["bitcoin", "ethereum"])


@pytest.fixture
def vendor(replay_url: str) -> Vendor:
    found = Vendor(replay_url, "coingecko")
    found.reset("2026-01-15T12:00:00Z")
    return found


def client(vendor: Vendor, key: str | None = KEY, waits: list[float] | None = None) -> CoinGecko:
    made = connect(SourceConnection(f"{vendor.url}/api/v3", key))
    return replace(made, http=replace(made.http, sleep=(waits if waits is not None else []).append))


def fetched(source: CoinGecko, asked: Any = CHART) -> list[Mapping[str, Any]]:
    landing = MemoryLanding()
    assert source.collect(asked, landing)["attribution"] == "Data provided by CoinGecko"
    return rows(parse, asked, landing)


def test_a_day_of_points_lies_inside_the_day(vendor: Vendor) -> None:
    found = fetched(client(vendor))
    assert {row["symbol"] for row in found} == {"bitcoin", "ethereum"}
    day = range(int(utc("2026-01-14").timestamp() * 1000), int(utc("2026-01-15").timestamp() * 1000))
    assert all(row["timestamp_ms"] in day for row in found)
    assert 280 < sum(row["symbol"] == "bitcoin" for row in found) <= 288
    assert found[0].keys() == {"symbol", "vs_currency", "timestamp_ms", "price", "market_cap", "total_volume", "vendor"}
    sent = vendor.seen()[0]
    assert (sent["headers"]["x-cg-demo-api-key"], "api-key" in sent["query"]) == (KEY, False)
    assert "x-cg-demo-api-key" not in (fetched(client(vendor, None)), vendor.seen()[-1]["headers"])[1]


def test_a_day_under_way_ends_with_a_live_point(vendor: Vendor) -> None:
    vendor.clock(now="2026-01-14T10:03:30Z")
    found = [row for row in fetched(client(vendor)) if row["symbol"] == "bitcoin"]
    assert found[-1]["timestamp_ms"] // 1000 >= utc("2026-01-14T10:03:30").timestamp()
    assert found[-1]["timestamp_ms"] % 300_000 != 0


@pytest.mark.parametrize(("days", "hours", "count"), [(1, 0.5, 48), (7, 4, 42), (365, 96, 91)])
def test_candles_carry_their_closing_time(vendor: Vendor, days: int, hours: float, count: int) -> None:
    found = fetched(client(vendor), wanted("ohlc", "2026-01-14", coins=["bitcoin"], days=days))
    steps = {after["close_time_ms"] - before["close_time_ms"] for before, after in pairwise(found)}
    assert (len(found), steps) == (count, {int(hours * 3_600_000)})
    assert all(row["low"] <= min(row["open"], row["close"]) <= row["high"] for row in found)


def test_the_market_list_is_read_page_by_page(vendor: Vendor) -> None:
    asked, landing = wanted("markets", "2026-01-14", top=3), MemoryLanding()
    client(vendor).collect(asked, landing)
    found = rows(parse, asked, landing)
    assert [row["market_cap_rank"] for row in found] == [1, 2, 3]
    assert found[0]["vs_currency"] == "usd"
    kinds = {type(row["current_price"]) for row in fetched(client(vendor), wanted("markets", "2026-01-14"))}
    assert kinds == {int, JsonNumber}, "a number keeps its own text"


def test_a_page_that_comes_twice_is_asked_for_again_and_never_landed(vendor: Vendor) -> None:
    pages = [json.dumps([{"id": f"coin-{number}"} for number in range(start, start + 250)]) for start in (0, 250)]
    for body in (pages[0], pages[0], pages[1]):
        vendor.fault(kind="status", status=200, body=body)
    landing = MemoryLanding()
    client(vendor).collect(wanted("markets", "2026-01-14", top=500), landing)
    assert [answer.text for answer in landing.answers.values()] == pages
    vendor.fault(kind="status", status=200, body=pages[0], times=9)
    landing = MemoryLanding()
    with pytest.raises(MalformedSource, match="page 2 of coins/markets is page 1 again"):
        client(vendor).collect(wanted("markets", "2026-01-14", top=500), landing)
    assert [*landing.answers] == ["page-0001.json"]


def test_a_period_beyond_the_year_is_no_question_of_the_key(vendor: Vendor) -> None:
    with pytest.raises(SourceRejected, match="older than the 365 days.*profile"):
        fetched(client(vendor), wanted("market_chart", "2025-01-01", coins=["bitcoin"]))
    leap = wanted("market_chart", "2024-02-29", coins=["bitcoin"])
    vendor.clock(now="2024-03-01T12:00:00Z")
    assert fetched(client(vendor), leap)


@pytest.mark.parametrize(
    ("status", "body", "error", "match"),
    [
        (
            401,
            {"status": {"error_code": 10002, "error_message": "API Key Missing."}},
            ConfigError,
            "refuses the key",
        ),
        (400, {"error_code": 10011, "status": {"error_message": "wrong host"}}, ConfigError, "profile"),
        (
            401,
            {"error": {"status": {"error_code": 10005, "error_message": "plan"}}},
            SourceRejected,
            "plan of this key",
        ),
        (200, {"error": {"status": {"error_code": 10012, "error_message": "old"}}}, SourceRejected, "365 days"),
        (422, {"error": "Missing parameter vs_currency"}, SourceRejected, "HTTP 422.*Missing parameter"),
        (200, {"status": {"error_code": 429, "error_message": "limit"}}, SourceUnavailable, "too many requests"),
        (200, {"prices": None}, MalformedSource, "no data"),
    ],
)
def test_each_shape_of_error_is_understood(
    vendor: Vendor, status: int, body: dict[str, Any], error: type[LakeError], match: str
) -> None:
    vendor.fault(kind="status", status=status, body=json.dumps(body), times=9)
    with pytest.raises(error, match=match):
        fetched(client(vendor))


def test_too_many_requests_are_waited_for_with_and_without_a_retry_after(vendor: Vendor) -> None:
    waits: list[float] = []
    vendor.fault(kind="status", status=429, headers={"Retry-After": "119"})
    vendor.fault(kind="status", status=429, body="error code: 1015")
    assert fetched(client(vendor, waits=waits))
    assert waits[0] == 119
    assert 1 <= waits[1] <= 2
    vendor.fault(kind="status", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(QuotaExhausted, match="asks to wait 3600 s"):
        fetched(client(vendor))


def test_the_replays_own_limit_is_met(vendor: Vendor) -> None:
    vendor.limits(per_second=0.01, burst=1)
    with pytest.raises(SourceUnavailable, match="HTTP 429"):
        fetched(client(vendor))


def test_an_unknown_coin_is_named(vendor: Vendor) -> None:
    asked, landing = wanted("market_chart", "2026-01-14", coins=["bitcoin", "nocoin"]), MemoryLanding()
    assert client(vendor).collect(asked, landing)["unknown"] == "nocoin"
    assert {row["symbol"] for row in rows(parse, asked, landing)} == {"bitcoin"}
    with pytest.raises(SourceRejected, match="knows none of nocoin"):
        fetched(client(vendor), wanted("market_chart", "2026-01-14", coins=["nocoin"]))
    with pytest.raises(ContractError, match="no data set `simple`"):
        fetched(client(vendor), wanted("simple", "2026-01-14", coins=["bitcoin"]))


def test_nulls_and_renamed_series_come_as_they_are(vendor: Vendor) -> None:
    vendor.fault(kind="null_bar")
    vendor.fault(kind="drop", column="total_volumes")
    found = fetched(client(vendor), wanted("market_chart", "2026-01-14", coins=["bitcoin"]))
    assert sum(row["price"] is None for row in found) == 1
    assert {row["total_volume"] for row in found} == {None}

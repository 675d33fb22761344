"""Alpha Vantage on real HTTP: its refusals by meaning, its rows as received."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from lakeworks.errors import (
    ConfigError,
    ContractError,
    LakeError,
    MalformedSource,
    PartitionKeyError,
    QuotaExhausted,
    SourceRejected,
    SourceUnavailable,
)
from lakeworks.sources import SourceConnection, open_source
from lakeworks.sources.http.shared_state import MemoryState
from lakeworks.sources.vendors.alpha_vantage import AlphaVantage, connect, parse
from lakeworks_local.replay import alpha_vantage as replay
from tests.lakeworks.sources.vendor_lake import MemoryLanding, Vendor, rows, wanted

KEY, PREMIUM = "FREE0123456789AB", "PREMIUM012345678"
DAILY = wanted("daily_bars", "2013-02-15", symbols=["IBM", "AAPL"])


@pytest.fixture
def vendor(replay_url: str) -> Vendor:
    found = Vendor(replay_url, "alpha_vantage")
    found.reset("2013-02-15T22:00:00Z")
    return found


def client(vendor: Vendor, key: str = KEY, waits: list[float] | None = None, **options: Any) -> AlphaVantage:
    return patient(connect(SourceConnection(vendor.url, key, options)), waits if waits is not None else [])


def patient(source: AlphaVantage, waits: list[float]) -> AlphaVantage:
    """The client, noting its waits instead of waiting."""
    return replace(source, http=replace(source.http, sleep=waits.append))


def fetched(source: AlphaVantage, asked: Any = DAILY) -> list[Mapping[str, Any]]:
    landing = MemoryLanding()
    source.collect(asked, landing)
    return rows(parse, asked, landing)


def test_a_free_key_brings_the_last_hundred_bars_as_text(vendor: Vendor) -> None:
    found = fetched(client(vendor))
    assert [row["symbol"] for row in found] == ["IBM"] * 100 + ["AAPL"] * 100
    assert found[0] == {
        "symbol": "IBM", "session_date": "2013-02-15", "open": "199.9800", "high": "201.2500", "low": "199.8200",
        "close": "200.9800", "volume": found[0]["volume"], "last_refreshed": "2013-02-15", "vendor": "alpha_vantage",
    }  # fmt: skip
    asked = [dict(pair.split("=") for pair in item["query"].split("&")) for item in vendor.seen()]
    assert asked[0] == {"function": "TIME_SERIES_DAILY", "outputsize": "compact", "symbol": "IBM", "apikey": KEY}


def test_a_premium_key_brings_all_sessions_with_events(vendor: Vendor) -> None:
    found = {
        row["session_date"]: row
        for row in fetched(client(vendor, PREMIUM, profile="premium"))
        if row["symbol"] == "AAPL"
    }
    assert (min(found), max(found)) == ("2000-03-01", "2013-02-15")
    assert found["2005-02-28"]["split_coefficient"] == "2.0"
    assert (found["2005-02-25"]["close"], found["2005-02-28"]["close"]) == ("88.9900", "44.8600"), "as traded"
    assert float(found["2005-02-25"]["adjusted_close"]) < 45
    assert float(found["2013-02-07"]["dividend_amount"]) == pytest.approx(2.57, abs=0.1)


def test_a_session_under_way_is_partial_and_says_so(vendor: Vendor) -> None:
    vendor.clock(now="2013-02-15T17:00:00Z")
    bar = fetched(client(vendor))[0]
    assert (bar["session_date"], bar["last_refreshed"]) == ("2013-02-15", "2013-02-15 12:00:00")
    vendor.clock(now="2013-02-15T22:00:00Z")
    whole = fetched(client(vendor))[0]
    assert float(bar["volume"]) < float(whole["volume"])
    assert whole["last_refreshed"] == "2013-02-15"


def test_minute_bars_are_new_york_wall_time_on_both_sides_of_the_clock_change(vendor: Vendor) -> None:
    asked = wanted("minute_bars", "2012-03", symbols=["IBM"])  # summer time began on 2012-03-11
    found = fetched(client(vendor, PREMIUM, profile="premium"), asked)
    days = sorted({row["bar_at"][:10] for row in found})
    assert {"2012-03-09", "2012-03-12"} <= set(days)
    for day in ("2012-03-09", "2012-03-12"):
        times = sorted(row["bar_at"][11:] for row in found if row["bar_at"].startswith(day))
        assert (times[0], times[-1], len(times)) == ("09:30:00", "15:59:00", 390)
    assert found[0].keys() == {
        "symbol", "bar_at", "open", "high", "low", "close", "volume", "time_zone", "vendor",
    }  # fmt: skip
    leap = fetched(client(vendor, PREMIUM, profile="premium"), wanted("minute_bars", "2012-02", symbols=["IBM"]))
    assert "2012-02-29" in {row["bar_at"][:10] for row in leap}


def test_the_overview_is_landed_with_the_vendors_names(vendor: Vendor) -> None:
    (found,) = fetched(client(vendor), wanted("overview", "2013-02-15", symbols=["IBM"]))
    assert (found["Symbol"], found["CIK"], found["MarketCapitalization"], found["Address"]) == (
        "IBM",
        "51143",
        "None",
        "-",
    )


def test_listings_come_as_lines_of_text(vendor: Vendor) -> None:
    found = fetched(client(vendor), wanted("listings", "2012-05-17", state="active"))
    assert [row["symbol"] for row in found] == ["AAPL", "GOOG", "IBM", "MSFT"], "Facebook was listed a day later"
    assert found[0]["delistingDate"] == "null"


@pytest.mark.parametrize(
    ("line", "says"),
    [("A,Agilent, Inc,NYSE,Stock,1999-11-18,null,Active", "line 2 has 8 fields"), ("B,Bar", "line 2 has 2 fields")],
    ids=["comma in the name", "cut"],
)
def test_a_listing_with_a_line_of_another_width_is_never_landed(vendor: Vendor, line: str, says: str) -> None:
    """Its values moved one column to the right, or became nulls."""
    header = "symbol,name,exchange,assetType,ipoDate,delistingDate,status"
    vendor.fault(kind="status", status=200, body=f"{header}\n{line}\n", times=9)
    landing = MemoryLanding()
    with pytest.raises(MalformedSource, match=says):
        client(vendor).collect(wanted("listings", "2012-05-17", state="active"), landing)
    assert landing.answers == {}


@pytest.mark.parametrize(
    ("body", "error", "match"),
    [
        (replay.PREMIUM_ONLY, SourceRejected, "premium endpoint.*response was not landed.*profile"),
        (replay.FULL_IS_PREMIUM, SourceRejected, "premium feature"),
        (replay.DAILY_CAP.format(key=KEY), QuotaExhausted, "requests of the day are used up"),
        (replay.NO_KEY, ConfigError, "does not know the key.*alpha_vantage"),
        ("Something about premium no one has read before", SourceUnavailable, "failed 5 times.*no one has read"),
    ],
    ids=["premium", "full", "cap", "key", "unknown"],
)
def test_each_sentence_of_the_vendor_has_its_own_error(
    vendor: Vendor, body: str, error: type[LakeError], match: str
) -> None:
    vendor.fault(kind="note200", body=body, times=9)
    with pytest.raises(error, match=match) as raised:
        fetched(client(vendor))
    assert KEY not in str(raised.value)


def test_a_free_key_on_a_premium_endpoint_is_refused_by_the_vendor(vendor: Vendor) -> None:
    with pytest.raises(SourceRejected, match="This is a premium endpoint.*profile"):
        fetched(client(vendor, KEY, profile="premium"))
    assert len(vendor.seen()) == 1


@pytest.mark.parametrize(
    "wording",
    [
        replay.BURST,
        # 2025-12: the day's cap is named, and yet it is a burst
        "Thank you for using Alpha Vantage! Please consider spreading out your free API requests more sparingly. You may subscribe "
        "to lift the free key rate limit (25 requests per day) and instantly unlock all premium endpoints",
    ],
)
def test_a_burst_is_waited_for(vendor: Vendor, wording: str) -> None:
    vendor.fault(kind="note200", body=wording, times=2)
    waits: list[float] = []
    assert len(fetched(client(vendor, waits=waits))) == 200
    assert waits.count(1.5) == 2


def test_the_limits_of_a_free_key_are_kept_by_the_client(vendor: Vendor) -> None:
    vendor.limits(per_second=1, per_day=25)
    vendor.clock(speed=1000)
    waits: list[float] = []
    source = patient(connect(SourceConnection(vendor.url, KEY)), waits)
    fetched(source, wanted("daily_bars", "2013-02-15", symbols=["IBM", "AAPL", "MSFT"]))
    assert [round(wait) for wait in waits] == [1, 2]
    assert all("spreading out" not in str(item) for item in vendor.seen())


def test_the_day_of_a_free_key_ends_after_25_requests_of_all_tasks(vendor: Vendor) -> None:
    state = MemoryState()
    for number in range(14):
        source = patient(connect(SourceConnection(vendor.url, KEY, state=state)), [])
        if number < 12:
            fetched(source)
    fetched(source, wanted("daily_bars", "2013-02-15", symbols=["IBM"]))
    with pytest.raises(QuotaExhausted, match="all 25 requests") as raised:
        fetched(source)
    assert raised.value.retry_at.hour == 0
    assert len(vendor.seen()) == 25


def test_a_symbol_that_is_not_known_is_landed_without_rows_and_named(vendor: Vendor) -> None:
    landing, asked = MemoryLanding(), wanted("daily_bars", "2013-02-15", symbols=["IBM", "ENRNQ"])
    assert client(vendor).collect(asked, landing) == {"unknown": "ENRNQ"}
    assert {row["symbol"] for row in rows(parse, asked, landing)} == {"IBM"}
    assert "Invalid API call" in landing.answers["ENRNQ.json"].text
    with pytest.raises(SourceRejected, match=r"Alpha Vantage knows none of ENRNQ.*source_options"):
        fetched(client(vendor), wanted("daily_bars", "2013-02-15", symbols=["ENRNQ"]))


@pytest.mark.parametrize("broken", [{"kind": "html"}, {"kind": "cut_json"}, {"kind": "truncate"}])
def test_what_is_no_json_is_asked_for_again(vendor: Vendor, broken: dict[str, Any]) -> None:
    vendor.fault(times=2, **broken)
    assert len(fetched(client(vendor))) == 200
    if broken["kind"] != "truncate":
        vendor.fault(times=9, **broken)
        with pytest.raises(MalformedSource, match="is no JSON; it begins with"):
            fetched(client(vendor))


def test_renamed_and_retyped_fields_reach_bronze_as_they_come(vendor: Vendor) -> None:
    vendor.fault(match="/query?*IBM*", kind="rename", column="4. close", to="4. last price")
    vendor.fault(match="/query?*IBM*", kind="retype", column="5. volume", to="int64")
    bar = fetched(client(vendor))[0]
    assert "close" not in bar
    assert (bar["last_price"], type(bar["volume"])) == ("200.9800", int)


@pytest.mark.parametrize("body", ["I,n,f,o,r,m,a,t\r\n", '{"detail": "Could not satisfy the request Accept header."}'])
def test_a_listing_that_is_none_is_refused(vendor: Vendor, body: str) -> None:
    vendor.fault(kind="status", status=200, body=body, times=9)
    with pytest.raises(MalformedSource, match="is no listing"):
        fetched(client(vendor), wanted("listings", "2013-02-15"))


def test_what_cannot_be_asked_is_said_before_a_request_is_spent(vendor: Vendor) -> None:
    for asked, error, match in [
        (wanted("minute_bars", "2013-02", symbols=["IBM"]), SourceRejected, "needs a premium key.*profile"),
        (wanted("minute_bars", "2013-02-15", symbols=["IBM"]), PartitionKeyError, "has files of a month"),
        (wanted("daily", "2013-02-15", symbols=["IBM"]), ContractError, "no data set `daily`"),
        (wanted("daily_bars", "2013-02-15", symbols=[]), ContractError, "`symbols`: .*at least 1"),
        (wanted("daily_bars", "2013-02-15", symbol="IBM"), ContractError, "`symbols`: Field required; `symbol`: Extra"),
    ]:  # fmt: skip
        with pytest.raises(error, match=match):
            fetched(client(vendor), asked)
    with pytest.raises(ConfigError, match=r"connection `alpha_vantage`: `profile`"):
        open_source("alpha_vantage", access=SourceConnection(options={"profile": "gold"}))
    assert vendor.seen() == []

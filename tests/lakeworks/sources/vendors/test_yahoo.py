"""Yahoo's chart API on real HTTP: parallel arrays with gaps, live bars and events; opt-in."""

from dataclasses import replace
from typing import Any

import pytest

from lakeworks.errors import ConfigError, ContractError, MalformedSource, SourceRejected, SourceUnavailable
from lakeworks.sources import FetchRequest, SourceConnection
from lakeworks.sources.vendors.yahoo import Yahoo, connect, parse
from tests.lakeworks.sources.vendor_lake import MemoryLanding, Vendor, rows, utc, wanted

NOW = "2020-09-02T22:00:00"


@pytest.fixture
def vendor(replay_url: str) -> Vendor:
    found = Vendor(replay_url, "yahoo")
    found.reset(f"{NOW}Z")
    return found


def client(vendor: Vendor) -> Yahoo:
    made = connect(SourceConnection(vendor.url, options={"accept_terms": True}))
    return replace(made, http=replace(made.http, sleep=lambda _: None), clock=lambda: utc(NOW).timestamp())


def fetched(vendor: Vendor, asked: FetchRequest | None = None) -> list[Any]:
    asked = asked or wanted("daily_bars", "2020-08-06", symbols=["AAPL"])
    landing = MemoryLanding()
    client(vendor).collect(asked, landing)
    return rows(parse, asked, landing)


def test_bars_and_events_from_the_period_to_now(vendor: Vendor) -> None:
    found = fetched(vendor)
    assert len(found) == 20
    split = next(row for row in found if row["split_numerator"])
    assert (split["timestamp"], split["split_numerator"], split["split_denominator"]) == (
        int(utc("2020-08-31T13:30:00").timestamp()), 4.0, 1.0,
    )  # fmt: skip
    dividend = next(row for row in found if row["dividend_amount"])
    assert dividend["timestamp"] == int(utc("2020-08-07T13:30:00").timestamp())
    assert dividend["dividend_amount"] == pytest.approx(0.205, abs=0.02)
    assert found[0]["close"] == pytest.approx(113.9, abs=0.1)
    assert (found[0]["currency"], found[0]["exchange_timezone_name"]) == ("USD", "America/New_York")


def test_history_is_rewritten_by_a_split(vendor: Vendor) -> None:
    after = fetched(vendor)[0]
    vendor.clock(now="2020-08-28T22:00:00Z")
    before = fetched(vendor)[0]
    assert before["timestamp"] == after["timestamp"]
    assert before["close"] == pytest.approx(after["close"] * 4, rel=1e-6)


def test_opening_follows_the_clock_of_new_york(vendor: Vendor) -> None:
    vendor.clock(now="2020-09-02T22:00:00Z")
    found = {row["timestamp"] for row in fetched(vendor, wanted("daily_bars", "2020-03-05", symbols=["AAPL"]))}
    assert {int(utc("2020-03-06T14:30:00").timestamp()), int(utc("2020-03-09T13:30:00").timestamp())} <= found
    assert int(utc("2020-02-29T14:30:00").timestamp()) not in found


def test_gaps_live_bars_and_empty_windows_are_kept_as_they_are(vendor: Vendor) -> None:
    vendor.fault(kind="null_bar")
    vendor.fault(kind="partial")
    found = fetched(vendor)
    gap = next(row for row in found if row["close"] is None)
    assert (gap["open"], gap["volume"], gap["adjclose"]) == (None, 0, None)
    assert found[-1]["timestamp"] > found[-2]["timestamp"], "the live quote comes as another bar"
    vendor.fault(kind="empty")
    assert fetched(vendor) == []


def test_an_event_without_a_bar_is_a_row_and_one_with_two_bars_is_one(vendor: Vendor) -> None:
    body = (
        '{"chart": {"error": null, "result": [{"meta": {}, "timestamp": [10, 10], "events": {"dividends": {"10": {"amount": 1.5, '
        '"date": 10}}, "splits": {"20": {"date": 20, "numerator": 2.0, "denominator": 1.0}}}, "indicators": {"quote": [{"open": '
        "[1, 2]}]}}]}}"
    )
    vendor.fault(kind="status", status=200, body=body)
    found = fetched(vendor)
    assert [(row["timestamp"], row["open"], row["dividend_amount"], row["split_numerator"]) for row in found] == [
        (10, 1, 1.5, None), (10, 2, None, None), (20, None, None, 2.0),
    ]  # fmt: skip


def test_a_delisted_symbol_is_named_and_a_refused_range_is_reported(vendor: Vendor) -> None:
    landing, asked = MemoryLanding(), wanted("daily_bars", "2020-08-06", symbols=["AAPL", "ENRNQ"])
    assert client(vendor).collect(asked, landing) == {"unknown": "ENRNQ"}
    assert {row["symbol"] for row in rows(parse, asked, landing)} == {"AAPL"}
    body = '{"chart":{"result":null,"error":{"code":"Unprocessable Entity","description":"The requested range is too long."}}}'
    vendor.fault(kind="status", status=422, body=body)
    with pytest.raises(SourceRejected, match="requested range is too long"):
        fetched(vendor)


@pytest.mark.parametrize(
    ("fault", "error", "match"),
    [
        (
            {"kind": "status", "status": 429, "body": "Edge: Too Many Requests"},
            SourceUnavailable,
            "HTTP 429: 'Edge: Too Many",
        ),
        ({"kind": "status", "status": 200, "body": "Too Many Requests"}, SourceUnavailable, "Too Many Requests"),
        ({"kind": "html"}, MalformedSource, "no JSON"),
        (
            {"kind": "status", "status": 200, "body": "[1, 2]"},
            MalformedSource,
            r"another shape than expected .*begins with '\[1, 2\]'",
        ),
        ({"kind": "status", "status": 200, "body": '{"chart": {}}'}, MalformedSource, "no result"),
    ],
)
def test_a_malformed_answer_is_reported(vendor: Vendor, fault: dict[str, Any], error: Any, match: str) -> None:
    vendor.fault(times=9, **fault)
    with pytest.raises(error, match=match):
        fetched(vendor)


def test_it_has_to_be_switched_on(vendor: Vendor) -> None:
    for options in ({}, {"accept_terms": False}):
        with pytest.raises(ConfigError, match="connection `yahoo`: `accept_terms`"):
            connect(SourceConnection(vendor.url, options=options))
    with pytest.raises(ContractError, match="no data set `bars`"):
        fetched(vendor, wanted("bars", "2020-08-06", symbols=["AAPL"]))

"""The replay server as the vendor's CDN: what its answers look like, good and bad."""

import csv
import gzip
import io
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from lakeworks_local.data import equities
from lakeworks_local.data.packages import BOKEH
from lakeworks_local.data.sample_months import AIRPORT_FEE_DOUBLE, COLUMNS, MONTHS
from lakeworks_local.replay.nyc_tlc import DATA

PATH = "/trip-data/yellow_tripdata_2019-01.parquet"


@pytest.fixture
def server(replay_url: str) -> str:
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    return replay_url


def fault(server: str, *faults: dict[str, object]) -> requests.Response:
    return requests.post(
        f"{server}/_control/faults", json=[{"match": "/trip-data/*", **item} for item in faults], timeout=5
    )


def test_head_and_ranges(server: str) -> None:
    whole = (DATA / "yellow_tripdata_2019-01.parquet").read_bytes()
    head = requests.head(server + PATH, timeout=5)
    assert (head.status_code, int(head.headers["Content-Length"]), head.content) == (200, len(whole), b"")
    for wanted, status, body in [
        ("bytes=0-3", 206, b"PAR1"), ("bytes=-4", 206, b"PAR1"), (f"bytes={len(whole) - 4}-", 206, b"PAR1"),
        ("bytes=abc", 200, whole), ("bytes=-", 200, whole), ("bytes=0-1,5-6", 200, whole), (f"bytes={len(whole)}-", 416, b""),
    ]:  # fmt: skip
        answer = requests.get(server + PATH, headers={"Range": wanted}, timeout=5)
        assert (answer.status_code, answer.content == body) == (status, True), wanted


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_known_etag_is_not_sent_again(server: str, form: str) -> None:
    etag = requests.head(server + PATH, timeout=5).headers["ETag"]
    assert requests.get(server + PATH, headers={"If-None-Match": form.format(etag)}, timeout=5).status_code == 304


@pytest.mark.parametrize(
    "path", ["/trip-data/yellow_tripdata_2031-05.parquet", "/trip-data/nothing.csv", "/misc/other"]
)
def test_what_is_not_there_is_forbidden_as_the_cdn_says(server: str, path: str) -> None:
    answer = requests.get(server + path, timeout=5)
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text


def test_an_unknown_fault_is_refused(server: str) -> None:
    assert fault(server, {"kind": "explode"}).status_code == 400
    assert fault(server, {"kind": "status", "colour": "red"}).status_code == 400
    assert requests.get(f"{server}/_control/faults", timeout=5).json() == []


def test_the_schema_change_of_2023_02_comes_as_one(server: str) -> None:
    fault(
        server,
        {"kind": "rename", "column": "airport_fee", "to": "Airport_fee"},
        {"kind": "retype", "column": "VendorID", "to": "int32"},
        {"kind": "retype", "column": "store_and_fwd_flag", "to": "large_string"},
        {"kind": "drop", "column": "no_such_column"},
    )
    schema = pq.read_schema(io.BytesIO(requests.get(server + PATH, timeout=5).content))
    assert "airport_fee" not in schema.names
    assert (schema.field("VendorID").type, schema.field("store_and_fwd_flag").type) == (pa.int32(), pa.large_string())
    assert "Airport_fee" in schema.names


def test_a_republished_file_differs_in_one_fare(server: str) -> None:
    before = pq.read_table(io.BytesIO(requests.get(server + PATH, timeout=5).content))
    fault(server, {"kind": "republished"})
    after = pq.read_table(io.BytesIO(requests.get(server + PATH, timeout=5).content))
    assert after.drop_columns(["fare_amount"]).equals(before.drop_columns(["fare_amount"]))
    changed = [a != b for a, b in zip(before["fare_amount"].to_pylist(), after["fare_amount"].to_pylist(), strict=True)]
    assert sum(changed) == 1


@pytest.mark.parametrize("month", MONTHS)
def test_every_shipped_month_has_the_vendors_columns_and_types(month: str) -> None:
    found = pq.read_schema(DATA / f"yellow_tripdata_{month}.parquet")
    fee = pa.float64() if month in AIRPORT_FEE_DOUBLE else pa.null()
    assert {field.name: field.type for field in found} == {**COLUMNS, "airport_fee": fee}


@pytest.mark.parametrize("month", MONTHS)
def test_a_missing_flag_is_null_not_empty_text(month: str) -> None:
    flags = pq.read_table(DATA / f"yellow_tripdata_{month}.parquet")["store_and_fwd_flag"].to_pylist()
    assert set(flags) <= {"Y", "N", None}


def test_the_command_says_where_it_listens_and_stops_on_sigterm(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    process = subprocess.Popen([sys.executable, "-m", "lakeworks_local.replay", "--ready-file", str(ready)])
    try:
        while not (ready.is_file() and ready.read_text()):
            assert process.poll() is None
            time.sleep(0.02)
        assert requests.get(f"{ready.read_text()}/_control/health", timeout=5).ok
    finally:
        process.terminate()
        assert process.wait(10) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"not json", b'{"match": "/*"}', b'{"match": "/*", "kind": "status", "times": "2"}', b"[1]",
        b'{"match": "/*", "kind": "retype", "column": "a", "to": "no_such_type"}', b'{"match": "/*", "kind": "rename"}',
        b'{"match": "/*", "kind": "status", "times": -1}',
    ],
)  # fmt: skip
def test_a_fault_that_is_none_is_refused_and_says_why(server: str, body: bytes) -> None:
    answer = requests.post(f"{server}/_control/faults", data=body, timeout=5)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert requests.get(f"{server}/_control/faults", timeout=5).json() == []


def test_looking_at_the_header_uses_no_fault_up(server: str) -> None:
    etag = requests.head(server + PATH, timeout=5).headers["ETag"]
    fault(server, {"kind": "republished"})
    changed = [requests.head(server + PATH, timeout=5).headers["ETag"] for _ in range(2)]
    assert changed[0] == changed[1] != etag
    assert requests.get(server + PATH, timeout=5).headers["ETag"] == changed[0]
    assert requests.get(server + PATH, timeout=5).headers["ETag"] == etag


def test_the_start_page_says_what_is_replayed(server: str) -> None:
    found = requests.get(f"{server}/", timeout=5).json()
    assert {"alpha_vantage", "coingecko", "nyc_tlc", "sec", "sp500", "yahoo"} <= set(found["replay of"])
    for path in found["control"]:
        assert requests.get(server + path, timeout=5).ok


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", b"no"), ("clock", b'{"source": "no one"}'), ("clock", b'{"source": "*", "speed": 0}'),
        ("clock", b'{"source": "*", "now": "2013-02-15T00:00:00"}'), ("limits", b'{"source": "no one"}'), ("limits", b"{}"),
    ],
)  # fmt: skip
def test_a_clock_or_limit_that_is_none_is_refused(server: str, path: str, body: bytes) -> None:
    answer = requests.post(f"{server}/_control/{path}", data=body, timeout=5)
    assert (answer.status_code, "error" in answer.json()) == (400, True)


def test_a_vendors_time_can_be_set_and_sped_up(server: str) -> None:
    def now() -> datetime:
        return datetime.fromisoformat(requests.get(f"{server}/_control/clock", timeout=5).json()["sec"]["now"])

    requests.post(
        f"{server}/_control/clock", json={"source": "sec", "now": "2013-02-15T22:00:00Z", "speed": 36000}, timeout=5
    )
    time.sleep(0.2)
    assert now() - datetime(2013, 2, 15, 22, tzinfo=UTC) > timedelta(hours=1)
    requests.post(f"{server}/_control/clock", json={"source": "*", "speed": 1}, timeout=5)


def test_a_free_keys_limits_are_the_vendors(server: str) -> None:
    def ask(key: str = "FREE-of-this-test") -> str:
        params = {"function": "TIME_SERIES_DAILY", "symbol": "IBM", "apikey": key}
        return str(requests.get(f"{server}/query", params=params, timeout=5).json().get("Information", ""))

    def set_limits(**limits: object) -> None:
        requests.delete(f"{server}/_control/limits", timeout=5)
        requests.post(f"{server}/_control/limits", json={"source": "alpha_vantage", **limits}, timeout=5)

    set_limits(per_second=0.01, per_day=25)
    assert ["spreading out" in ask() for _ in range(3)] == [False, True, True]
    assert ask("PREMIUM-of-this-test") == ask("PREMIUM-of-this-test") == ""
    set_limits(per_day=25)
    said = [ask() for _ in range(26)]
    assert said[:25] == [""] * 25
    assert "your API key as FREE-of-this-test and our standard API rate limit is 25 requests per day" in said[25]


def test_json_is_cut_noted_and_repeated_on_demand(server: str) -> None:
    def ask(**params: object) -> requests.Response:
        return requests.get(f"{server}/api/v3/coins/markets", params={"vs_currency": "usd", **params}, timeout=5)

    requests.delete(f"{server}/_control/limits", timeout=5)

    def coins(**params: object) -> list[str]:
        return [row["id"] for row in ask(per_page=2, **params).json()]

    first = coins(page=1)
    fault(server, {"match": "/api/*", "kind": "duplicate_page"})
    assert coins(page=2) == first
    assert coins(page=2) != first
    fault(server, {"match": "/api/*&page=2*", "kind": "cut_json"})
    assert coins(page=1) == first
    with pytest.raises(requests.JSONDecodeError):
        coins(page=2)
    fault(server, {"match": "/api/*", "kind": "note200", "body": "hello"})
    assert ask().json() == {"Information": "hello"}
    fault(server, {"match": "/api/*", "kind": "retype", "column": "market_cap", "to": "string"})
    assert {type(row["market_cap"]) for row in ask().json()} == {str}
    assert ask().headers["x-lakeworks-synthetic"] == "true"


def test_real_prices_keep_what_the_exchange_says_of_them() -> None:
    found = equities.sessions()
    assert {symbol: len(days) for symbol, days in found.items()} == {
        "AAPL": 3270,
        "FB": 196,
        "GOOG": 2148,
        "IBM": 3270,
        "MSFT": 3270,
    }
    splits = {(symbol, str(day.day)) for symbol, days in found.items() for day in days if day.split != 1}
    assert splits == {("AAPL", "2000-06-21"), ("AAPL", "2005-02-28"), ("MSFT", "2003-02-18")}
    dividends = {symbol: sum(day.dividend > 0 for day in days) for symbol, days in found.items()}
    assert (dividends["AAPL"], dividends["IBM"], dividends["FB"]) == (3, 52, 0)
    for days in found.values():
        assert all(
            day.bar.low <= min(day.bar.open, day.bar.close) <= max(day.bar.open, day.bar.close) <= day.bar.high
            for day in days
        )


def test_minute_bars_fit_the_real_day(server: str) -> None:
    for session in equities.sessions()["IBM"][-30:]:
        assert equities.merged([*equities.minute_bars("IBM", session).values()]) == session.bar


def test_adjusted_closes_are_those_of_the_data_up_to_rounding() -> None:
    history = equities.sessions()["MSFT"]
    adjusted = equities.adjusted_closes(history)
    assert adjusted[-1] == history[-1].bar.close
    with gzip.open(BOKEH.file("bokeh_sampledata/_data/stocks.csv.gz"), "rt") as file:
        rows = {row["Date"]: float(row["Adj Close"]) for row in csv.DictReader(file) if row["Ticker"] == "MSFT"}
    scale = adjusted[-1] / rows[str(history[-1].day)]
    assert all(
        abs(found / (rows[str(day.day)] * scale) - 1) < 0.01 for found, day in zip(adjusted, history, strict=True)
    )


def test_who_gave_up_waiting_uses_no_other_fault_up(server: str) -> None:
    fault(server, {"kind": "slow", "seconds": 0.3}, {"kind": "half"})
    with pytest.raises(requests.Timeout):
        requests.get(server + PATH, timeout=0.05)
    time.sleep(0.5)
    assert requests.get(f"{server}/_control/faults", timeout=5).json()[1]["times"] == 1

"""Market sources from the vendor's answer to bronze rows, on real HTTP and S3; and again without a network."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound, NotPublishedYet, QuotaExhausted, SchemaDrift
from lakeworks.lake import Lake
from lakeworks.landing.inbox import LakeInbox
from lakeworks.landing.quota import LakeState
from lakeworks.landing.reader import newest_set
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.write_step import write
from lakeworks.sources import SourceConnection, open_source
from tests.conftest import contract_of
from tests.domains.market_steps import BARS, DAY, access, landed, staged
from tests.lakeworks.sources.vendor_lake import Vendor

RunAt = Callable[..., Run]


@pytest.fixture
def vendor(replay_url: str) -> Vendor:
    found = Vendor(replay_url, "alpha_vantage")
    found.reset("2013-02-15T22:00:00Z")
    return found


def test_daily_bars_become_bronze_and_again_without_the_vendor(lake: Lake, vendor: Vendor, run_at: RunAt) -> None:
    made = landed(lake, BARS, DAY, run_at(1), access(vendor, lake))
    assert [item.facts["symbol"] for item in made.answers] == ["AAPL", "IBM", "MSFT"]
    assert (made.figures["requests"], made.figures["http_requests"], made.figures["http_retries"]) == (3, 3, 0)
    assert "PREMIUM" not in made.model_dump_json()
    vendor.fault(kind="status", status=500, times=1000)  # from here on no one answers
    first = staged(lake, BARS, DAY, run_at(1))
    assert len(first) == 3 * 3261
    bar = next(row for row in first if (row["symbol"], row["session_date"]) == ("AAPL", "2005-02-28"))
    assert (bar["close"], bar["split_coefficient"], bar["vendor"]) == ("44.8600", "2.0", "alpha_vantage")
    assert bar["_source_url"] == f"{vendor.url}/query?function=TIME_SERIES_DAILY_ADJUSTED&outputsize=full&symbol=AAPL"
    assert bar["_run_id"] == "manual__1"
    assert bar["_ingested_at"] == made.answers[0].fetched_at.replace(tzinfo=None)
    assert staged(lake, BARS, DAY, run_at(2)) == first
    assert len(vendor.seen()) == 3


def test_a_used_up_quota_leaves_what_it_brought_and_the_next_day_goes_on(
    lake: Lake, vendor: Vendor, run_at: RunAt
) -> None:
    vendor.limits(per_day=2)
    free = access(vendor, lake, "FREE0123456789AB", "free")
    with pytest.raises(QuotaExhausted, match="requests of the day are used up"):
        landed(lake, BARS, DAY, run_at(1), free)
    with pytest.raises(LakeNotFound, match="none is complete"):
        newest_set(lake, load_contract(BARS), DAY)
    asked = len(vendor.seen())
    with pytest.raises(QuotaExhausted):
        landed(lake, BARS, DAY, run_at(1, attempt=2), free)
    assert len(vendor.seen()) == asked, "another task knows it from the lake and does not ask"
    vendor.clock(now="2013-02-16T22:00:00Z")
    lake.store.delete(["_quota/alpha_vantage.json"])
    made = landed(lake, BARS, DAY, run_at(1, attempt=3), free)
    assert (made.figures["requests"], made.figures["resumed"], made.figures["http_requests"]) == (3, 2, 1)


def test_what_the_contract_does_not_know_is_reported_as_drift(lake: Lake, vendor: Vendor, run_at: RunAt) -> None:
    vendor.fault(match="/query?*symbol=IBM*", kind="rename", column="4. close", to="4. last price")
    landed(lake, BARS, DAY, run_at(1), access(vendor, lake))
    manifest = write(lake, BARS, DAY, run_at(1))
    assert "`last_price` is new (string)" in manifest.drift
    rows = staged(lake, BARS, DAY, run_at(2))
    ibm = next(row for row in rows if row["symbol"] == "IBM")
    assert (ibm["close"], ibm["last_price"]) == (None, "200.9800")


def test_negative_and_null_prices_reach_bronze_unharmed(lake: Lake, vendor: Vendor, run_at: RunAt) -> None:
    body = (
        '{"Meta Data": {"3. Last Refreshed": "2013-02-15"}, "Time Series (Daily)": {"2013-02-15": '
        '{"1. open": "-1.0000", "2. high": null, "3. low": "", "4. close": "None", "5. volume": "12"}}}'
    )
    vendor.fault(kind="status", status=200, body=body, times=3)
    landed(lake, BARS, DAY, run_at(1), access(vendor, lake))
    row = staged(lake, BARS, DAY, run_at(1))[0]
    assert (row["open"], row["high"], row["low"], row["close"], row["volume"]) == ("-1.0000", None, "", "None", "12")


def test_an_answer_of_another_shape_is_drift_and_stays_in_landing(lake: Lake, vendor: Vendor, run_at: RunAt) -> None:
    body = '{"Time Series (Daily)": {"2013-02-15": ["1.0", "2.0"]}}'
    vendor.fault(kind="status", status=200, body=body, times=3)
    made = landed(lake, BARS, DAY, run_at(1), access(vendor, lake))
    with pytest.raises(
        SchemaDrift, match=rf"{made.answers[0].key}` has another shape.*stays in landing. Nothing was staged"
    ):
        write(lake, BARS, DAY, run_at(1))
    assert list(lake.store.scan("_staging/")) == []


def test_an_overview_becomes_reference_rows(lake: Lake, vendor: Vendor, run_at: RunAt) -> None:
    landed(lake, "reference.market.ticker_metadata", DAY, run_at(1), access(vendor, lake))
    rows = staged(lake, "reference.market.ticker_metadata", DAY, run_at(1))
    assert [(row["symbol"], row["cik"], row["market_cap_usd"]) for row in rows] == [
        ("AAPL", 320193, None), ("IBM", 51143, None), ("MSFT", 789019, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "now", "period", "options", "rows", "row"),
    [
        ("bronze.market.crypto_bars", "2013-03-02T06:00:00Z", "2013-03-01", {}, 576,
         {"symbol": "bitcoin", "vs_currency": "usd", "vendor": "coingecko"}),
        ("bronze.market.fundamentals", "2013-03-02T06:00:00Z", "2013-03-01", {"user_agent": "Test test@example.org"}, None,
         {"symbol": "AAPL", "cik": 320193, "tag": "EntityCommonStockSharesOutstanding", "unit": "shares", "start": None}),
        ("bronze.market.yahoo_daily_bars", "2020-09-01T22:00:00Z", "2020-08-28", {"accept_terms": True}, 3,
         {"symbol": "AAPL", "currency": "USD", "exchange_timezone_name": "America/New_York", "vendor": "yahoo"}),
        ("reference.market.index_constituents", "2026-03-02T06:00:00Z", "2026-03-02", {}, 503,
         {"index_code": "SP500", "symbol": "A", "company_name": "Agilent Technologies", "sector": "Health Care"}),
    ],
    ids=lambda value: value if isinstance(value, str) and value.count(".") == 2 else "",
)  # fmt: skip
def test_every_other_vendor_reaches_its_table(
    lake: Lake, replay_url: str, run_at: RunAt, table: str, now: str, period: str, options: dict[str, Any],
    rows: int | None, row: dict[str, Any],
) -> None:  # fmt: skip
    contract = load_contract(table)
    name = str(contract.source).partition(".")[0]
    vendor = Vendor(replay_url, name)
    vendor.reset(now)
    base = f"{replay_url}/api/v3" if name == "coingecko" else replay_url
    source = open_source(name, access=SourceConnection(base, None, options, LakeState(lake.store)))
    land(lake, contract, Period.parse(period), run_at(1), source)
    vendor.fault(kind="status", status=500, times=1000)
    found = staged(lake, table, Period.parse(period), run_at(1))
    assert len(found) == (rows or len(found))
    assert {key: found[0][key] for key in row} == row
    if table.startswith("bronze"):
        assert all(item["_ingested_at"] and item["_source_url"].startswith(replay_url) for item in found)


def test_dropped_files_of_several_formats_become_one_table(lake: Lake, run_at: RunAt) -> None:
    columns = {
        "id": {"type": "bigint", "description": ""}, "amount": {"type": "double", "description": ""},
        "_source_url": {"type": "string", "description": ""}, "_run_id": {"type": "string", "description": ""},
    }  # fmt: skip
    contract = contract_of(
        "bronze.test.events",
        source="file_drop.events",
        partition_by=["day"],
        grain=[],
        columns=columns,
        schema_policy="widen",
    )
    lake = replace(lake, contract=lambda name: contract)
    inbox = LakeInbox(lake.store)
    source = open_source("file_drop", access=SourceConnection(inbox=inbox))
    with pytest.raises(NotPublishedYet):
        land(lake, contract, DAY, run_at(1), source)
    lake.store.put("inbox/events/2013-02-15/a.jsonl", b'{"id": 1, "amount": 2}\n{"id": 2, "amount": 2.5}\n')
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array([3], pa.int32()), "channel": ["web"]}), sink)
    lake.store.put("inbox/events/2013-02-15/b.parquet", sink.getvalue())
    land(lake, contract, DAY, run_at(1), source)
    lake.store.delete([f"inbox/events/2013-02-15/{name}" for name in ("a.jsonl", "b.parquet")])
    found = staged(lake, "bronze.test.events", DAY, run_at(1))
    assert [(row["id"], row["amount"], row["channel"]) for row in found] == [
        (1, 2.0, None),
        (2, 2.5, None),
        (3, None, "web"),
    ]
    assert found[2]["_source_url"] == lake.store.uri("inbox/events/2013-02-15/b.parquet")

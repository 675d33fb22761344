"""The market domain on real S3 and Glue protocols: a month at once, its days again, a Sunday, a correction."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import talib
from exchange_calendars import get_calendar

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.core.period_keys import periods_between
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.build_periods import plan
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import FetchRequest, ResponseStore, open_source
from lakeworks.sources.response import SourceResponse

RunAt = Callable[..., Run]
FIRST, LAST = "2012-11-01", "2013-02-08"
SPLIT, DIVIDEND = "2013-01-16", "2013-01-24"
SOURCES = (
    "reference.market.exchange_calendar",
    "reference.market.portfolio_holdings",
    "bronze.market.equity_daily_bars",
)
BUILT = (
    "silver.market.daily_bars", "silver.market.corporate_actions", "gold.market.daily_returns",
    "gold.market.technical_indicators", "gold.market.portfolio_values", "gold.market.market_daily_summary",
    "gold.market.ml_features", "gold.market.active_symbols",
)  # fmt: skip


@dataclass
class Vendor:
    """Alpha Vantage's answers over SYNTHETIC prices: AAPL splits 2:1, IBM pays 0.50, `changed` restates closes."""

    changed: Mapping[tuple[str, str], str] = field(default_factory=dict)
    fetched_at: datetime = datetime(2013, 2, 9, 6, tzinfo=UTC)

    def collect(self, wanted: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        for symbol in wanted.options["symbols"]:
            landing.fetch_once(f"{symbol}.json", lambda symbol=symbol: self.ask(symbol), symbol=symbol)  # type: ignore[misc]
        return {}

    def ask(self, symbol: str) -> SourceResponse:
        bars = {}
        for day, close in prices(symbol).items():
            text = self.changed.get((symbol, day), f"{close:.4f}")
            bars[day] = {
                "1. open": text, "2. high": text, "3. low": text, "4. close": text, "5. adjusted close": text, "6. volume": "2000000" if symbol == "IBM" else "1000",
                "7. dividend amount": "0.5000" if (symbol, day) == ("IBM", DIVIDEND) else "0.0000",
                "8. split coefficient": "2.0" if (symbol, day) == ("AAPL", SPLIT) else "1.0",
            }  # fmt: skip
        body = {"Meta Data": {"2. Symbol": symbol, "3. Last Refreshed": LAST}, "Time Series (Daily)": bars}
        return SourceResponse(json.dumps(body).encode(), f"https://vendor/{symbol}", 200, {}, self.fetched_at)


def prices(symbol: str) -> dict[str, float]:
    """Closes as traded, a random walk over the exchange's sessions."""
    days = [f"{day:%Y-%m-%d}" for day in get_calendar("XNYS", start=FIRST, end=LAST).sessions]
    walk = 100 * np.exp(np.cumsum(np.random.default_rng(len(symbol) * 7 + ord(symbol[0])).normal(0, 0.02, len(days))))
    return {
        day: round(float(level) / (2 if symbol == "AAPL" and day >= SPLIT else 1), 4)
        for day, level in zip(days, walk, strict=True)
    }


def fetch(lake: Lake, run: Run, vendor: Vendor, period: Period) -> None:
    for table in SOURCES:
        contract = load_contract(table)
        name = str(contract.source).partition(".")[0]
        land(lake, contract, period, run, vendor if name == "alpha_vantage" else open_source(name))
        build(lake, table, run, period)


def build(lake: Lake, table: str, run: Run, *periods: Period) -> list[RunRecord]:
    built = [write(lake, table, period, run).key for period in plan(load_contract(table), periods)]
    return [publish(lake, audit(lake, key).key) for key in built]


def rows(lake: Lake, table: str) -> pd.DataFrame:
    """Everything live."""
    entries = lake.ledger.live_partitions(load_contract(table).table).values()
    read = [pq.read_table(io.BytesIO(lake.store.get(item.key)[0])) for entry in entries for item in entry.objects]
    return pd.concat([table.to_pandas() for table in read], ignore_index=True)


SESSIONS = 21  # of January 2013: the exchange was closed on the 1st and the 21st


def test_a_history_at_once_and_its_days_again(lake: Lake, run_at: RunAt) -> None:
    history = periods_between("2012-11-01", "2013-01-31", "day")
    fetch(lake, run_at(1), Vendor(), history[-1])
    needed = {"silver.market.daily_bars": history, "gold.market.daily_returns": history[30:]}
    found = {table: build(lake, table, run_at(1), *needed.get(table, history[61:])) for table in BUILT}
    assert [manifest.period for manifest in found["silver.market.daily_bars"]] == ["2012-11", "2012-12", "2013-01"]
    staged = {table.split(".")[2]: manifests[-1].balance.staged for table, manifests in found.items()}
    assert staged == {
        "daily_bars": 3 * SESSIONS, "corporate_actions": 2 + 3, "daily_returns": 3 * SESSIONS, "technical_indicators": 3 * SESSIONS,
        "portfolio_values": SESSIONS, "market_daily_summary": SESSIONS, "ml_features": 3 * SESSIONS,
        "active_symbols": SESSIONS,
    }  # fmt: skip
    check_indicators(rows(lake, "gold.market.technical_indicators"))
    check_portfolio(rows(lake, "gold.market.portfolio_values"))
    check_look_back(lake)
    active = rows(lake, "gold.market.active_symbols").set_index("session_date").loc[date(2013, 1, 31)]
    closes = [close for day, close in prices("IBM").items() if "2013-01-02" <= day <= "2013-01-31"]
    assert (active.symbol, active.active_session_count) == ("IBM", len(closes))
    assert active.mean_close_usd == pytest.approx(sum(closes) / len(closes))
    features = rows(lake, "gold.market.ml_features")
    complete = features[features.is_complete].session_date
    assert (complete.min(), len(complete)) == (date(2013, 1, 14), 3 * 13), "from the 50th session"

    for table in ("silver.market.daily_bars", "gold.market.technical_indicators", "gold.market.portfolio_values"):
        (again,) = build(lake, table, run_at(2), Period.parse(SPLIT))
        assert set(again.outcome or {}) == {"unchanged"}, f"{table}: a day on its own gives the very bytes of its month"
        (sunday,) = build(lake, table, run_at(2), Period.parse("2013-01-27"))
        assert (sunday.balance.read, sunday.partitions) == (0, ()), f"{table}: a day without a session stops no one"

    restated = Vendor(changed={("IBM", "2013-01-31"): "123.4500"})
    contract = load_contract("bronze.market.equity_daily_bars")
    land(lake, contract, history[-1], run_at(3), restated)
    build(lake, contract.name, run_at(3), history[-1])
    (corrected,) = build(lake, "silver.market.daily_bars", run_at(3), history[-1])
    assert corrected.outcome == {"published": 1}
    bars = rows(lake, "silver.market.daily_bars")
    closes = bars[bars.session_date == date(2013, 1, 31)].set_index("symbol").close_usd.astype(float)
    assert closes.to_dict() == {
        "AAPL": prices("AAPL")["2013-01-31"],
        "IBM": 123.45,
        "MSFT": prices("MSFT")["2013-01-31"],
    }


def check_indicators(found: pd.DataFrame) -> None:
    """All of the history enters, and only the part of it that the session knew."""
    for symbol in ("AAPL", "IBM", "MSFT"):
        closes = prices(symbol)
        last = list(closes).index("2013-01-31") + 1
        factor = np.array([0.5 if symbol == "AAPL" and day < SPLIT else 1 for day in closes])
        levels = (np.array(list(closes.values())) * factor)[:last]
        row = found[(found.symbol == symbol) & (found.session_date == date(2013, 1, 31))].iloc[0]
        assert row.sma_50 == pytest.approx(talib.SMA(levels, 50)[-1], rel=1e-9)
        assert row.bollinger_upper == pytest.approx(talib.BBANDS(levels, 20, 2, 2)[0][-1], rel=1e-9)
        assert row.rsi_14 == pytest.approx(talib.RSI(levels, 14)[-1], rel=1e-9)
        before = found[(found.symbol == symbol) & (found.session_date == date(2013, 1, 15))].iloc[0]
        known = np.array([close for day, close in closes.items() if day <= "2013-01-15"])
        assert before.sma_20 == pytest.approx(known[-20:].mean(), rel=1e-9), (
            "in prices of its own day, before the split"
        )


def check_portfolio(found: pd.DataFrame) -> None:
    """100 AAPL declared in 2000 are 200 after the split."""
    aapl, ibm, msft = (prices(symbol) for symbol in ("AAPL", "IBM", "MSFT"))
    for day, shares in (("2013-01-15", 100), (SPLIT, 200), (DIVIDEND, 200)):
        row = found[found.session_date == date.fromisoformat(day)].iloc[0]
        value = shares * aapl[day] + 40 * ibm[day] + 150 * msft[day]
        assert float(row.value_usd) == pytest.approx(value, abs=0.01)
        assert float(row.dividends_usd) == (20 if day == DIVIDEND else 0)
        assert abs(row.daily_return) < 0.1, "a split is no loss"
        assert row.unknown_split_count == 3, "declared in 2000, the vendor's history begins later"


def check_look_back(lake: Lake) -> None:
    """The partitions of a stretch, from its first day to the one before its end; all of a table that time does not cut."""
    bars, calendar = load_contract("silver.market.daily_bars"), load_contract("reference.market.exchange_calendar")
    start, end = datetime(2012, 12, 28, tzinfo=UTC), datetime(2013, 1, 4, tzinfo=UTC)
    found = lake.live_between(bars, start, end)
    assert sorted(map(str, found)) == ["2012-12-28", "2012-12-31", "2013-01-02", "2013-01-03"]
    assert len(lake.live_between(calendar, start, end)) == 1


def test_the_calendar_must_be_there(lake: Lake, run_at: RunAt) -> None:
    with pytest.raises(LakeNotFound, match="exchange_calendar"):
        write(lake, "silver.market.daily_bars", Period.parse("2013-02-08"), run_at(1))

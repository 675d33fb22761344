"""Indicators and returns against TA-Lib and numpy, on long histories, whatever the run's grain."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import talib

from lake.tables.gold.market.technical_indicators.transform import SESSIONS, measure, transform
from lakeworks.authoring.example_runner import given_table
from lakeworks.contract import load_contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.quality.rules import row_rules
from lakeworks.transform.group_functions import load_function
from lakeworks.transform.sql import load_sql

BARS = "silver.market.daily_bars"
LAST = date(2013, 3, 1)
CLOSE = 1e-9


def history(symbol: str, sessions: int, seed: int, splits: dict[int, float] | None = None) -> list[dict[str, Any]]:
    """A random walk in cents up to LAST; `splits` maps the place of a bar to its factor."""
    rows, factor = [], 1.0
    levels = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, sessions)))
    for place, level in enumerate(levels):
        split = (splits or {}).get(place, 1.0)
        factor *= split
        rows.append({
            "symbol": symbol, "session_date": LAST - timedelta(days=sessions - 1 - place), "asset_class": "equity",
            "session_number": place, "close_usd": round(float(level) / factor, 4), "split_factor": split, "dividend_usd": 0,
            "volume": 10,
        })  # fmt: skip
    return rows


def build(table: str, rows: Sequence[dict[str, Any]], period: str, scratch: Path) -> pd.DataFrame:
    """A run's rows: only what its look-back reaches is attached, as the pipeline does."""
    contract, run = load_contract(table), Period.parse(period)
    start = run.start.date() - timedelta(days=contract.inputs[BARS].look_back_days)
    seen = [row for row in rows if start <= row["session_date"] < run.end.date()]
    with DuckDbEngine(scratch=scratch).session() as session:
        session.attach(TableName.parse(BARS), given_table(load_contract(BARS), seen), len(seen))
        rules, function = row_rules(contract), load_function(contract)
        return session.build(contract, load_sql(contract) or "", rules, run, function).staged().read_all().to_pandas()


def closes(rows: Sequence[dict[str, Any]]) -> np.ndarray:
    """Comparable closes in prices of the last bar."""
    split = np.array([row["split_factor"] for row in rows])
    later = np.cumprod(split[::-1])[::-1] / split
    return np.array([row["close_usd"] for row in rows]) / later


def assert_close(found: float, expected: float, what: str) -> None:
    assert found == pytest.approx(expected, rel=CLOSE, abs=CLOSE), what


@pytest.mark.parametrize(("sessions", "splits"), [(900, {}), (900, {850: 2.0, 600: 3.0}), (120, {100: 0.1}), (40, {})])
def test_every_indicator_equals_ta_lib(sessions: int, splits: dict[int, float], tmp_path: Path) -> None:
    rows = history("X", sessions, seed=7, splits=splits)
    found = build("gold.market.technical_indicators", rows, str(LAST), tmp_path)
    assert len(found) == 1
    row, level = found.iloc[0], closes(rows)
    upper, middle, lower = talib.BBANDS(level, 20, 2, 2)
    assert_close(row["sma_20"], middle[-1], "sma_20")
    assert_close(row["bollinger_upper"], upper[-1], "upper band")
    assert_close(row["bollinger_lower"], lower[-1], "lower band")
    assert_close(row["rsi_14"], talib.RSI(level, 14)[-1], "rsi")
    if sessions < 50:
        assert np.isnan(row["sma_50"])
    else:
        assert_close(row["sma_50"], talib.SMA(level, 50)[-1], "sma_50")
    if sessions > SESSIONS:  # TA-Lib seeds these with a plain mean, which long histories forget
        macd, signal, histogram = talib.MACD(level, 12, 26, 9)
        assert_close(row["ema_12"], talib.EMA(level, 12)[-1], "ema_12")
        assert_close(row["ema_26"], talib.EMA(level, 26)[-1], "ema_26")
        assert_close(row["macd"], macd[-1], "macd")
        assert_close(row["macd_signal"], signal[-1], "signal")
        assert_close(row["macd_histogram"], histogram[-1], "histogram")


def test_exponential_means_of_a_short_history_follow_their_definition() -> None:
    levels = np.exp(np.random.default_rng(3).normal(0, 1, 60))

    def ema(values: Sequence[float], span: int) -> list[float]:
        means = [values[0]]
        for value in values[1:]:
            means.append(value * 2 / (span + 1) + means[-1] * (1 - 2 / (span + 1)))
        return means

    fast, slow = ema(levels, 12), ema(levels, 26)
    macd = [one - other for one, other in zip(fast, slow, strict=True)]
    signal = ema(macd, 9)
    expected = (fast[-1], slow[-1], macd[-1], signal[-1], macd[-1] - signal[-1], talib.RSI(levels, 14)[-1])
    assert measure(pd.Series(levels)) == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize(("sessions", "known"), [(11, 0), (12, 1), (15, 2), (26, 4), (33, 4), (34, 6)])
def test_measures_begin_when_their_windows_are_full(sessions: int, known: int) -> None:
    found = measure(pd.Series(np.arange(sessions, dtype=float)))
    assert sum(not np.isnan(value) for value in found) == known


def test_a_month_a_day_at_a_time_is_the_month_at_once(tmp_path: Path) -> None:
    rows = [*history("X", 700, seed=1, splits={690: 2.0, 400: 2.0}), *history("Y", 80, seed=2)]
    for table in ("gold.market.technical_indicators", "gold.market.daily_returns"):
        month = build(table, rows, "2013-02", tmp_path)
        for day in ("2013-02-01", "2013-02-18", "2013-02-19", "2013-02-28"):  # X splits on the 19th
            alone = build(table, rows, day, tmp_path)
            same = month[month.session_date == date.fromisoformat(day)].reset_index(drop=True)
            pd.testing.assert_frame_equal(alone, same, check_exact=True)
        assert len(month) == 56


def test_the_function_is_pure_and_does_not_mind_the_order_of_rows() -> None:
    rows = pd.DataFrame({
        "session_date": [LAST - timedelta(days=back) for back in range(50)], "in_period": [back < 5 for back in range(50)],
        "level": np.exp(np.random.default_rng(5).normal(0, 0.1, 50)), "shares": 2.0,
    })  # fmt: skip
    before = rows.copy(deep=True)
    first = transform(rows).reset_index(drop=True)
    shuffled = transform(rows.sample(frac=1, random_state=1)).reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, before)
    pd.testing.assert_frame_equal(first, shuffled)
    assert len(first) == 5
    assert transform(rows.assign(in_period=False)).empty


def test_returns_and_volatility_equal_numpy(tmp_path: Path) -> None:
    rows = history("X", 60, seed=4, splits={50: 2.0})
    found = build("gold.market.daily_returns", rows, "2013-02", tmp_path)
    level = closes(rows)
    logs = np.diff(np.log(level))
    for row in found.itertuples():
        place = (row.session_date - rows[0]["session_date"]).days
        assert_close(row.price_return, level[place] / level[place - 1] - 1, "price return")
        assert_close(row.log_return, logs[place - 1], "log return")
        assert_close(row.volatility_20_annual, np.std(logs[place - 20 : place], ddof=1) * np.sqrt(252), "volatility")


def test_what_a_spark_worker_would_get_is_the_same_rows(tmp_path: Path) -> None:
    """`applyInPandas` hands over one group's rows as the SQL selected them; so does the engine."""
    rows = [*history("X", 60, seed=1), *history("Y", 60, seed=2)]
    contract = load_contract("gold.market.technical_indicators")
    function = load_function(contract)
    assert function is not None
    assert function.apply.__module__ == "lake.tables.gold.market.technical_indicators.transform", "picklable by name"
    built = build(contract.name, rows, "2013-02", tmp_path)
    alone = build(contract.name, [row for row in rows if row["symbol"] == "Y"], "2013-02", tmp_path)
    pd.testing.assert_frame_equal(built[built.symbol == "Y"].reset_index(drop=True), alone)
    assert pa.Schema.from_pandas(alone).names[:3] == ["symbol", "session_date", "close_usd"]

"""Real daily prices of five US equities, 2000-03-01 to 2013-03-01, as traded, with the splits and dividends in them.

Source: `stocks.csv.gz` of bokeh-sampledata. Dividends and splits are recovered from the jumps of its adjusted closes, to about
a cent. The source has no minute bars: they are SYNTHETIC, seeded by symbol and day, and fit the day's real bar.
"""

import csv
import gzip
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from lakeworks_local.data.packages import BOKEH

NEW_YORK = ZoneInfo("America/New_York")
OPENING, CLOSING = time(9, 30), time(16)
_SPLITS = (2, 3, 7)


@dataclass(frozen=True)
class Bar:
    """One bar; prices in US dollars, volume in shares."""

    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True)
class TradingSession:
    """A symbol's trading day; `dividend` and `split` take effect at its opening."""

    day: date
    bar: Bar
    dividend: float = 0.0
    split: float = 1.0


@lru_cache
def sessions() -> dict[str, list[TradingSession]]:
    """Return every symbol's sessions in order."""
    rows = defaultdict(list)
    with gzip.open(BOKEH.file("bokeh_sampledata/_data/stocks.csv.gz"), "rt") as file:
        for row in csv.DictReader(file):
            rows[row["Ticker"]].append(row)
    return {symbol: _sessions(sorted(bars, key=lambda row: row["Date"])) for symbol, bars in rows.items()}


def _sessions(rows: list[dict[str, str]]) -> list[TradingSession]:
    sessions, before = [], None
    for row in rows:
        first, high, low, last = (float(row[name]) for name in ("Open", "High", "Low", "Close"))
        factor, split, dividend = float(row["Adj Close"]) / last, 1.0, 0.0
        if before:
            jump = before[0] / factor  # (1 - dividend / close before) / split
            split = next((float(n) for n in _SPLITS if abs(jump * n - 1) < 0.02), 1.0)
            dividend = round(max(before[1] * (1 - jump * split), 0.0), 2)
        bar = Bar(first, high, low, last, int(row["Volume"]))
        sessions.append(TradingSession(date.fromisoformat(row["Date"]), bar, dividend, split))
        before = (factor, last)
    return sessions


def adjusted_closes(history: list[TradingSession]) -> list[float]:
    """Return closes adjusted for every later split and dividend (the method of CRSP), as of the last session."""
    factor, closes = 1.0, []
    for number in range(len(history) - 1, -1, -1):
        session = history[number]
        closes.append(session.bar.close * factor)
        if number:
            factor *= (1 - session.dividend / history[number - 1].bar.close) / session.split
    return closes[::-1]


def minute_bars(symbol: str, session: TradingSession) -> dict[datetime, Bar]:
    """Return 390 SYNTHETIC bars by New York time. Together they have the day's real open, high, low, close and volume."""
    noise = random.Random(f"{symbol} {session.day}")
    bar, count = session.bar, 390
    walk = [0.0]
    for _ in range(count):
        walk.append(walk[-1] + noise.gauss(0, 1))
    reach = max(map(abs, walk)) or 1.0
    spread = (bar.high - bar.low) / 3
    points = []
    for number, step in enumerate(walk):
        along = bar.open + (bar.close - bar.open) * number / count
        drift = (step - walk[-1] * number / count) / reach * spread
        points.append(min(max(round(along + drift, 4), bar.low), bar.high))
    points[0], points[-1] = bar.open, bar.close
    highest, lowest = noise.sample(range(1, count), 2)
    points[highest], points[lowest] = bar.high, bar.low
    each, remainder = divmod(bar.volume, count)
    start = datetime.combine(session.day, OPENING)
    return {
        start + timedelta(minutes=number): Bar(a, max(a, b), min(a, b), b, each + (number < remainder))
        for number, (a, b) in enumerate(pairwise(points))
    }


def merged(bars: list[Bar]) -> Bar:
    """Merge consecutive bars into one."""
    return Bar(
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        sum(bar.volume for bar in bars),
    )


def known_at(
    symbol: str, now: datetime, book: Mapping[str, list[TradingSession]] | None = None
) -> tuple[list[TradingSession], bool]:
    """Return the sessions begun by a moment, and whether the last was still open (then its bar is partial).

    They are those of `book`, or else of the sample.
    """
    local = now.astimezone(NEW_YORK)
    begun = [
        session
        for session in (book or sessions())[symbol]
        if session.day < local.date() or (session.day == local.date() and local.time() >= OPENING)
    ]
    if not begun or begun[-1].day < local.date() or local.time() >= CLOSING:
        return begun, False
    return [*begun[:-1], partial(symbol, begun[-1], local.replace(tzinfo=None))], True


def partial(symbol: str, session: TradingSession, until: datetime) -> TradingSession:
    """Return the part of a session up to a moment."""
    bars = [bar for at, bar in minute_bars(symbol, session).items() if at <= until]
    return TradingSession(session.day, merged(bars), session.dividend, session.split)

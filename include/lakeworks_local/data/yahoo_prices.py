"""Real daily prices of Apple in Yahoo's convention, 2019-01-02 to 2024-12-30, as Yahoo showed them at any moment in between.

Source: hvsampledata. Its prices are adjusted for the split of 2020-08-31. Before that day Yahoo showed unadjusted prices, so
the adjustment is removed for an earlier moment. Dividends are recovered from the adjusted closes, to about two cents.
"""

import csv
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from lakeworks_local.data.equities import CLOSING, NEW_YORK, OPENING, Bar
from lakeworks_local.data.packages import HVSAMPLE

SPLIT_DAY, SPLIT = date(2020, 8, 31), 4.0
# Below this a jump of the adjusted close is rounding: prices have two decimals.
_SMALLEST_DIVIDEND = 0.1


@dataclass(frozen=True)
class YahooSession:
    """A trading day as Yahoo shows it: adjusted for splits, `adjclose` for dividends too."""

    day: date
    bar: Bar
    adjclose: float
    dividend: float
    split: float

    @property
    def opens_at(self) -> int:
        """Return the bar's timestamp: 09:30 in New York, Unix seconds."""
        return int(datetime.combine(self.day, OPENING, NEW_YORK).timestamp())


@lru_cache
def _rows() -> list[tuple[date, Bar, float]]:
    """Return day, bar and dividend, all in shares after the split."""
    bars: list[tuple[date, Bar, float]] = []
    before: tuple[float, float] | None = None
    with HVSAMPLE.file("hvsampledata/_data/apple_stocks.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            first, high, low, last = (float(row[name]) for name in ("open", "high", "low", "close"))
            factor, dividend = float(row["adj_close"]) / last, 0.0
            if before:
                dividend = before[1] * (1 - before[0] / factor)
            before = (factor, last)
            dividend = round(dividend, 4) if dividend > _SMALLEST_DIVIDEND else 0.0
            bar = Bar(first, high, low, last, int(float(row["volume"])))
            bars.append((date.fromisoformat(row["date"]), bar, dividend))
    return bars


def sessions(now: datetime) -> tuple[list[YahooSession], bool]:
    """Return the sessions that had begun, and whether the last one was still open."""
    local = now.astimezone(NEW_YORK)
    rows = [row for row in _rows() if row[0] < local.date() or (row[0] == local.date() and local.time() >= OPENING)]
    running = bool(rows) and rows[-1][0] == local.date() and local.time() < CLOSING
    ratio = 1.0 if local.date() >= SPLIT_DAY else SPLIT
    sessions, factor, later = [], 1.0, None
    for day, bar, dividend in reversed(rows):
        if later:
            factor *= 1 - later / bar.close
        later = dividend
        shown = Bar(bar.open * ratio, bar.high * ratio, bar.low * ratio, bar.close * ratio, int(bar.volume / ratio))
        split = SPLIT if day == SPLIT_DAY else 1.0
        sessions.append(YahooSession(day, shown, shown.close * factor, dividend * ratio, split))
    return sessions[::-1], running

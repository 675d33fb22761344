"""Sample data as of today: their dates move, their values stay (ADR 24).

A stack fixes one day when it is first started. Each vendor's sample has an anchor, with most of a year of data behind it. The
anchor becomes the fixed day, so that a stack that stays up receives a new day every day.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

from lakeworks_local.data.equities import TradingSession

WEEK = timedelta(weeks=1)
# Sessions of the sample that a stack has still before it when it is first started: a year.
SESSIONS_AHEAD = 252


def whole_weeks(anchor: date, today: date) -> timedelta:
    """Return the move that brings `anchor` to the same day of the week, at most six days before `today`."""
    return (today - anchor) // WEEK * WEEK


def moved_sessions(sample: Mapping[str, Sequence[TradingSession]], today: date) -> dict[str, list[TradingSession]]:
    """Return every symbol's sessions on real days of the exchange: the anchor's is the last one before `today`.

    Whole weeks would put bars on holidays, and leave sessions without one. So sessions are counted.
    """
    days = sorted({session.day for sessions in sample.values() for session in sessions})
    real = _exchange_days(today.year)
    last = bisect_left(real, today) - 1
    first = last - (len(days) - 1 - SESSIONS_AHEAD)
    becomes = dict(zip(days, real[max(first, 0) :], strict=False))
    return {
        symbol: [replace(session, day=becomes[session.day]) for session in sessions if session.day in becomes]
        for symbol, sessions in sample.items()
    }


@lru_cache(maxsize=2)
def _exchange_days(year: int) -> list[date]:
    """Return the sessions of the New York exchange around a year, by its real calendar."""
    from exchange_calendars import get_calendar  # it imports pandas

    calendar = get_calendar("XNYS", start=f"{year - 15}-01-01", end=f"{year + 2}-12-31")
    return [moment.date() for moment in calendar.sessions]

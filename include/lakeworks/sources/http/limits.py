"""A vendor's budget, shared by every task and process of a lake: requests a second, a day, a month, and a circuit breaker.

Every attempt is reserved before it is sent, because vendors count failed requests too. The state outlives tasks: it is one
small document per vendor, changed by compare-and-swap. Clocks of workers may differ by about a second.
"""

import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from lakeworks.errors import QuotaExhausted, SourceUnavailable
from lakeworks.sources.http.shared_state import MemoryState, SharedState

log = logging.getLogger(__name__)
T = TypeVar("T")
_SWAPS = 100


@dataclass(frozen=True)
class Limits:
    """A vendor's limits. None means that the vendor documents no such limit."""

    per_second: float | None = None
    burst: int = 1
    per_day: int | None = None
    per_month: int | None = None


@dataclass
class Spent:
    """The stored document: reservations, in seconds since 1970 and in UTC days and months."""

    number: int = 0  # number of changes; it makes every document differ from every earlier one
    next_slot: float = 0.0
    day: str = ""
    of_day: int = 0
    month: str = ""
    of_month: int = 0
    closed_until: float = 0.0
    reason: str = ""
    failures: int = 0


@dataclass
class Limiter:
    """Rate limiter and circuit breaker of a vendor. After `trip_after` failed requests in a row it opens, longer each time.

    A request that would wait longer than `longest_queue` seconds fails instead of holding a worker.
    """

    source: str
    limits: Limits = Limits()
    state: SharedState = field(default_factory=MemoryState)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    trip_after: int = 5
    rest: float = 60.0
    longest_rest: float = 3600.0
    longest_queue: float = 300.0
    _failures: int = field(default=0, init=False)

    def reserve(self) -> float:
        """Take one request from the budget. Return the seconds to wait before sending it.

        Raises:
            QuotaExhausted: the budget of the day or month is used up, or the circuit breaker is open.
            SourceUnavailable: the shared state could not be changed.
        """
        return self._change(self._reserve)

    def close(self, until: datetime, reason: str) -> QuotaExhausted:
        """Block all requests until `until`, as the vendor asked. Return the QuotaExhausted error to raise."""

        def close(spent: Spent) -> None:
            spent.closed_until, spent.reason = max(spent.closed_until, until.timestamp()), reason

        self._change(close)
        return self._refusal(until.timestamp(), reason)

    def failed(self) -> None:
        """Record that a request failed after all its retries."""

        def count(spent: Spent) -> None:
            spent.failures += 1
            if spent.failures >= self.trip_after:
                self._rest(spent)

        self._change(count)

    def succeeded(self) -> None:
        """Record a success and reset the count of failures."""

        def forget(spent: Spent) -> None:
            if spent.failures >= self.trip_after:
                spent.closed_until = 0.0
            spent.failures = 0

        if self._failures:
            self._change(forget)

    def _reserve(self, spent: Spent) -> float:
        now = self.clock()
        if shut := shut_until(spent, self.limits, now):
            raise self._refusal(*shut)
        if spent.failures >= self.trip_after:
            self._rest(spent)  # one request tests whether the vendor is back; the others still wait
        day, month = _day_and_month(now)
        if spent.day != day:
            spent.day, spent.of_day = day, 0
        if spent.month != month:
            spent.month, spent.of_month = month, 0
        spent.of_day += 1
        spent.of_month += 1
        return self._slot(spent, now)

    def _slot(self, spent: Spent, now: float) -> float:
        """Reserve a slot by the generic cell rate algorithm (ITU-T I.371): a bucket of `burst` that refills at `per_second`."""
        if self.limits.per_second is None:
            return 0.0
        step = 1 / self.limits.per_second
        slot = max(spent.next_slot, now)
        wait = max(slot - step * (self.limits.burst - 1) - now, 0.0)
        if wait > self.longest_queue:
            raise self._refusal(now + wait, f"requests for the next {wait:.0f} s are waiting already")
        spent.next_slot = slot + step
        return wait

    def _rest(self, spent: Spent) -> None:
        doubled = self.rest * 2 ** min(spent.failures - self.trip_after, 10)
        spent.closed_until = self.clock() + min(doubled, self.longest_rest)
        spent.reason = f"it failed {spent.failures} times in a row"

    def _refusal(self, until: float, reason: str) -> QuotaExhausted:
        moment = datetime.fromtimestamp(until, UTC)
        return QuotaExhausted(
            f"`{self.source}` takes no request before {moment:%Y-%m-%d %H:%M:%S} UTC: {reason}. Landed responses "
            "stay, and the next fetch continues after them.",
            moment,
        )

    def _change(self, change: Callable[[Spent], T]) -> T:
        name = f"{self.source}.json"
        for _ in range(_SWAPS):
            stored = self.state.read(name)
            spent = parsed(stored[0]) if stored else Spent()
            result = change(spent)
            spent.number += 1
            self._failures = spent.failures
            if self.state.swap(name, json.dumps(asdict(spent)).encode(), stored[1] if stored else None):
                return result
            self.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - jitter
        raise SourceUnavailable(
            f"The quota of `{self.source}` was changed by other tasks {_SWAPS} times during this task's attempts. "
            "No request was sent. Airflow retries. If it happens again, lower the number of concurrent fetches."
        )


def shut_until(spent: Spent, limits: Limits, now: float) -> tuple[float, str] | None:
    """Return when a source accepts requests again, and the reason; None if it accepts them now."""
    if now < spent.closed_until:
        return spent.closed_until, spent.reason
    day, month = _day_and_month(now)
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if limits.per_month is not None and (spent.of_month if spent.month == month else 0) >= limits.per_month:
        first = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
        return first.timestamp(), f"all {limits.per_month} requests of {month} are used up"
    if limits.per_day is not None and (spent.of_day if spent.day == day else 0) >= limits.per_day:
        tomorrow = midnight + timedelta(days=1)
        return tomorrow.timestamp(), f"all {limits.per_day} requests of {day} (UTC) are used up"
    return None


def _day_and_month(now: float) -> tuple[str, str]:
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment:%Y-%m-%d}", f"{moment:%Y-%m}"


def parsed(body: bytes) -> Spent:
    """Parse a stored document. One that does not parse counts as empty."""
    try:
        content = json.loads(body)
        return Spent(**{name: type(value)(content[name]) for name, value in asdict(Spent()).items()})
    except (ValueError, KeyError, TypeError):
        log.warning("the stored quota cannot be parsed and was reset: %r", body[:200])
        return Spent()

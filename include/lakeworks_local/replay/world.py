"""State shared by the vendors' modules: current faults, a virtual clock for each vendor, and the vendors' real limits.

Historic data need a historic date: POST `/_control/clock` with `{"source": "alpha_vantage", "now": "2013-02-15T21:30:00Z"}`.
With `"speed": 60` an hour of the vendor's time, and of its limits, passes in a minute.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lakeworks_local.replay.faults import Chaos, Faults
from lakeworks_local.replay.shop import Shop

OpenShop = Callable[[int], Shop]


@dataclass
class Clock:
    """A vendor's time."""

    start: datetime
    speed: float = 1.0
    anchor: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """Return the virtual time."""
        return self.start + timedelta(seconds=(time.monotonic() - self.anchor) * self.speed)


@dataclass
class Allowance:
    """A vendor's limits for a key; None: no limit."""

    per_second: float | None = None
    burst: int = 1
    per_day: int | None = None


class _Tick(BaseModel):
    model_config = ConfigDict(extra="forbid")
    source: str
    now: AwareDatetime | None = None
    speed: float | None = Field(None, gt=0)


class _Limit(BaseModel):
    model_config = ConfigDict(extra="forbid")
    source: str
    per_second: float | None = Field(None, gt=0)
    burst: int = Field(1, ge=1)
    per_day: int | None = Field(None, ge=0)


class World:
    """The state of one replay server."""

    def __init__(self, open_shop: OpenShop | None = None, today: date | None = None) -> None:
        self.open_shop = open_shop  # None: the sample data's
        self.today = today  # None: sample data keep their dates, and vendors live in the past
        self.faults = Faults()
        self.clocks: dict[str, Clock] = {}
        self.allowances: dict[str, Allowance] = {}
        self._slots: dict[tuple[str, str], datetime] = {}
        self._days: dict[tuple[str, str, str], int] = defaultdict(int)
        self._vendors: dict[str, tuple[datetime, Allowance]] = {}

    def vendor(self, source: str, now: datetime, allowance: Allowance | None = None) -> None:
        """Register a vendor with its time and limits. Where dates are moved, its time is the real one."""
        now = datetime.now(UTC) if self.today else now
        self._vendors[source] = (now, allowance or Allowance())
        self.clocks[source] = Clock(now)
        self.allowances[source] = allowance or Allowance()

    async def reset(self, _: Request) -> Response:
        """Handle POST: reset the server to its state at the start."""
        self.faults.active.clear()
        self.faults.chaos = Chaos(rate=0)
        self.faults.requests.clear()
        self._slots.clear()
        self._days.clear()
        for source, (now, allowance) in self._vendors.items():
            self.clocks[source], self.allowances[source] = Clock(now), allowance
        return JSONResponse({"status": "reset"})

    def now(self, source: str) -> datetime:
        """A vendor's time."""
        return self.clocks[source].now()

    def over(self, source: str, key: str) -> str | None:
        """Count a request. Return the limit it exceeds: `second`, `day`, or None."""
        allowed, now = self.allowances[source], self.now(source)
        today = (source, key, now.strftime("%Y-%m-%d"))
        if allowed.per_day is not None and self._days[today] >= allowed.per_day:
            return "day"
        if allowed.per_second is not None:
            step = timedelta(seconds=1 / allowed.per_second)
            slot = max(self._slots.get((source, key), now), now)
            if slot - step * (allowed.burst - 1) > now:
                return "second"
            self._slots[source, key] = slot + step
        self._days[today] += 1
        return None

    def used(self, source: str, key: str) -> int:
        """Return the number of requests that have not leaked out of the bucket yet."""
        allowed, now = self.allowances[source], self.now(source)
        ahead = (self._slots.get((source, key), now) - now).total_seconds()
        return max(math.ceil(ahead * (allowed.per_second or 0)), 0)

    async def clock(self, request: Request) -> Response:
        """Handle control requests: GET returns every vendor's time, POST sets one (`*`: all)."""
        if request.method == "POST":
            try:
                tick = _Tick.model_validate_json(await request.body())
            except ValidationError as error:
                return JSONResponse(
                    {"error": error.errors(include_url=False, include_context=False, include_input=False)}, 400
                )
            if tick.source != "*" and tick.source not in self.clocks:
                return JSONResponse({"error": f"unknown source; known: {sorted(self.clocks)}"}, 400)
            for name, clock in self.clocks.items():
                if tick.source in ("*", name):
                    now = tick.now.astimezone(UTC) if tick.now else clock.now()
                    self._set_clock(name, Clock(now, tick.speed or clock.speed))
        return JSONResponse(
            {name: {"now": clock.now().isoformat(), "speed": clock.speed} for name, clock in self.clocks.items()}
        )

    def _set_clock(self, source: str, clock: Clock) -> None:
        """Set a vendor's time. What it counted goes back with it: else it refuses every request of the years between."""
        moved = min(clock.now() - self.now(source), timedelta())
        for name, key in self._slots:
            if name == source:
                self._slots[name, key] += moved
        self.clocks[source] = clock

    async def limits(self, request: Request) -> Response:
        """Handle control requests: GET returns the limits, POST changes a vendor's, DELETE resets the counts."""
        if request.method == "POST":
            try:
                limit = _Limit.model_validate_json(await request.body())
            except ValidationError as error:
                return JSONResponse(
                    {"error": error.errors(include_url=False, include_context=False, include_input=False)}, 400
                )
            if limit.source not in self.allowances:
                return JSONResponse({"error": f"unknown source; known: {sorted(self.allowances)}"}, 400)
            self.allowances[limit.source] = Allowance(limit.per_second, limit.burst, limit.per_day)
        if request.method == "DELETE":
            self._slots.clear()
            self._days.clear()
        return JSONResponse({name: vars(allowed) for name, allowed in self.allowances.items()})

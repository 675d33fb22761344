"""Estimate a fetch's requests: run the client with a landing that counts requests and sends none."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeError
from lakeworks.lake import Lake
from lakeworks.landing.files import dataset
from lakeworks.landing.inbox import LakeInbox
from lakeworks.landing.quota import LakeState
from lakeworks.landing.reader import newest_set
from lakeworks.pipeline.build_periods import plan
from lakeworks.sources import FetchRequest, RequestSource, SourceConnection, open_source
from lakeworks.sources.http.limits import Limiter, Limits, parsed
from lakeworks.sources.response import SourceResponse

# Sources without requests: computed, declared, or files that people deliver.
_NO_VENDOR = {"declared", "exchange_calendars", "file_drop", "lake"}


@dataclass
class Tally:
    """A landing that counts requests and returns empty responses."""

    names: list[str] = field(default_factory=list)

    def fetch_once(self, name: str, ask: Callable[[], SourceResponse], **facts: str) -> SourceResponse:
        """See `lakeworks.sources.Landing`."""
        self.names.append(name)
        return SourceResponse(b"{}", "counted:", 200, {}, datetime.now(UTC), facts)


@dataclass(frozen=True)
class Need:
    """The requests of a backfill to one vendor. The number is a lower bound where pages follow pages (`at_least`)."""

    source: str
    requests: int
    at_least: bool
    spent_today: int
    per_day: int | None
    per_month: int | None
    known: bool = (
        True  # False: this shell has no connection, so even the limits of the vendor's smallest plan are unknown
    )

    @property
    def days(self) -> int:
        """Days until the last request is answered, today included, by the vendor's daily limit."""
        if not self.requests:
            return 0
        if self.per_day is None:
            return 1
        left = max(self.requests - max(self.per_day - self.spent_today, 0), 0)
        return 1 + -(-left // self.per_day)

    def as_dict(self) -> dict[str, Any]:
        """Return a row for people and programs."""
        requests = f"{self.requests}+" if self.at_least else str(self.requests)
        limit = (
            f"{self.per_day} a day" if self.per_day else f"{self.per_month} a month" if self.per_month else "none a day"
        )
        return {
            "source": self.source,
            "requests": requests if self.known else "?",
            "limit": limit if self.known else "?",
            "spent today": self.spent_today,
            "days": self.days if self.known else "?",
        }


def needs(lake: Lake, requested: Iterable[tuple[Contract, list[Period]]]) -> list[Need]:
    """Return each vendor's requests for the periods to run of its tables."""
    by_source: dict[str, list[tuple[Contract, list[Period]]]] = {}
    for contract, periods in requested:
        name = str(contract.source).partition(".")[0]
        if contract.source and periods and name not in _NO_VENDOR:
            by_source.setdefault(name, []).append((contract, periods))
    return [_need(lake, name, tables) for name, tables in sorted(by_source.items())]


def _need(lake: Lake, name: str, tables: list[tuple[Contract, list[Period]]]) -> Need:
    spent = _spent_today(lake, name)
    try:
        client = open_source(name, access=access_of(lake, name))
    except LakeError:  # the client needs a key or an address that only Airflow's connection has
        return Need(name, 0, at_least=True, spent_today=spent, per_day=None, per_month=None, known=False)
    counted = [
        _requests(lake, client, contract, period) for contract, all_ in tables for period in plan(contract, all_)
    ]
    limits = client_limits(client)
    return Need(
        source=name,
        requests=sum(count for count, _ in counted),
        at_least=any(open_ended for _, open_ended in counted),
        spent_today=spent,
        per_day=limits.per_day,
        per_month=limits.per_month,
    )


def _requests(lake: Lake, client: Any, contract: Contract, period: Period) -> tuple[int, bool]:
    """Return the number of requests, and True if an answer may lead to further pages.

    Of a period that was fetched before, the pages are known: as many as its newest fetch asked for.
    """
    if not isinstance(client, RequestSource):
        return 1, False
    tally = Tally()
    with suppress(
        LakeError, ValueError, KeyError, TypeError, AttributeError, IndexError
    ):  # the client does not accept an empty response
        client.collect(FetchRequest(dataset(contract), period, contract.source_options), tally)
    count, open_ended = max(len(tally.names), 1), any("page" in name for name in tally.names)
    pages = _pages_before(lake, contract, period) if open_ended else None
    return (count, open_ended) if pages is None else (max(count, pages), False)


def _pages_before(lake: Lake, contract: Contract, period: Period) -> int | None:
    """Return the requests of a period's newest complete fetch; None if there is none."""
    try:
        newest = newest_set(lake, contract, period)
    except LakeError:
        return None
    return int(newest.figures.get("requests", 0)) or None


def access_of(lake: Lake, name: str) -> SourceConnection:
    """Return a vendor's connection from Airflow's variable `AIRFLOW_CONN_<NAME>` (in JSON) where this shell has it."""
    said: Mapping[str, Any] = {}
    with suppress(ValueError):
        said = json.loads(os.environ.get(f"AIRFLOW_CONN_{name.upper()}", "{}"))
    extra = said.get("extra") or {}
    options = json.loads(extra) if isinstance(extra, str) else extra
    return SourceConnection(
        said.get("host"), said.get("password"), options, LakeState(lake.store), LakeInbox(lake.store)
    )


def limits_of(lake: Lake, name: str) -> Limits:
    """Return a vendor's limits: its connection's, else its smallest plan's; none if neither is available."""
    try:
        return client_limits(open_source(name, access=access_of(lake, name)))
    except LakeError:
        return Limits()


def client_limits(client: Any) -> Limits:
    """Return the limits that a source's client keeps; none if it has no limiter."""
    limiter = getattr(getattr(client, "http", None), "limiter", None)
    return limiter.limits if isinstance(limiter, Limiter) else Limits()


def _spent_today(lake: Lake, name: str) -> int:
    state = LakeState(lake.store).read(f"{name}.json")
    spent = parsed(state[0]) if state else None
    return spent.of_day if spent and spent.day == f"{datetime.now(UTC):%Y-%m-%d}" else 0

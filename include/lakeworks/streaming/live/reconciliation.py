"""The live view compared with the published tables: hours with the stream's own sums, days with the batch's.

Differences come with the events that explain them: those that only one side has, those with another amount, and those that the
batch files under another day.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from lakeworks.errors import ConfigError
from lakeworks.infrastructure.stream_config import BatchComparison
from lakeworks.streaming.live.live_view import LiveView

ReconciledRow = dict[str, Any]
# The answer of a query over the partitions of some days around one.
AskPublished = Callable[[str, int], list[ReconciledRow]]

_HOURS = ("day", "hour", "currency", "events", "amount")
_DAYS = ("day", "currency", "amount")
_EVENTS = ("day", "hour", "currency", "event_id", "amount")
_EXPLAINING = ("day", "currency", "event_id", "amount", "reason")
# A shop's clock is at most 14 hours away from UTC.
_AWAY = 14
_AROUND_DAYS = 2


@dataclass(frozen=True)
class Reconciliation:
    """Both sides of a day: `sums` by hour and by day, and the `events` that explain what differs."""

    sums: list[ReconciledRow]
    events: list[ReconciledRow]

    @property
    def differs(self) -> bool:
        """Return True if an hour differs, or a day by more than its events explain."""
        return any(row["differs"] for row in self.sums)

    @property
    def rows(self) -> list[ReconciledRow]:
        """Return everything in the form of one table."""
        return [{name: row.get(name) for name in _COLUMNS} for row in (*self.sums, *self.events)]


_COLUMNS = (
    "kind", "shop_date", "shop_hour", "currency", "live_events", "published_events", "live_amount", "published_amount",
    "differs", "event_id", "event_amount", "reason",
)  # fmt: skip


def reconcile(live: LiveView, day: str, published: AskPublished) -> Reconciliation:
    """Compare a day of the live view with what is published.

    Raises:
        ConfigError: a query in lake.yml does not return its columns.
    """
    counted = list(live.hours(day))
    hours = _hours(day, counted, _rows(published, "compare_with", live.config.compare_with, _HOURS, _AROUND_DAYS))
    events = list(_one_sided(live, day, hours, published))
    days: list[ReconciledRow] = []
    if live.config.batch:
        days, explaining = _days(day, counted, live.config.batch, published)
        events += explaining
    return Reconciliation([*hours, *days], events)


def _rows(
    published: AskPublished, field: str, query: str, columns: tuple[str, ...], around: int
) -> list[ReconciledRow]:
    rows = published(query, around)
    if rows and (missing := [name for name in columns if name not in rows[0]]):
        raise ConfigError(
            f"`live_view.{field}` of lake.yml returns no column `{missing[0]}`; it needs {', '.join(columns)}. Nothing "
            "was compared."
        )
    return rows


def _hours(day: str, counted: Iterable[Mapping[str, Any]], published: Iterable[ReconciledRow]) -> list[ReconciledRow]:
    here = {(int(row["hour"]), str(row["currency"])): row for row in counted}
    there = {(int(row["hour"]), str(row["currency"])): row for row in published if str(row["day"]) == day}
    none = {"events": 0, "amount": Decimal(0)}
    rows = []
    for key in sorted({*here, *there}, key=str):
        live, table = here.get(key, none), there.get(key, none)
        rows.append({
            "kind": "hour", "shop_date": day, "shop_hour": key[0], "currency": key[1],
            "live_events": live["events"], "published_events": table["events"],
            "live_amount": live["amount"], "published_amount": table["amount"],
            "differs": live["events"] != table["events"] or live["amount"] != table["amount"],
        })  # fmt: skip
    return rows


def _one_sided(
    live: LiveView, day: str, hours: Iterable[ReconciledRow], published: AskPublished
) -> Iterator[ReconciledRow]:
    """Yield the events of hours that differ which one side does not have, or has with another amount."""
    differing = {int(row["shop_hour"]) for row in hours if row["differs"]}
    if not differing or live.config.events_from is None:
        return
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
    moments = {begin + timedelta(hours=hour + away) for hour in differing for away in range(-_AWAY, _AWAY + 1)}
    counted = {
        (int(event.hour), event.currency, event.id): event.amount
        for event in live.events(f"{moment:%Y-%m-%dT%H}" for moment in sorted(moments))
        if event.day == day and int(event.hour) in differing
    }
    rows = _rows(published, "events_from", live.config.events_from, _EVENTS, _AROUND_DAYS)
    there = {
        (int(row["hour"]), str(row["currency"]), str(row["event_id"])): Decimal(row["amount"])
        for row in rows
        if str(row["day"]) == day and int(row["hour"]) in differing
    }
    for key in sorted({*counted, *there}):
        here, table = counted.get(key), there.get(key)
        if here == table:
            continue
        reason = (
            "only published" if here is None else "only counted" if table is None else "counted with another amount"
        )
        yield {
            "kind": "event of an hour", "shop_date": day, "shop_hour": key[0], "currency": key[1], "event_id": key[2],
            "event_amount": (here or Decimal(0)) - (table or Decimal(0)), "reason": reason,
        }  # fmt: skip


def _days(
    day: str, counted: Iterable[Mapping[str, Any]], batch: BatchComparison, published: AskPublished
) -> tuple[list[ReconciledRow], list[ReconciledRow]]:
    """Return the day's sums beside those of the batch, and the events that explain what differs."""
    here, there, explained = (defaultdict[str, Decimal](Decimal) for _ in range(3))
    for row in counted:
        here[str(row["currency"])] += row["amount"]
    for row in _rows(published, "batch.compare_with", batch.compare_with, _DAYS, batch.window_days):
        if str(row["day"]) == day:
            there[str(row["currency"])] += Decimal(row["amount"])
    events = []
    for row in _rows(published, "batch.explain_with", batch.explain_with, _EXPLAINING, batch.window_days):
        if str(row["day"]) == day:
            explained[str(row["currency"])] += Decimal(row["amount"])
            events.append({
                "kind": "event of the day", "shop_date": day, "currency": row["currency"], "event_id": row["event_id"],
                "event_amount": Decimal(row["amount"]), "reason": row["reason"],
            })  # fmt: skip
    sums = [
        {
            "kind": "day", "shop_date": day, "currency": currency, "live_amount": here[currency],
            "published_amount": there[currency],
            "differs": here[currency] - there[currency] != explained[currency],
            "reason": f"{explained[currency]} explained by events" if here[currency] != there[currency] else None,
        }
        for currency in sorted({*here, *there, *explained})
    ]  # fmt: skip
    return sums, sorted(events, key=lambda row: (str(row["currency"]), str(row["event_id"])))

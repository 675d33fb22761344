"""Alerts about late tables. Each is sent once to the log and to a webhook, however often processes check."""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import requests

from lakeworks.errors import LakeUnavailable
from lakeworks.freshness.alert_log import AlertChannel, claim
from lakeworks.freshness.table_age import TableFreshness
from lakeworks.lake import Lake

log = logging.getLogger(__name__)
_TIMEOUT = 10.0


@dataclass(frozen=True)
class Alerts:
    """Channels that alerts are sent to. The lake keeps a log of what was sent (freshness/alert_log.py)."""

    lake: Lake
    url: str | None = None
    session: requests.Session | None = None

    def send_late(self, ages: Iterable[TableFreshness], now: datetime) -> list[dict[str, Any]]:
        """Send an alert for all that is late, once in each channel; return the alerts sent now.

        Raises:
            LakeUnavailable: the webhook refused some of them; they are sent the next time.
        """
        sent: list[dict[str, Any]] = []
        refused: list[str] = []
        for item in ages:
            try:
                sent += self._send(item, now)
            except requests.RequestException as error:
                refused.append(f"{item.table} ({_reason(error)})")
        if refused:
            raise LakeUnavailable(
                f"LAKE_ALERT_URL did not take {len(refused)} of {len(refused) + len(sent)} alerts: "
                f"{', '.join(refused)}. They are sent again at the next check; the accepted ones are not."
            )
        return sent

    def _send(self, item: TableFreshness, now: datetime) -> Iterator[dict[str, Any]]:
        names = frozenset(_names(item))
        channels: tuple[AlertChannel, ...] = ("log", "webhook") if self.url else ("log",)
        claimed = claim(self.lake.store, item.table, dict.fromkeys(channels, names), now)
        if claimed is None:
            return
        alert, done = None, list[AlertChannel]()
        try:
            for channel, new in claimed.unsent.items():
                alert = {"alert": "freshness", "bucket": self.lake.store.bucket, **_only(item, new).as_dict(now)}
                self._send_to(channel, alert)
                done.append(channel)
        except requests.RequestException:
            claimed.record_sent(done, now)
            raise
        claimed.record_sent(
            done, now
        )  # not `finally`: an interrupted alert was perhaps not sent, and its claim expires
        if alert:
            yield alert

    def _send_to(self, channel: AlertChannel, alert: dict[str, Any]) -> None:
        if channel == "log":
            log.warning("%s; due was %s", _text(alert), alert["due"])
            return
        body = {"text": _text(alert), **alert}  # `text` is what Slack, Teams and Mattermost show
        (self.session or requests.Session()).post(str(self.url), json=body, timeout=_TIMEOUT).raise_for_status()


def _names(item: TableFreshness) -> Iterator[str]:
    """Yield the ids of an alert: the awaited partition, each missing one, each stopped key."""
    if item.overdue:
        yield f"{item.overdue[0]}@{item.newest}"
    yield from (f"missing {slot}" for slot in item.missing)
    yield from (f"stopped {key}" for key in item.stopped)


def _only(item: TableFreshness, names: Collection[str]) -> TableFreshness:
    """Return the same table, late only by the named partitions and keys."""
    overdue = item.overdue if item.overdue and f"{item.overdue[0]}@{item.newest}" in names else ()
    missing = tuple(slot for slot in item.missing if f"missing {slot}" in names)
    stopped = tuple(key for key in item.stopped if f"stopped {key}" in names)
    return replace(item, overdue=overdue, missing=missing, stopped=stopped)


def _text(alert: dict[str, Any]) -> str:
    late = [f"{kind} {alert[kind]}" for kind in ("overdue", "missing", "stopped") if alert[kind]]
    return f"{alert['table']} is late: newest {alert['newest']}, {', '.join(late)}"


def _reason(error: requests.RequestException) -> str:
    """Return the status or the kind of failure. The error's own text has the webhook's address, which is a secret."""
    return str(error.response.status_code) if error.response is not None else type(error).__name__

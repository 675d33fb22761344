"""Alerts: what is late is told once, to the log and to a webhook, whoever looks and however often."""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import requests

from lakeworks.errors import LakeUnavailable
from lakeworks.freshness.alert_log import Place, claim
from lakeworks.freshness.freshness import TableFreshness
from lakeworks.lake import Lake

log = logging.getLogger(__name__)
_TIMEOUT = 10.0


@dataclass(frozen=True)
class Alerts:
    """Channels that alerts are sent to. The lake keeps a log of what was sent (freshness/alert_log.py)."""

    lake: Lake
    url: str | None = None
    session: requests.Session | None = None

    def tell_late(self, found: Iterable[TableFreshness], now: datetime) -> list[dict[str, Any]]:
        """Tell of all that is late once, in each place it was not told of yet; returns what was told now.

        Raises:
            LakeUnavailable: the webhook took some of them not; those are told of the next time.
        """
        told: list[dict[str, Any]] = []
        refused: list[str] = []
        for item in found:
            try:
                told += self._tell(item, now)
            except requests.RequestException as error:
                refused.append(f"{item.table} ({_reason(error)})")
        if refused:
            raise LakeUnavailable(
                f"LAKE_ALERT_URL did not take {len(refused)} of {len(refused) + len(told)} alerts: {', '.join(refused)}. They "
                "are told of again at the next look; what was taken is not."
            )
        return told

    def _tell(self, item: TableFreshness, now: datetime) -> Iterator[dict[str, Any]]:
        names = frozenset(_names(item))
        places: tuple[Place, ...] = ("log", "webhook") if self.url else ("log",)
        claimed = claim(self.lake.store, item.table, dict.fromkeys(places, names), now)
        if claimed is None:
            return
        alert, done = None, list[Place]()
        try:
            for place, new in claimed.untold.items():
                alert = {"alert": "freshness", "bucket": self.lake.store.bucket, **_only(item, new).as_dict(now)}
                self._tell_at(place, alert)
                done.append(place)
        except requests.RequestException:
            claimed.settle(done, now)
            raise
        claimed.settle(done, now)  # not `finally`: what was interrupted was perhaps not told, and its claim runs out
        if alert:
            yield alert

    def _tell_at(self, place: Place, alert: dict[str, Any]) -> None:
        if place == "log":
            log.warning("%s; due was %s", _text(alert), alert["due"])
            return
        body = {"text": _text(alert), **alert}  # `text` is what Slack, Teams and Mattermost show
        (self.session or requests.Session()).post(str(self.url), json=body, timeout=_TIMEOUT).raise_for_status()


def _names(item: TableFreshness) -> Iterator[str]:
    """By which an alert is known: the partition a table waits for, each that it lacks, each key that stopped."""
    if item.overdue:
        yield f"{item.overdue[0]}@{item.newest}"
    yield from (f"missing {slot}" for slot in item.missing)
    yield from (f"stopped {key}" for key in item.stopped)


def _only(item: TableFreshness, names: Collection[str]) -> TableFreshness:
    """The same table, late by no more than the named."""
    overdue = item.overdue if item.overdue and f"{item.overdue[0]}@{item.newest}" in names else ()
    missing = tuple(slot for slot in item.missing if f"missing {slot}" in names)
    stopped = tuple(key for key in item.stopped if f"stopped {key}" in names)
    return replace(item, overdue=overdue, missing=missing, stopped=stopped)


def _text(alert: dict[str, Any]) -> str:
    late = [f"{kind} {alert[kind]}" for kind in ("overdue", "missing", "stopped") if alert[kind]]
    return f"{alert['table']} is late: newest {alert['newest']}, {', '.join(late)}"


def _reason(error: requests.RequestException) -> str:
    """The status or the kind of failure: the error's own text holds the webhook's address, which is a secret."""
    return str(error.response.status_code) if error.response is not None else type(error).__name__

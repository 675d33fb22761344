"""Alerts: what is late is told once, to the log and to a webhook, whoever looks and however often."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from lakeworks.errors import LakeUnavailable, LostRace
from lakeworks.layout import METADATA, join
from lakeworks.names import TableName
from lakeworks.pipeline.freshness import Freshness
from lakeworks.pipeline.lake import Lake
from lakeworks.storage.objects import Target

log = logging.getLogger(__name__)
_TIMEOUT = 10.0


@dataclass(frozen=True)
class Alerts:
    """Where alerts go. What was told is remembered in the lake: `metadata/alerts/freshness/<table>/<partition>.json`."""

    lake: Lake
    url: str | None = None
    session: requests.Session | None = None

    def tell_late(self, found: Iterable[Freshness], now: datetime) -> list[dict[str, Any]]:
        """Tell of every late table once for the partition it waits for; returns what was told now.

        Raises:
            LakeUnavailable: the webhook took some of them not; those are told of the next time.
        """
        told, refused = [], []
        for item in found:
            if item.state != "late" or not self._first(item):
                continue
            alert = {"alert": "freshness", "bucket": self.lake.store.bucket, **item.as_dict(now)}
            log.warning("late: %s", _line(item))
            try:
                self._post(alert)
            except requests.RequestException as error:
                self.lake.store.delete([_key(item)])
                refused.append(f"{item.table} ({_reason(error)})")
            else:
                told.append(alert)
        if refused:
            raise LakeUnavailable(
                f"LAKE_ALERT_URL did not take {len(refused)} of {len(refused) + len(told)} alerts: {', '.join(refused)}. They "
                "are told of again at the next look; what was taken is not."
            )
        return told

    def _first(self, item: Freshness) -> bool:
        """Whether nobody told of it before; from here on somebody did."""
        try:
            self.lake.store.put(Target(_key(item), if_absent=True), json.dumps({"overdue": item.overdue[0]}).encode())
        except LostRace:
            return False
        return True

    def _post(self, alert: dict[str, Any]) -> None:
        if self.url:
            text = f"{alert['table']} is late: newest {alert['newest']}, overdue {alert['overdue']}"
            body = {"text": text, **alert}  # `text` is what Slack, Teams and Mattermost show
            (self.session or requests.Session()).post(self.url, json=body, timeout=_TIMEOUT).raise_for_status()


def _key(item: Freshness) -> str:
    return join(
        METADATA,
        "alerts",
        "freshness",
        TableName.parse(item.table).path,
        f"{item.overdue[0]}@{item.newest}.json".replace(" ", "_"),
    )


def _line(item: Freshness) -> str:
    return f"`{item.table}` reaches to {item.newest} and was due at {item.due:%Y-%m-%d %H:%M} UTC; overdue: {item.overdue[0]}"


def _reason(error: requests.RequestException) -> str:
    """The status or the kind of failure: the error's own text holds the webhook's address, which is a secret."""
    return str(error.response.status_code) if error.response is not None else type(error).__name__

"""Log of the alerts about a late table and their channels: `metadata/alerts/freshness/<table>.json`.

Each alert is sent once. A process claims the log by a conditional write, sends, then records what it sent. If it dies in
between, its claim expires after five minutes and the next process sends.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lakeworks.core.layout import METADATA, join
from lakeworks.errors import LakeNotFound, LedgerCorrupt, LostRace
from lakeworks.s3.object_store import ObjectStore, Target

AlertChannel = Literal["log", "webhook"]
# Much longer than sending takes (one request of ten seconds), and shorter than the time between two checks.
CLAIM_LIFETIME = timedelta(minutes=5)
_KEPT = timedelta(days=366)


class AlertLog(BaseModel):
    """The stored document: for each alert's name the moment it was sent, by channel."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    sent: dict[str, dict[AlertChannel, datetime]] = Field(default_factory=dict, alias="told")
    claimed_at: datetime | None = Field(None, description="Set while a process sends.")


@dataclass(frozen=True)
class AlertClaim:
    """The claim to send alerts; `unsent` has the names of new alerts, by channel."""

    store: ObjectStore
    key: str
    etag: str
    log: AlertLog
    unsent: Mapping[AlertChannel, frozenset[str]]

    def record_sent(self, channels: Collection[AlertChannel], now: datetime) -> None:
        """Record the channels that took the new alerts, and let other processes send again."""
        sent = {name: dict(at) for name, at in self.log.sent.items() if max(at.values()) > now - _KEPT}
        for channel in channels:
            for name in self.unsent[channel]:
                sent.setdefault(name, {})[channel] = now
        with suppress(LostRace):  # the claim expired and another process sent as well: its document is newer
            _put(self.store, Target(self.key, if_match=self.etag), AlertLog(sent=sent, claimed_at=None))


def claim(
    store: ObjectStore, table: str, alerts: Mapping[AlertChannel, frozenset[str]], now: datetime
) -> AlertClaim | None:
    """Claim the unsent alerts of `alerts`. Return None if all were sent or another process is sending.

    Raises:
        LedgerCorrupt: the document does not have the form that this module writes.
    """
    key = join(METADATA, "alerts", "freshness", f"{table.replace('.', '/')}.json")
    log, etag = _read(store, key)
    new = {
        channel: frozenset(n for n in names if channel not in log.sent.get(n, {})) for channel, names in alerts.items()
    }
    unsent = {channel: names for channel, names in new.items() if names}
    if not unsent or (log.claimed_at and now < log.claimed_at + CLAIM_LIFETIME):
        return None
    target = Target(key, if_match=etag, if_absent=etag is None)
    try:
        taken = _put(store, target, log.model_copy(update={"claimed_at": now}))
    except LostRace:
        return None
    return AlertClaim(store, key, taken, log, unsent)


def _read(store: ObjectStore, key: str) -> tuple[AlertLog, str | None]:
    try:
        body, stored = store.get(key)
    except LakeNotFound:
        return AlertLog(claimed_at=None), None
    try:
        return AlertLog.model_validate_json(body), stored.etag
    except ValidationError as error:
        raise LedgerCorrupt(
            f"`{store.uri(key)}` does not say which alerts were sent: {error.errors()[0]['msg']}. No alert of its table "
            "was sent. Delete the object; alerts are then sent once more."
        ) from error


def _put(store: ObjectStore, target: Target, log: AlertLog) -> str:
    return store.put(target, log.model_dump_json(indent=1, by_alias=True).encode()).etag

"""S3 events, read as arrivals of dropped files. The bucket's queue delivers them in any order and more than once."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from lakeworks.core.layout import INBOX
from lakeworks.core.partition import Period
from lakeworks.sources.files.file_drop import why_not_taken

_TENANT = "tenant="


class OthersEvent(ValueError):
    """The message is no event of this bucket's inbox, so lakeworks must not delete it."""


@dataclass(frozen=True, order=True)
class Arrival:
    """A dropped file: its time (UTC, from S3), its place, and its content (`token`)."""

    at: str
    token: str
    dataset: str
    period: str
    tenant: str | None = None

    @property
    def place(self) -> tuple[str | None, str, str]:
        """Tenant, data set and period: the scope of one run."""
        return self.tenant, self.dataset, self.period


@dataclass(frozen=True)
class Drop:
    """The files of one period that arrived together. `token` names the newest one, so the same drop has the same token."""

    tenant: str | None
    dataset: str
    period: str
    files: int
    token: str

    @classmethod
    def of(cls, arrivals: Iterable[Arrival]) -> "Drop":
        """Make one of the arrivals of one place, duplicates counted once."""
        by_moment = {(arrival.at, arrival.token): arrival for arrival in arrivals}
        newest = max(by_moment.values(), key=lambda arrival: (arrival.at, arrival.token))
        return cls(
            *newest.place, len(by_moment), hashlib.sha256(f"{newest.at} {newest.token}".encode()).hexdigest()[:12]
        )


def arrivals_in(body: str, bucket: str) -> list[Arrival]:
    """Return the inbox files that a message names; none for S3's test event and for ignored files.

    Ignored are folder markers, hidden and unfinished files, files in subfolders, and removals.

    Raises:
        OthersEvent: it is no event of S3, or one of another bucket or prefix.
    """
    document = _parsed(body)
    if document.get("Event") == "s3:TestEvent":
        return []
    records = document.get("Records")
    if not isinstance(records, list) or not records:
        raise OthersEvent("it is no event of S3")
    return [arrival for record in records for arrival in _of_record(record, bucket)]


def _parsed(body: str) -> Mapping[str, Any]:
    try:
        event = json.loads(body)
        if isinstance(event, dict) and event.get("Type") == "Notification" and "Message" in event:
            event = json.loads(event["Message"])  # by way of an SNS topic
    except (ValueError, TypeError, RecursionError) as error:
        raise OthersEvent("it is no JSON") from error
    if not isinstance(event, dict):
        raise OthersEvent("it is no event of S3")
    return event


def _of_record(record: Any, bucket: str) -> Iterator[Arrival]:
    try:
        event, item = str(record["eventName"]), record["s3"]["object"]
        name, key = record["s3"]["bucket"]["name"], unquote_plus(str(item["key"]))
        at = str(record.get("eventTime", ""))
        token = " ".join([key, *(str(item.get(part, "")) for part in ("versionId", "eTag", "sequencer"))])
    except (KeyError, TypeError, AttributeError) as error:
        raise OthersEvent("it is no event of S3") from error
    if name != bucket or not key.startswith(f"{INBOX}/"):
        raise OthersEvent(f"it is about `s3://{name}/{key}`")
    if not event.removeprefix("s3:").startswith("ObjectCreated:"):
        return
    tenant, relative = None, key.removeprefix(f"{INBOX}/")
    if relative.startswith(_TENANT):
        level, _, relative = relative.partition("/")
        tenant = level.removeprefix(_TENANT)
    dataset, _, below = relative.partition("/")
    period, _, file = below.partition("/")
    if file and Period.find(period) is not None and why_not_taken(file) is None:
        yield Arrival(at, token, dataset, period, tenant)

"""Archived objects: S3 refuses reads until they are restored for some days."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from lakeworks.aws_errors import translated
from lakeworks.core.layout import LANDING, owner_of, partition_of
from lakeworks.errors import LakeError, ObjectArchived
from lakeworks.prices import PriceBook, load_price_book
from lakeworks.s3.requests import version

if TYPE_CHECKING:
    from lakeworks.s3.object_store import ObjectStore

ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
Tier = Literal["bulk", "standard", "expedited"]
Readability = Literal["readable", "archived", "restoring", "restored"]


@dataclass(frozen=True)
class ArchiveState:
    """One object version: its class, and whether it can be read."""

    key: str
    version_id: str | None
    size: int
    storage_class: str
    state: Readability
    until: datetime | None = None  # how long the restored copy stays


def archive_state(store: "ObjectStore", key: str, version_id: str | None = None) -> ArchiveState:
    """Return whether an object version can be read.

    Raises:
        LakeNotFound: there is no such object or version.
    """
    with translated("look at", store.uri(key)):
        answer: Any = store.client.head_object(**store.place(key), **version(version_id))
    storage_class = str(answer.get("StorageClass") or "STANDARD")
    restore = str(answer.get("Restore", ""))
    expiry = re.search(r'expiry-date="([^"]+)"', restore)
    until = parsedate_to_datetime(expiry[1]).astimezone(UTC) if expiry else None
    state: Readability = "readable"
    if storage_class in ARCHIVES or answer.get("ArchiveStatus"):
        state = "restoring" if 'ongoing-request="true"' in restore else "restored" if until else "archived"
    return ArchiveState(key, version_id, answer["ContentLength"], storage_class, state, until)


# A restore runs already; or an Intelligent-Tiering object has come back since it was looked at.
_NOTHING_TO_DO = ("RestoreAlreadyInProgress", "ObjectAlreadyInActiveTierError")


def request_restore(store: "ObjectStore", item: ArchiveState, tier: Tier, days: int) -> None:
    """Ask S3 to make an archived object readable for some days. A repeated request changes nothing.

    Raises:
        LakeUnavailable: S3 has no capacity for an expedited restore now.
    """
    request: dict[str, Any] = {"GlacierJobParameters": {"Tier": tier.capitalize()}}
    if item.storage_class in ARCHIVES:  # an Intelligent-Tiering object becomes readable for good
        request["Days"] = days
    with translated("restore", store.uri(item.key)):
        try:
            store.client.restore_object(**store.place(item.key), **version(item.version_id), RestoreRequest=request)  # type: ignore[arg-type]
        except ClientError as error:
            if error.response["Error"].get("Code") not in _NOTHING_TO_DO:
                raise


class reading(translated):  # noqa: N801 - read as `with reading("read", key, address, client)`
    """Translate errors of a read. The error for an archived object names time and cost of a restore."""

    def __init__(self, action: str, key: str, where: str, client: Any) -> None:
        super().__init__(action, where)
        self.key = key
        self.client = client

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Translate what the read raised."""
        try:
            super().__exit__(kind, error, trace)
        except ObjectArchived as archived:
            raise self._archived(archived) from archived
        if isinstance(error, ObjectArchived):  # of a client that translates by itself
            raise self._archived(error) from error

    def _archived(self, error: ObjectArchived) -> ObjectArchived:
        return archived_error(self.where, self.key, error.storage_class, self.client.meta.region_name)


def archived_error(
    uri: str, key: str, storage_class: str, region: str, publication: int | None = None
) -> ObjectArchived:
    """Return the error for a read of an archived object: its class, time and cost of a restore, the command.

    `publication` is the number of the one that the object belongs to, if another one is live.
    """
    earlier = f" --publication {publication}" if publication else ""
    return ObjectArchived(
        f"`{uri}` is archived in {storage_class or 'an archive class'} and cannot be read before it is "
        f"restored{_terms(load_price_book(), storage_class, region)}. Nothing was changed. Show the total "
        f"cost, then restore: lakeworks restore {_subject(key)}{earlier} --dry-run",
        storage_class,
    )


def _terms(book: PriceBook, storage_class: str, region: str) -> str:
    """Return time and cost of each restore tier that the price book has."""
    if storage_class not in book.classes:
        return ""
    parts = []
    for tier, hours in book.classes[storage_class].tiers.items():
        try:
            price = book.restore_price(region, storage_class, tier)
        except LakeError:
            price = None
        cost = f", ${price.retrieval:g} a GB and ${price.request:g} per 1,000 objects" if price else ""
        parts.append(f"{tier} up to {hours:g} h{cost}")
    return f" ({'; '.join(parts)})" if parts else ""


def _subject(key: str) -> str:
    """Return the table and period (or partition) of a key, in the form that the command line takes."""
    owner, partition = owner_of(key), partition_of(key)
    table = f"<table of {owner.table}>" if owner.area == LANDING else owner.table
    return " ".join(filter(None, [table, str(partition.period or partition.path)]))

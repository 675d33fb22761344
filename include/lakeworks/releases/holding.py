"""Holding of releases: what they name is kept readable, whatever runs, retention, collection and lifecycle do.

A version that is current costs nothing. One that was replaced, withdrawn or expired is copied below `_releases/` before the
bucket deletes it, and the release names the copy from then on. If the same rows are live at other versions (after a repair or
a renewal), the release names those instead.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lakeworks.core.layout import RELEASES, held_key, is_tenants, release_documents
from lakeworks.core.names import TableName
from lakeworks.core.placement_stamp import new_stamp
from lakeworks.errors import LostRace, ObjectArchived, SourceGone
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.releases.release import Release, ReleaseRegister, StoredRelease
from lakeworks.s3.multipart import copy_object
from lakeworks.s3.object_store import SHA256, StoredObject, Target

log = logging.getLogger(__name__)


HoldOutcome = Literal["current", "copied", "re-pinned", "lost", "archived"]


@dataclass(frozen=True)
class HeldRelease:
    """The outcomes of holding one release: one for each object, with its partition."""

    name: str
    outcomes: tuple[tuple[HoldOutcome, str], ...]

    def count(self, outcome: HoldOutcome) -> int:
        """Return how many objects had an outcome."""
        return sum(each == outcome for each, _ in self.outcomes)

    @property
    def faults(self) -> list[str]:
        """The publications that could not be protected: the bucket deleted a version, or archived it."""
        return [f"{where} ({outcome})" for outcome, where in self.outcomes if outcome in ("lost", "archived")]


def hold_all(lake: Lake) -> list[HeldRelease]:
    """Hold every release whose time is not over; return what was done for each.

    Raises:
        LedgerCorrupt: a release does not parse.
    """
    register, now = ReleaseRegister(lake.store), lake.store.now()
    return [hold(lake, stored) for stored in register.all() if stored.document.is_held(now)]


def hold(lake: Lake, seen: StoredRelease) -> HeldRelease:
    """Hold one release. Copies are made first, then the document names them; a killed attempt is simply repeated."""
    release = seen.document
    results = lake.store.map(lambda entry: _held(lake, entry), release.entries)
    changed = release.model_copy(update={"entries": tuple(entry for entry, _ in results)})
    if changed != release:
        try:
            ReleaseRegister(lake.store).replace(seen, changed)
        except LostRace:  # another process holds it, or it was dropped
            log.warning("Release `%s` was changed by another process; the next run holds the rest.", release.name)
    outcomes = [(outcome, f"{entry.where} publication {entry.live_seq}") for entry, each in results for outcome in each]
    return HeldRelease(release.name, tuple(outcomes))


def _held(lake: Lake, entry: LedgerEntry) -> tuple[LedgerEntry, list[HoldOutcome]]:
    """Return the entry with the places that hold its objects, and what was done for each."""
    current = [_is_current(lake, item) for item in entry.objects]
    if all(current):
        return entry, ["current"] * len(current)
    live = lake.ledger.live(TableName.parse(entry.table), entry.parsed)
    if live and live.content == entry.content and all(_is_current(lake, item) for item in live.objects):
        return entry.model_copy(update={"objects": live.objects}), ["re-pinned"] * len(live.objects)
    results: list[tuple[LiveObject, HoldOutcome]] = [
        (item, "current") if is_current else _copied(lake, entry, item)
        for item, is_current in zip(entry.objects, current, strict=True)
    ]
    held = entry.model_copy(update={"objects": tuple(item for item, _ in results)})
    return held, [outcome for _, outcome in results]


def _is_current(lake: Lake, item: LiveObject) -> bool:
    head = lake.store.head(item.key)
    return head is not None and head.version_id == item.version_id


def _copied(lake: Lake, entry: LedgerEntry, item: LiveObject) -> tuple[LiveObject, HoldOutcome]:
    """Return the object with its copy as the place; itself if it cannot be copied."""
    target = Target(held_key(TableName.parse(entry.table), item.sha256), {SHA256: item.sha256}, if_absent=True)
    source = StoredObject(item.key, item.size, "", item.version_id, {SHA256: item.sha256})
    try:
        copy = lake.store.head(target.key) or _copy(lake, source, target)
    except SourceGone:
        return item, "lost"
    except ObjectArchived:
        return item, "archived"
    place = {"key": copy.key, "size": copy.size, "version_id": copy.version_id}
    return item.model_copy(update=place), "copied"


def _copy(lake: Lake, source: StoredObject, target: Target) -> StoredObject:
    try:
        return copy_object(lake.store, source, target, new_stamp())
    except LostRace:  # another process copied the same rows
        copy = lake.store.head(target.key)
        if copy is None:
            raise
        return copy


def named_keys(lake: Lake) -> frozenset[str]:
    """Return the keys of every object that a held release names.

    Raises:
        LedgerCorrupt: a release does not parse.
    """
    now = lake.store.now()
    held = (stored.document for stored in ReleaseRegister(lake.store).all() if stored.document.is_held(now))
    return frozenset(item.key for release in held for entry in release.entries for item in entry.objects)


def copies(lake: Lake) -> Iterable[StoredObject]:
    """Yield every copy below `_releases/`, whichever release it was made for; not tenants' copies."""
    for item in lake.store.scan(f"{RELEASES}/"):
        if not item.key.startswith(release_documents()) and not is_tenants(item.key):
            yield item


def size_of_copies(release: Release) -> int:
    """Return the bytes of the copies that a release names; other releases may share them."""
    places = {item.key: item.size for entry in release.entries for item in entry.objects}
    return sum(size for key, size in places.items() if key.startswith(f"{RELEASES}/"))

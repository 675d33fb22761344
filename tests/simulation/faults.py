"""Planted faults: each takes one cure out of the product's code, and the simulation must find what it cured.

`make simulate FAULT=settle_overwrites` plays histories with one of them; `make simulate FAULT=all` counts all of them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from unittest.mock import patch

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.core import layout
from lakeworks.core.placement_stamp import BLANK_STAMP
from lakeworks.errors import LedgerCorrupt
from lakeworks.ledger import placement
from lakeworks.ledger.entry import Stored
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.placement import Placement
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.ledger.settlement import Settlement
from lakeworks.maintenance import verification
from lakeworks.maintenance.garbage import staging, versions
from lakeworks.pipeline import publish_step
from lakeworks.publications import rollbacks
from lakeworks.s3.object_store import ObjectStore, Target
from tests.simulation import actors, clock, past


class Swap(NamedTuple):
    """One attribute of the product, and what is put in its place."""

    owner: Any
    name: str
    new: Any


@dataclass(frozen=True)
class Fault:
    """A cure that is taken out; `finding` is its number in the protocol's list of findings."""

    finding: str
    says: str
    swaps: Callable[[], tuple[Swap, ...]]
    about: str = ""  # the theme whose histories are played

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Put the fault into the running process."""
        with ExitStack() as stack:
            past.forget()
            stack.callback(past.forget)
            for swap in self.swaps():
                stack.enter_context(patch.object(swap.owner, swap.name, swap.new))
            yield


def _nothing(*_: Any, **__: Any) -> None:
    """Take a step out."""


def _no(*_: Any, **__: Any) -> bool:
    return False


def _of(owner: Any, name: str, new: Any) -> Callable[[], tuple[Swap, ...]]:
    return lambda: (Swap(owner, name, new),)


def _settle_once(self: Settlement, table: Any, partition: Any) -> None:
    stored = self.ledger.newest(table, partition)
    if stored is not None:
        self.register([self._restored(stored).entry])


def _settle_nothing_withdrawn(self: Settlement, table: Any, partition: Any) -> None:
    if self.ledger.live(table, partition) is not None:
        _SETTLE(self, table, partition)


def _restored_unpinned(self: Settlement, stored: Any) -> Any:
    self.placement.remove(stored.entry)
    for item in stored.entry.objects:
        self.placement.restore(stored.entry, item)
    return stored


def _delete_by_key(self: Placement, entry: Any, key: str) -> None:
    self.ledger.store.delete([key])


def _place_anywhere(item: Any, seq: int, live: Any) -> Target:
    return replace(_TARGET(item, seq, live), if_match=None, if_absent=False)


def _put_if_absent(self: Placement, entry: Any, item: Any, source: Any, live: Any) -> Any:
    placed = placement.copy_object(self.ledger.store, source, _TARGET(item, entry.live_seq, live), self.stamp())
    return placement._placed(item, placed.version_id)


def _reserve_anyway(self: Ledger, entry: Any) -> Any:
    return Stored(entry, self.store.put(Target(entry.key), entry.model_dump_json(indent=1).encode()).etag)


def _complete_anyway(self: Ledger, stored: Any, entry: Any) -> Any:
    return _COMPLETE(self, replace(stored, etag=self.store.head(entry.key).etag), entry)


def _not_copied(_: Any, target: Any, *__: Any) -> dict[str, Any]:
    old = {"source_version": None, "version_id": None}
    objects = (
        item.model_copy(update={**old, "source_key": item.key, "source_version": item.version_id})
        for item in target.objects
    )
    return {"objects": tuple(objects), "location": target.location}


def _worker_clock(self: ObjectStore) -> datetime:
    return clock.VirtualDatetime.now(UTC)


def _by_hand_now(act: str, after: Run, name: str = "") -> Run:
    now = clock.VirtualDatetime.now(UTC)
    started = max(now, after.started_at + timedelta(microseconds=1))
    return Run(id=f"{act}__{now:%Y%m%dT%H%M%S%f}", started_at=started)


def _strict_entries() -> tuple[Swap, ...]:
    load = Ledger._load

    def strict(self: Ledger, key: str, *found: Any) -> Any:
        body, _ = self.store.get(key)
        if b"newer_field" in body:
            raise LedgerCorrupt(f"`{key}`: extra inputs are not permitted")
        return load(self, key, *found)

    return (Swap(Ledger, "_load", strict),)


def _unaudited(lake: Any, manifest: RunRecord) -> RunRecord:
    return publish_step._publish(lake, lake.contract(manifest.table), manifest)


_SETTLE, _TARGET, _COMPLETE = Settlement.settle, placement._target, Ledger.complete

FAULTS: dict[str, Fault] = {
    "settle_overwrites": Fault("1", "settling puts its publication over a later one", _of(Placement, "_is_later", _no), "late settling"),
    "settle_once": Fault("1", "settling does not look whether the ledger has moved", _of(Settlement, "settle", _settle_once), "settling"),
    "settle_not_withdrawn": Fault(
        "1", "settling leaves what a late step put over a withdrawal", _of(Settlement, "settle", _settle_nothing_withdrawn), "withdrawals"),
    "confirm_and_forget": Fault("1", "a confirmation that registers late never looks back", _of(Publisher, "_look_back", _nothing), "confirmations"),
    "pin_stays": Fault("2", "a restored object's version is not pinned", _of(Settlement, "_restored", _restored_unpinned)),
    "same_etag": Fault("3a", "placing the same bytes again gives the same ETag", lambda: (_same_stamp(),), "repairs"),
    "delete_by_key": Fault("3b", "a withdrawal deletes whatever is at the key", _of(Placement, "_remove", _delete_by_key), "withdrawals"),
    "fill_if_absent": Fault("3", "an empty key is filled on condition that it is empty", _of(Placement, "_put", _put_if_absent), "withdrawals"),
    "collect_half_placed": Fault(
        "5", "garbage collection takes what finishes a publication",
        lambda: (Swap(staging, "_is_being_published", _no), Swap(actors, "roll_forward", _nothing)), "collection"),
    "strict_documents": Fault("6", "a field of a newer release makes an entry unreadable", _strict_entries),
    "collect_what_glue_names": Fault("10", "garbage collection does not ask the catalog", _of(versions, "_locations", lambda *_: ()), "collection"),
    "rollback_without_copies": Fault(
        "11", "a rollback makes the old immutable objects live again",
        lambda: (Swap(rollbacks, "_copies", _not_copied), Swap(Placement, "relocated", lambda _, entry, *__: entry)), "collection"
    ),
    "worker_clock": Fault("12", "a worker's clock decides what is a day old", _of(ObjectStore, "now", _worker_clock)),
    "laptop_clock": Fault("12", "a laptop's clock orders a rollback", _of(Run, "by_hand", _by_hand_now)),
    "no_expiry": Fault("0", "nothing withdraws a partition before the bucket expires it", _of(actors, "expire", _nothing)),
    "shared_staging": Fault("14", "run ids that differ in a character share a folder", lambda: (_shared_key(),), "twins"),
    "number_taken_twice": Fault("-", "the ledger's number is taken without If-None-Match", _of(Ledger, "reserve", _reserve_anyway)),
    "place_anyway": Fault("-", "an object is placed without If-Match", _of(placement, "_target", _place_anywhere), "settling"),
    "complete_anyway": Fault("-", "an entry is completed without If-Match", _of(Ledger, "complete", _complete_anyway), "settling"),
    "unaudited": Fault("-", "publishing does not ask for an audit", _of(publish_step, "_publish_with_lineage", _unaudited)),
    "no_catalog": Fault("-", "the catalog is never set", _of(GlueCatalog, "upsert_partitions", lambda *_: 0)),
    "repair_nothing": Fault("-", "repair does nothing to objects", _of(verification, "_repair_objects", _no)),
}  # fmt: skip


def _same_stamp() -> Swap:
    return Swap(Publisher, "placement", property(lambda self: Placement(self.ledger, lambda: BLANK_STAMP)))


def _shared_key() -> Swap:
    return Swap(Run, "key", property(lambda self: f"{layout.key_part(self.id)}.{self.attempt}"))

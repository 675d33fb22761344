"""Rollback: an earlier publication of one partition becomes live again, as a new publication."""

from typing import Any

from lakeworks.contract import Contract
from lakeworks.core.layout import versions_prefix
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.publish_step import publisher_of


def rollback(lake: Lake, contract: Contract, partition: Partition, to: int | None = None) -> LedgerEntry:
    """Publish the content of publication `to` again, from the bucket's object versions (default: the one before the live one).

    Raises:
        LakeNotFound: there is no such publication, or its versions have expired; nothing was changed.
    """
    publisher = publisher_of(lake, contract)
    publisher.recover(contract.table, partition)  # complete older unfinished publications before this rollback
    history = lake.ledger.history(contract.table, partition)
    live = next((entry for entry in reversed(history) if entry.is_live), None)
    if live is None:
        raise LakeNotFound(f"`{contract.name}` {partition} was never published: there is nothing to roll back.")
    target = _target(history, live, to)
    for item in target.objects:
        if item.version_id is None or lake.store.head(item.key, item.version_id) is None:
            raise LakeNotFound(
                f"{target.where}: publication {target.seq} is gone (`{lake.store.uri(item.key)}`, version {item.version_id}): "
                "it lies beyond the bucket's rollback horizon, or the bucket keeps no versions. Nothing was changed. "
                "Rebuild the partition from its landing objects: run it again."
            )
    run = Run.by_hand("rollback", live.run)
    by_hand = {"kind": "rollback", "based_on": None, "run": run, "staging": "", **_copies(contract, target, run)}
    restored = target.model_copy(update=by_hand)
    done = publisher.publish([restored])[0]
    lake.lineage.restated(contract, done, target)
    return done


def _target(history: list[LedgerEntry], live: LedgerEntry, to: int | None) -> LedgerEntry:
    published = [entry for entry in history if entry.state == "published" and entry.objects]
    if to is None:
        earlier = [entry for entry in published if entry.seq < live.live_seq and entry.content != live.content]
    else:
        earlier = [entry for entry in published if entry.seq == to]
    if not earlier:
        sought = f"publication {to}" if to else "earlier publication with other content"
        known = ", ".join(str(entry.seq) for entry in published)
        raise LakeNotFound(
            f"{live.where} has no {sought}. Nothing was changed. Published: {known}; live is {live.live_seq}."
        )
    return earlier[-1]


def _copies(contract: Contract, target: LedgerEntry, run: Run) -> dict[str, Any]:
    """Return the objects, each with its own earlier version as the source.

    Immutable objects are copied to new keys, because garbage collection may be deleting the old ones at this moment.
    """
    location = target.location
    if target.layout == "versioned":
        location = versions_prefix(contract.table, run.key, target.parsed)
    objects = tuple(
        item.model_copy(
            update={
                "key": location + item.key.rpartition("/")[2],
                "source_key": item.key,
                "source_version": item.version_id,
                "version_id": None,
            }
        )
        for item in target.objects
    )
    return {"objects": objects, "location": location}

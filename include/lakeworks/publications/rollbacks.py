"""Rollback: an earlier publication of one partition becomes live again, as a new publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lakeworks.contract import Contract
from lakeworks.core.layout import live_prefix, part_name, versions_prefix
from lakeworks.core.partition import Partition
from lakeworks.errors import ConfigError, FencedError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.registration import publisher_of
from lakeworks.s3.archive import ArchiveState, archive_state, archived_error


@dataclass(frozen=True)
class RollbackPlan:
    """The live publication, and the earlier one whose content a rollback publishes again."""

    live: LedgerEntry
    target: LedgerEntry


def plan_rollback(lake: Lake, contract: Contract, partition: Partition, to: int | None = None) -> RollbackPlan:
    """Find what a rollback would publish. Changes nothing.

    Raises:
        LakeNotFound: there is no such publication, or its versions have expired.
        ObjectArchived: its objects must be restored from their archive first.
        ConfigError: its objects are replaced in place, and the table has an Iceberg table.
    """
    history = lake.ledger.history(contract.table, partition)
    live = next((entry for entry in reversed(history) if entry.is_live), None)
    if live is None:
        raise LakeNotFound(
            f"`{contract.name}` {partition} was never published, so there is nothing to roll back. Nothing was changed."
        )
    target = _target(history, live, to)
    if contract.catalog.iceberg and target.layout == "plain":
        raise ConfigError(
            f"{target.where}: publication {target.seq} has layout `plain`; `catalog.iceberg` needs objects that never change. "
            "Nothing was changed. Run the partition again instead: lakeworks backfill start … --again"
        )
    _require_readable(lake, target)
    return RollbackPlan(live, target)


def _require_readable(lake: Lake, target: LedgerEntry) -> None:
    states = _states(lake, target)
    for item, found in states:
        if found is None:
            raise LakeNotFound(
                f"{target.where}: publication {target.seq} is gone (`{lake.store.uri(item.key)}`, version "
                f"{item.version_id}). The bucket deleted the old version, or keeps no versions. Nothing was changed. "
                "Rebuild the partition from its landing objects: run it again."
            )
    _refuse_archived(lake, target, states)


_States = Sequence[tuple[LiveObject, ArchiveState | None]]


def _refuse_archived(lake: Lake, target: LedgerEntry, states: _States) -> None:
    """Refuse to copy from an archive: a number that was taken for it would stay unfinished."""
    for item, found in states:
        if found and found.state not in ("readable", "restored"):
            region = lake.store.client.meta.region_name
            raise archived_error(lake.store.uri(item.key), item.key, found.storage_class, region, target.seq)


def _states(lake: Lake, target: LedgerEntry) -> _States:
    """Return each object with whether the version that the entry names can be read; None if there is no such version."""

    def state(item: LiveObject) -> ArchiveState | None:
        try:
            return archive_state(lake.store, item.key, item.version_id) if item.version_id else None
        except LakeNotFound:
            return None

    return list(zip(target.objects, lake.store.map(state, target.objects), strict=True))


def rollback(
    lake: Lake,
    contract: Contract,
    partition: Partition,
    to: int | None = None,
    *,
    seen: int | None = None,
    by: str = "",
) -> LedgerEntry:
    """Publish the content of publication `to` again, from the bucket's object versions (default: the one before the live one).

    Args:
        lake: the lake.
        contract: the table's contract.
        partition: the partition.
        to: number of the publication.
        seen: number of the publication that was live when a person decided; another one live now stops the rollback.
        by: id of the run that acts; its second try finds its first one's publication and changes nothing.

    Raises:
        LakeNotFound: there is no such publication, or its versions have expired; nothing was changed.
        ObjectArchived: its objects must be restored from their archive first; nothing was changed.
        FencedError: another publication than `seen` is live; nothing was changed.
    """
    publisher = publisher_of(lake, contract)
    publisher.recover(contract.table, partition)  # complete older unfinished publications before this rollback
    if by and (done := done_by(lake, contract, partition, by)):
        return done
    plan = plan_rollback(lake, contract, partition, to)
    require_live(plan.live, seen)
    names = [item.key.rpartition("/")[2] for item in plan.target.objects]
    return _published(lake, contract, plan, names, by)


def restore(lake: Lake, contract: Contract, target: LedgerEntry, *, seen: int | None = None) -> LedgerEntry:
    """Publish the content of an entry of the ledger again, from the places that it names.

    `seen` as in `rollback`.

    Raises:
        LakeNotFound: the partition was never published; nothing was changed.
        SourceGone: the bucket deleted a version; the partition is as it was.
        ObjectArchived: an object must be restored from its archive first; nothing was changed.
        FencedError: another publication than `seen` is live; nothing was changed.
    """
    publisher_of(lake, contract).recover(contract.table, target.parsed)
    live = lake.ledger.newest(contract.table, target.parsed)
    if live is None:
        raise LakeNotFound(f"{target.where} was never published, so there is nothing to restore. Nothing was changed.")
    require_live(live.entry, seen)
    _refuse_archived(lake, target, _states(lake, target))
    names = [part_name(number) for number in range(len(target.objects))]
    return _published(lake, contract, RollbackPlan(live.entry, target), names)


def _published(lake: Lake, contract: Contract, plan: RollbackPlan, names: list[str], by: str = "") -> LedgerEntry:
    run = Run.by_hand("rollback", plan.live.run, by)
    by_hand = {
        "kind": "rollback",
        "based_on": None,
        "run": run,
        "staging": "",
        **_copies(contract, plan.target, run, names),
    }
    done = publisher_of(lake, contract).publish([plan.target.model_copy(update=by_hand)])[0]
    lake.lineage.restated(contract, done, plan.target)
    return done


def done_by(lake: Lake, contract: Contract, partition: Partition, run_id: str) -> LedgerEntry | None:
    """Return the live publication if this run made it."""
    live = next((e for e in reversed(lake.ledger.history(contract.table, partition)) if e.is_live), None)
    return live if live and live.run.id == run_id else None


def require_live(live: LedgerEntry, seen: int | None) -> None:
    """Stop a person's act if it was decided on another state of the partition.

    Raises:
        FencedError: publication `seen` is not the live one any more.
    """
    if seen is not None and live.live_seq != seen:
        raise FencedError(
            f"{live.where}: publication {live.live_seq} is live now; it was {seen} in the plan. Nothing was "
            "changed. Check the partition, then repeat the command."
        )


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


def _copies(contract: Contract, target: LedgerEntry, run: Run, names: list[str]) -> dict[str, Any]:
    """Return the objects under these names, each with its own earlier version as the source.

    Immutable objects are copied to new keys, because garbage collection may be deleting the old ones at this moment.
    """
    location = live_prefix(contract.table, target.parsed)
    if target.layout == "versioned":
        location = versions_prefix(contract.table, run.key, target.parsed)
    objects = tuple(
        item.model_copy(
            update={
                "key": location + name,
                "source_key": item.key,
                "source_version": item.version_id,
                "version_id": None,
            }
        )
        for name, item in zip(names, target.objects, strict=True)
    )
    return {"objects": objects, "location": location}

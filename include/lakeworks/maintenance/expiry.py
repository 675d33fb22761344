"""Expiry: withdraw partitions that are past their retention. The bucket's lifecycle rule is the safety net.

Retention counts from the moment a run last published or confirmed the rows, not from when S3 wrote the object. The order is
that of every publication: drop the partition from Glue, record `expired` in the ledger, then delete the objects.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.errors import LostRace, StaleBuild
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.ledger import leave_out
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.registration import publisher_of

log = logging.getLogger(__name__)
_BATCH = 100  # partitions withdrawn at a time: Glue drops up to 25 a request


@dataclass(frozen=True)
class ExpiredPartition:
    """A partition past its retention."""

    partition: Partition
    last_confirmed: datetime
    rows: int
    bytes: int


def expire(lake: Lake, contract: Contract, *, dry_run: bool = True) -> list[ExpiredPartition]:
    """Return the partitions of a table past their retention; without `dry_run`, withdraw them first.

    A partition that a run publishes or confirms meanwhile stays, and is not in the result.
    """
    horizon = retention_horizon(lake, contract)
    if horizon is None:
        return []
    entries = list(past_retention(lake, contract, horizon))
    done = entries if dry_run else withdraw_expired(lake, contract, entries)
    return [ExpiredPartition(entry.parsed, entry.last_confirmed, entry.rows, entry.size) for entry in done]


def retention_horizon(lake: Lake, contract: Contract) -> datetime | None:
    """Return the moment before which rows are past the table's retention; None for a table that keeps them."""
    days = lake.lifecycle.retention_of(contract).expire_after_days
    return None if days is None else lake.store.now() - timedelta(days=days)


def past_retention(lake: Lake, contract: Contract, horizon: datetime) -> Iterator[LedgerEntry]:
    """Yield the live entries that no run has confirmed since the horizon.

    Read each live entry. The age of its object in S3 is no evidence: a repair may have written the object again.
    """
    live = lake.ledger.live_partitions(contract.table, on_unreadable=leave_out)
    yield from (entry for entry in live.values() if entry.last_confirmed < horizon)


def withdraw_expired(lake: Lake, contract: Contract, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Withdraw entries in batches. If another writer was faster, withdraw each entry of the batch separately."""
    done: list[LedgerEntry] = []
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        try:
            done += _publish_expired(lake, contract, batch)
        except (StaleBuild, LostRace):
            for entry in batch:
                try:
                    done += _publish_expired(lake, contract, [entry])
                except (StaleBuild, LostRace) as error:  # a run published or confirmed it: it is not past its retention
                    log.warning("%s", error)
    return done


def _publish_expired(lake: Lake, contract: Contract, entries: Sequence[LedgerEntry]) -> Sequence[LedgerEntry]:
    """Publish an empty entry in place of each one, if that one is still live."""
    published = publisher_of(lake, contract).publish([emptied(entry) for entry in entries])
    for entry, before in zip(published, entries, strict=True):
        lake.lineage.restated(contract, entry, before)
    return entries


def emptied(live: LedgerEntry) -> LedgerEntry:
    """Return the entry that withdraws a live one as expired, if that one is still live when it is published."""
    nothing = {
        "kind": "expired",
        "objects": (),
        "content": "",
        "staging": "",
        "run_record": "",
        "audit": None,
        "approval": None,
        "based_on": live.live_seq,
        "confirmed_at": live.last_confirmed,
        "run": Run.by_hand("expire", live.run),
    }
    return live.model_copy(update=nothing)

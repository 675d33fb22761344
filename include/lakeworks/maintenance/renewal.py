"""Renewal: rewrite objects whose rows runs still confirm, before the bucket's lifecycle rule deletes them.

The rule counts from when S3 wrote an object. A run that confirms the same rows writes none, so the object of a partition in
daily use grows as old as its first publication.
"""

import logging
from contextlib import suppress
from datetime import datetime
from itertools import chain

from lakeworks.contract import Contract
from lakeworks.core.layout import table_prefixes
from lakeworks.core.partition import Partition
from lakeworks.core.placement_stamp import new_stamp
from lakeworks.errors import LakeError, LostRace
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.ledger import leave_out
from lakeworks.ledger.placement import holds
from lakeworks.maintenance.expiry import retention_horizon
from lakeworks.pipeline.registration import publisher_of
from lakeworks.s3.multipart import copy_object
from lakeworks.s3.object_store import SHA256, StoredObject, Target

log = logging.getLogger(__name__)


def renew(lake: Lake, contract: Contract) -> list[Partition]:
    """Rewrite live objects older than the table's retention, pin the new versions, and return their partitions.

    List the table once, and read entries only for objects that old. A partition that cannot be renewed (an archived object,
    for example) does not stop the others.
    """
    horizon = retention_horizon(lake, contract)
    if horizon is None:
        return []
    old = {
        item.key
        for item in chain.from_iterable(map(lake.store.scan, table_prefixes(contract.table)))
        if item.modified is not None and item.modified < horizon
    }
    live = lake.ledger.live_partitions(contract.table, on_unreadable=leave_out) if old else {}
    aging = [part for part, entry in live.items() if any(item.key in old for item in entry.objects)]
    return [partition for partition in aging if _renewed(lake, contract, partition, old, horizon)]


def _renewed(lake: Lake, contract: Contract, partition: Partition, old: set[str], horizon: datetime) -> bool:
    """Renew one partition; a run that publishes or confirms it meanwhile wins."""
    stored = lake.ledger.newest(contract.table, partition)
    if stored is None or stored.entry.last_confirmed < horizon:
        return False
    entry = stored.entry
    try:
        objects = tuple(_rewritten(lake, entry, item) if item.key in old else item for item in entry.objects)
        try:
            lake.ledger.complete(stored, entry.model_copy(update={"objects": objects}))
        except LostRace:
            publisher_of(lake, contract).settle(contract.table, partition)
    except LakeError as error:
        log.warning("`%s` %s was not renewed: %s", contract.name, partition, error)
        return False
    return True


def _rewritten(lake: Lake, entry: LedgerEntry, item: LiveObject) -> LiveObject:
    """Copy an object onto itself, and return it with its new version."""
    live = lake.store.head(item.key)
    if live is None or not holds(live, entry, item):
        return item  # verify reports it
    source = StoredObject(item.key, item.size, "", live.version_id, {SHA256: item.sha256})
    with suppress(LostRace):  # another writer is changing it
        placed = copy_object(lake.store, source, Target(item.key, live.metadata, if_match=live.etag), new_stamp())
        return item.model_copy(update={"version_id": placed.version_id})
    return item

"""Staging folders of attempts that ended or died."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from lakeworks.core.layout import STAGING, is_tenants
from lakeworks.core.names import LAYERS, TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.approvals import ApprovalRegister
from lakeworks.maintenance.garbage.holders import run_numbers
from lakeworks.maintenance.garbage.leftover import Garbage
from lakeworks.s3.object_store import StoredObject

log = logging.getLogger(__name__)
# Time in which an approved run publishes, after the last moment for an answer.
_MARGIN = timedelta(hours=24)


def collect_staging(lake: Lake, before: datetime, *, dry_run: bool) -> list[Garbage]:
    """Collect staging folders that hold nothing younger, and that no unfinished publication names."""
    collected = []
    for folder, items in _old_folders(lake, before).items():
        if _is_being_published(lake, folder, items):
            continue
        collected.append(Garbage("staging", folder, len(items), sum(item.size for item in items)))
        if not dry_run:
            lake.store.delete(item.key for item in items)
    return collected


def _old_folders(lake: Lake, before: datetime) -> dict[str, list[StoredObject]]:
    """Return the objects of each attempt's staging folder that holds nothing younger."""
    folders: dict[str, list[StoredObject]] = {}
    for item in lake.store.scan(f"{STAGING}/"):
        if is_tenants(item.key):
            continue  # lake_maintenance__<tenant> and `LAKE_TENANT=<tenant> lakeworks gc` collect a tenant's
        folder = "/".join(item.key.split("/")[:6])  # _staging/<layer>/<domain>/<table>/period=/<attempt>
        folders.setdefault(folder, []).append(item)
    return {
        folder: items
        for folder, items in folders.items()
        if all(item.modified is not None and item.modified < before for item in items)
    }


def _is_being_published(lake: Lake, folder: str, items: Sequence[StoredObject]) -> bool:
    """Return whether an unfinished publication or run still needs a staging folder to be completed."""
    parts = folder.split("/")
    if len(parts) < 6 or parts[1] not in LAYERS:
        return False
    table = TableName(*parts[1:4])
    if _waits_for_a_person(lake, table, *parts[4:6]):
        return True
    runs = run_numbers(lake, table)
    if runs is None or any(ticket.staging == f"{folder}/" and not ticket.given_up for ticket in runs.open):
        return True  # roll-forward publishes the rest of a half run from there
    paths = {item.key.removeprefix(f"{folder}/").rpartition("/")[0] for item in items if item.key.endswith(".parquet")}

    def needs(path: str) -> bool:
        try:
            newest = lake.ledger.latest(table, Partition.parse(path))
        except LedgerCorrupt as error:
            log.warning("`%s` was not deleted: %s", folder, error)
            return True
        sources = [item.source_key for item in newest.entry.objects] if newest else []
        return bool(newest and newest.entry.state == "publishing" and any(s.startswith(f"{folder}/") for s in sources))

    return any(lake.store.map(needs, paths))


def _waits_for_a_person(lake: Lake, table: TableName, period: str, attempt: str) -> bool:
    """Return whether an answer may still publish a staging folder, or an approved run may be on its way."""
    try:
        request = ApprovalRegister(lake.store).at(table, period.removeprefix("period="), attempt)
    except LedgerCorrupt as error:
        log.warning("Staged files of `%s` are not collected: %s", table, error)
        return True
    return bool(request and request.state in ("waiting", "approved") and lake.store.now() < request.until + _MARGIN)

"""Closing of dev lakes: end the life, remove databases and objects with their versions, then the document.

Every step can be repeated: after a kill, the dev lake is there as one whose life has ended, and the next drop goes on.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakeworks.branches.document import DevRegister, StoredDevLake
from lakeworks.catalog.databases import drop_database
from lakeworks.core.layout import DEV, LEDGER
from lakeworks.core.tenant import database_of
from lakeworks.errors import ConfigError, LakeAccessDenied, LakeUnavailable, LedgerCorrupt, NewerFormat
from lakeworks.lake import Lake
from lakeworks.objects.deletion import delete_listed
from lakeworks.objects.key_range import KeyRange
from lakeworks.s3.dev_branch import DevBranch
from lakeworks.s3.object_store import StoredObject

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClosedDevLake:
    """A dev lake that was removed, with what it held."""

    name: str
    objects: int
    bytes: int
    databases: int


def drop(lake: Lake, name: str, *, abandon: bool = False) -> ClosedDevLake:
    """Remove a dev lake, also one whose document does not parse. The live lake, and what was promoted, stay as they are.

    Raises:
        ConfigError: there is none of this name; or a promotion of it has begun and not ended (unless `abandon`).
        NewerFormat: a newer release of lakeworks wrote its document; it stays.
        LostRace: another process changed it meanwhile.
        LakeUnavailable: S3 kept some objects; run again.
    """
    register = DevRegister(lake.store)
    try:
        stored = register.read(name)
    except NewerFormat:
        raise
    except LedgerCorrupt:
        return _remove_unreadable(lake, register, name)
    if stored.document.promotion and not abandon:
        raise ConfigError(
            f"A promotion of dev lake `{name}` has begun and not ended. Nothing was removed. End it: lakeworks dev promote "
            f"{name}. Or keep its publications live, and remove the dev lake: lakeworks dev drop {name} --abandon"
        )
    return _remove(lake, register, stored)


def drop_ended(lake: Lake, *, dry_run: bool) -> Iterator[ClosedDevLake]:
    """Remove every dev lake whose life has ended, by S3's clock, and leftovers of removed ones.

    A dev lake with an unfinished promotion stays, and one whose document does not parse.
    """
    register, now = DevRegister(lake.store), lake.store.now()
    unreadable: list[str] = []

    def leave(name: str, error: LedgerCorrupt) -> None:
        log.warning("Dev lake `%s` was not removed: %s", name, error)
        unreadable.append(name)

    documents = list(register.all(leave))
    for document in documents:
        if not document.is_over(now) or document.promotion:
            continue
        if dry_run:
            size = [item.size for item in lake.store.scan(document.branch.folder)]
            yield ClosedDevLake(document.name, len(size), sum(size), 0)
        else:
            yield _remove(lake, register, register.read(document.name))
    known = (*(document.branch.folder for document in documents), *(_folders_of(name) for name in unreadable))
    yield from _drop_orphans(lake, known, dry_run=dry_run)


def _drop_orphans(lake: Lake, known: tuple[str, ...], *, dry_run: bool) -> Iterator[ClosedDevLake]:
    """Remove folders without a document, older than a day: late writes of a dropped dev lake, and starts that were killed."""
    before, folders = lake.store.now() - timedelta(days=1), dict[str, list[StoredObject]]()
    for item in lake.store.scan(f"{DEV}/"):
        folder = "/".join(item.key.split("/")[:2]) + "/"
        if "." in folder and not folder.startswith(known):
            folders.setdefault(folder, []).append(item)
    for folder, items in folders.items():
        if any(item.modified is None or item.modified >= before for item in items):
            continue
        if not dry_run:
            list(delete_listed(lake.store, KeyRange(folder), versions=True))
        yield ClosedDevLake(folder.split("/")[1], len(items), sum(item.size for item in items), 0)


def _remove(lake: Lake, register: DevRegister, stored: StoredDevLake) -> ClosedDevLake:
    document, now = stored.document, datetime.now(UTC)
    if not document.is_over(now):
        stored = register.replace(stored, document.model_copy(update={"expires_at": now}))
    closed = _emptied(lake, document.branch)
    register.remove(stored)
    return closed


def _remove_unreadable(lake: Lake, register: DevRegister, name: str) -> ClosedDevLake:
    """Remove every folder of the name, because its token is in the document that does not parse."""
    root = _folders_of(name)
    tokens = {item.key.removeprefix(root).partition("/")[0] for item in lake.store.scan(root)}
    emptied = [_emptied(lake, DevBranch(name, token)) for token in sorted(tokens)]
    register.documents.remove_unreadable(name)
    return ClosedDevLake(
        name,
        sum(item.objects for item in emptied),
        sum(item.bytes for item in emptied),
        sum(item.databases for item in emptied),
    )


def _folders_of(name: str) -> str:
    """Return how the keys of a dev lake begin, whatever its token is."""
    return f"{DEV}/{name}."


def _emptied(lake: Lake, branch: DevBranch) -> ClosedDevLake:
    """Remove the databases and objects of a dev lake."""
    databases = [name for name in _databases(lake, branch) if drop_database(lake.catalog, name)]
    count = size = 0
    for outcome in delete_listed(lake.store, KeyRange(branch.folder), versions=True):
        if outcome.outcome == "failed" and "AccessDenied" in outcome.why:
            raise LakeAccessDenied(
                f"Versions of dev lake `{branch}` cannot be deleted (denied: s3:DeleteObjectVersion). Its life has "
                "ended. Give the role the policy of `lakeworks policy --for dev`, and drop it again."
            )
        if outcome.outcome == "failed":
            raise LakeUnavailable(
                f"`{lake.store.uri(outcome.key)}` of dev lake `{branch}` was not deleted: {outcome.why}. Its life has "
                f"ended, and deleted objects stay deleted. Run again: lakeworks dev drop {branch}"
            )
        count, size = count + 1, size + (outcome.size or 0)
    return ClosedDevLake(branch.name, count, size, len(databases))


def _databases(lake: Lake, branch: DevBranch) -> list[str]:
    """Return the Glue databases that the dev lake may have, from its ledger: whatever the project has by now."""
    root = f"{branch.folder}{LEDGER}/"
    folders = {tuple(item.key.removeprefix(root).split("/")[:2]) for item in lake.store.scan(root)}
    return sorted(database_of(lake.tenant, branch.database("_".join(parts))) for parts in folders)

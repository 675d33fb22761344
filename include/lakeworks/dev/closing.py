"""Closing of dev lakes: end the life, remove databases and objects with their versions, then the document.

Every step can be repeated: after a kill, the dev lake is there as one whose life has ended, and the next drop goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakeworks.branches.document import DevDocument, DevRegister, StoredDevLake
from lakeworks.catalog.databases import drop_database
from lakeworks.core.layout import DEV, LEDGER
from lakeworks.core.tenant import database_of
from lakeworks.errors import ConfigError, LakeAccessDenied, LakeUnavailable
from lakeworks.lake import Lake
from lakeworks.objects.deletion import delete_listed
from lakeworks.objects.key_range import KeyRange
from lakeworks.s3.object_store import StoredObject


@dataclass(frozen=True)
class ClosedDevLake:
    """A dev lake that was removed, with what it held."""

    name: str
    objects: int
    bytes: int
    databases: int


def drop(lake: Lake, name: str, *, abandon: bool = False) -> ClosedDevLake:
    """Remove a dev lake. The live lake, and what was promoted, stay as they are.

    Raises:
        ConfigError: there is none of this name; or a promotion of it has begun and not ended (unless `abandon`).
        LostRace: another process changed it meanwhile.
        LakeUnavailable: S3 kept some objects; run again.
    """
    register = DevRegister(lake.store)
    stored = register.read(name)
    if stored.document.promotion and not abandon:
        raise ConfigError(
            f"A promotion of dev lake `{name}` has begun and not ended. Nothing was removed. End it: lakeworks dev promote "
            f"{name}. Or keep its publications live, and remove the dev lake: lakeworks dev drop {name} --abandon"
        )
    return _remove(lake, register, stored)


def drop_ended(lake: Lake, *, dry_run: bool) -> Iterator[ClosedDevLake]:
    """Remove every dev lake whose life has ended, by S3's clock, and leftovers of removed ones.

    A dev lake with an unfinished promotion stays.
    """
    register, now = DevRegister(lake.store), lake.store.now()
    for document in list(register.all()):
        if not document.is_over(now) or document.promotion:
            continue
        if dry_run:
            size = [item.size for item in lake.store.scan(document.branch.folder)]
            yield ClosedDevLake(document.name, len(size), sum(size), 0)
        else:
            yield _remove(lake, register, register.read(document.name))
    yield from _drop_orphans(lake, dry_run=dry_run)


def _drop_orphans(lake: Lake, *, dry_run: bool) -> Iterator[ClosedDevLake]:
    """Remove folders without a document, older than a day: late writes of a dropped dev lake, and starts that were killed."""
    known = {document.branch.folder for document in DevRegister(lake.store).all()}
    before, folders = lake.store.now() - timedelta(days=1), dict[str, list[StoredObject]]()
    for item in lake.store.scan(f"{DEV}/"):
        folder = "/".join(item.key.split("/")[:2]) + "/"
        if folder not in known and "." in folder:
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
        register.replace(stored, document.model_copy(update={"expires_at": now}))
    databases = [name for name in _databases(lake, document) if drop_database(lake.catalog, name)]
    count = size = 0
    for outcome in delete_listed(lake.store, KeyRange(document.branch.folder), versions=True):
        if outcome.outcome == "failed" and "AccessDenied" in outcome.why:
            raise LakeAccessDenied(
                f"Versions of dev lake `{document.name}` cannot be deleted (denied: s3:DeleteObjectVersion). Its life has "
                "ended. Give the role the policy of `lakeworks policy --for dev`, and drop it again."
            )
        if outcome.outcome == "failed":
            raise LakeUnavailable(
                f"`{lake.store.uri(outcome.key)}` of dev lake `{document.name}` was not deleted: {outcome.why}. Its life has "
                f"ended, and deleted objects stay deleted. Run again: lakeworks dev drop {document.name}"
            )
        count, size = count + 1, size + (outcome.size or 0)
    register.remove(document.name)
    return ClosedDevLake(document.name, count, size, len(databases))


def _databases(lake: Lake, document: DevDocument) -> list[str]:
    """Return the Glue databases that the dev lake may have, from its ledger: whatever the project has by now."""
    root = f"{document.branch.folder}{LEDGER}/"
    folders = {tuple(item.key.removeprefix(root).split("/")[:2]) for item in lake.store.scan(root)}
    return sorted(database_of(lake.tenant, document.branch.database("_".join(parts))) for parts in folders)

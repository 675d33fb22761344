"""Verification and repair: ledger, live objects and catalog must agree. Where they differ, the ledger is right."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import get_args

from lakeworks.contract import Contract
from lakeworks.contract.storability import PartitionRules
from lakeworks.core.layout import table_prefixes
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.core.placement_stamp import content_hash
from lakeworks.errors import LedgerCorrupt, ObjectArchived, TerminalError
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.joint_reservation import is_joint
from lakeworks.ledger.placement import holds
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.expiry import retention_horizon, withdraw_expired
from lakeworks.maintenance.file_schema_check import CatalogColumns
from lakeworks.maintenance.finding import FindingKind, ObjectKind, VerificationFinding
from lakeworks.maintenance.half_runs import RunKind, finish_runs, run_findings
from lakeworks.maintenance.ledger_check import LedgerCheck
from lakeworks.pipeline.registration import publisher_of
from lakeworks.s3.listed.versions import current_versions

log = logging.getLogger(__name__)
# The nightly expiry may run up to this long after a partition passed its retention.
_EXPIRY_DELAY = timedelta(days=2)
# Longer than a publication takes, because a younger incomplete one may be under way.
PATIENCE = timedelta(hours=1)
# One listing answers for up to 1,000 versions; below this many objects, a request each is no more.
_MANY = 8


def verify(
    lake: Lake, contract: Contract, *, deep: bool = False, patience: timedelta = PATIENCE
) -> list[VerificationFinding]:
    """Compare ledger, live objects and catalog of a table.

    `deep` also reads every object, and compares its hash with the ledger's and its columns with Glue's. A publication
    begun less than `patience` ago (by S3's clock) may be under way, so it is not reported as unfinished.
    """
    check_of_ledger = LedgerCheck.of(lake, contract, deep=deep)
    unfinished = [finding for entry in check_of_ledger.latest for finding in _half_done(lake, entry, patience)]
    live = check_of_ledger.live
    impossible = _impossible(contract, live.values())
    catalog = CatalogColumns.of(lake, contract) if deep else None
    horizon = retention_horizon(lake, contract)
    versions = {} if deep else _current_versions(lake, contract, live.values())

    def check(entry: LedgerEntry) -> list[VerificationFinding]:
        past = horizon is not None and list(_past_retention(lake, entry, horizon))
        return past or list(_objects(lake, entry, versions, catalog, deep=deep))

    checked = lake.store.map(check, live.values())
    return [
        *(
            VerificationFinding("ledger unreadable", partition, detail)
            for partition, detail in check_of_ledger.unreadable
        ),
        *(VerificationFinding("foreign object", Partition(), detail) for detail in check_of_ledger.strays),
        *unfinished,
        *(VerificationFinding(*half_run) for half_run in run_findings(lake, contract, patience)),
        *impossible,
        *_unversioned(live.values()),
        *(finding for half_run in checked for finding in half_run),
        *_foreign(lake, contract, live),
        *_catalog(lake, contract, patience, deep=deep),
    ]


def repair(lake: Lake, contract: Contract, findings: list[VerificationFinding]) -> list[VerificationFinding]:
    """Repair findings from ledger and object versions, and return the repaired ones. A second run repairs nothing.

    A partition that cannot be repaired does not stop the others. A partition past its retention is withdrawn, never restored.
    """
    repairable = [finding for finding in findings if finding.can_be_repaired]
    of_runs = [finding for finding in repairable if finding.kind in get_args(RunKind)]
    repairable = [finding for finding in repairable if finding not in of_runs]
    of_objects = [finding for finding in repairable if finding.kind in get_args(ObjectKind)]
    failed = {part for part in {item.partition for item in of_objects} if not _repair_objects(lake, contract, part)}
    half = finish_runs(lake, contract, timedelta(0)) if of_runs else []
    finished = [finding for finding in of_runs if not any(run.names(finding.detail) for run in half)]
    if len(of_objects) == len(repairable):
        return [*(finding for finding in repairable if finding.partition not in failed), *finished]
    left = {item.partition for item in compare_catalog(lake, contract, repair=True, deep=True) if not item.repaired}
    return [
        finding
        for finding in repairable
        if finding.partition not in (failed if finding.kind in get_args(ObjectKind) else left)
    ] + finished


def _repair_objects(lake: Lake, contract: Contract, partition: Partition) -> bool:
    """Bring one partition's objects in line with the ledger; return False if that is impossible."""
    publisher, horizon = publisher_of(lake, contract), retention_horizon(lake, contract)
    try:
        publisher.recover(contract.table, partition)
        live = lake.ledger.live(contract.table, partition)
        if live and horizon and live.last_confirmed < horizon:
            return bool(withdraw_expired(lake, contract, [live]))
        publisher.settle(contract.table, partition)
    except TerminalError as error:
        log.warning("`%s` %s was not repaired: %s", contract.name, partition, error)
        return False
    return True


def _half_done(lake: Lake, entry: LedgerEntry, patience: timedelta) -> Iterator[VerificationFinding]:
    """Yield a finding if a partition's newest entry was begun and not completed, or given up."""
    if entry.state == "publishing" and (not patience or _begun(lake, entry) <= lake.store.now() - patience):
        yield VerificationFinding(
            "unfinished", entry.parsed, f"publication {entry.seq} of `{entry.run.id}` was not completed"
        )
    # A promotion was given up as a whole, or is half a run.
    if entry.state == "abandoned" and not is_joint(entry) and not _was_live(lake, entry):
        detail = (
            f"publication {entry.seq} of `{entry.run.id}` never became live, and its staged files are gone. The "
            f"earlier rows are live next to new partitions of that run. Run {entry.table} {entry.period} again"
        )
        yield VerificationFinding("abandoned", entry.parsed, detail)


def _was_live(lake: Lake, abandoned: LedgerEntry) -> bool:
    """Return True if its run had made the same rows live before: an attempt that began once more was given up."""
    entries = lake.ledger.newest_first(TableName.parse(abandoned.table), abandoned.parsed)
    return any(own.run.id == abandoned.run.id and own.is_live and own.content == abandoned.content for own in entries)


def _begun(lake: Lake, entry: LedgerEntry) -> datetime:
    """Return when a publication began (took its number), by S3's clock."""
    return next((item.modified for item in lake.store.scan(entry.key) if item.modified), entry.reserved_at)


def _past_retention(lake: Lake, entry: LedgerEntry, horizon: datetime) -> Iterator[VerificationFinding]:
    """Yield a finding for a partition that the nightly expiry missed, or whose objects the bucket deleted already."""
    if entry.last_confirmed >= horizon:
        return
    gone = any(lake.store.head(item.key) is None for item in entry.objects)
    if gone or entry.last_confirmed < horizon - _EXPIRY_DELAY:
        detail = (
            f"no run has published or confirmed it since {entry.last_confirmed:%Y-%m-%d}, which is past its retention"
            f"{'; the bucket has deleted its objects' if gone else ''}. Withdraw it: lakeworks expire {entry.table}"
        )
        yield VerificationFinding("past retention", entry.parsed, detail)


def _current_versions(lake: Lake, contract: Contract, live: Iterable[LedgerEntry]) -> Mapping[str, str]:
    """Return the current versions of the table's keys, in whichever layouts its objects lie; none of a few objects."""
    keys = [item.key for entry in live for item in entry.objects]
    if len(keys) <= _MANY:
        return {}
    used = [prefix for prefix in table_prefixes(contract.table) if any(key.startswith(prefix) for key in keys)]
    return {key: version for prefix in used for key, version in current_versions(lake.store, prefix).items()}


def _is_proven(lake: Lake, item: LiveObject, versions: Mapping[str, str]) -> bool:
    """Return True if a listing shows the published version as the current one. It does not show an object's tags."""
    return item.version_id is not None and versions.get(item.key) == item.version_id and not lake.store.tags(item.key)


def _objects(
    lake: Lake, entry: LedgerEntry, versions: Mapping[str, str], catalog: CatalogColumns | None, *, deep: bool
) -> Iterator[VerificationFinding]:
    for item in entry.objects:
        if _is_proven(lake, item, versions):
            continue
        stored = lake.store.head(item.key)
        body = _readable(lake, item.key) if deep and stored else None
        damaged = body is not None and content_hash(body) != item.sha256
        if stored is None or damaged or not holds(stored, entry, item):
            if not _has_moved(lake, entry):
                yield _wrong_object(lake, entry, item, gone=stored is None)
        elif stored.version_id != item.version_id and not _has_moved(lake, entry):
            detail = (
                f"`{item.key}` has it in version {stored.version_id}, the ledger pins {item.version_id}. The bucket's "
                "lifecycle deletes that version, and readers by ledger then fail"
            )
            yield VerificationFinding("pin not current", entry.parsed, detail)
        elif len(declared := lake.store.tags(item.key)) > stored.tag_count:
            detail = f"`{item.key}` has {stored.tag_count} of {len(declared)} object tags: lakeworks tag {entry.table}"
            yield VerificationFinding("untagged", entry.parsed, detail)
        if told_all := catalog.contradictions(entry.parsed, body) if catalog and body is not None else []:
            yield VerificationFinding("file contradicts catalog", entry.parsed, _advised(item.key, entry, told_all))


def _readable(lake: Lake, key: str) -> bytes | None:
    """Return an object's bytes; None for an archived one, which only a restore makes readable."""
    try:
        return lake.store.get(key)[0]
    except ObjectArchived as archived:
        log.info("%s", archived)
        return None


def _has_moved(lake: Lake, entry: LedgerEntry) -> bool:
    """Return True if the partition was published since it was listed, or is being published. Then nothing is wrong."""
    table = TableName.parse(entry.table)
    latest, live = lake.ledger.latest(table, entry.parsed), lake.ledger.live(table, entry.parsed)
    under_way = latest is not None and latest.entry.state == "publishing"
    return under_way or live is None or live.live_seq != entry.live_seq or live.objects != entry.objects


def _is_named(lake: Lake, contract: Contract, partition: Partition, key: str) -> bool:
    """Return True if the partition's newest publication names an object that was written after the ledger was listed."""
    try:
        latest = lake.ledger.latest(contract.table, partition)
    except LedgerCorrupt:  # reported separately: without the entry the partition's objects are unknown
        return True
    return latest is not None and any(item.key == key for item in latest.entry.objects)


def _wrong_object(lake: Lake, entry: LedgerEntry, item: LiveObject, *, gone: bool) -> VerificationFinding:
    """Return the finding for a wrong live key, by whether the published version still exists to restore it from."""
    what = f"`{item.key}` is gone" if gone else f"`{item.key}` is not publication {entry.live_seq}"
    if item.version_id is None or lake.store.head(item.key, item.version_id) is None:
        detail = (
            f"{what}, and the bucket no longer has the published version {item.version_id}, so repair cannot "
            f"restore it. Run {entry.table} {entry.period} again, or withdraw it: lakeworks withdraw "
            f"{entry.table} {entry.parsed}"
        )
        return VerificationFinding("lost object", entry.parsed, detail)
    kind: FindingKind = "missing object" if gone else "changed object"
    return VerificationFinding(kind, entry.parsed, f"{what}; version {item.version_id} is published")


def _advised(key: str, entry: LedgerEntry, messages: list[str]) -> str:
    """Return the contradictions of one file, and how to repair each side."""
    return (
        f"`{key}`: {'; '.join(messages)}. Readers that use Glue fail on it or miss it. Nothing was changed. "
        f"If Glue is wrong, run: lakeworks catalog repair {entry.table}. (After the Glue table is dropped, "
        "new columns are registered again; no data is lost.) If Glue agrees with the contract, run the "
        "partition again"
    )


def _impossible(contract: Contract, live: Iterable[LedgerEntry]) -> Iterator[VerificationFinding]:
    """Yield live partitions that the table cannot have, from an older release or an older contract."""
    rules = PartitionRules(contract)
    for entry in live:
        if fault := rules.fault(entry.parsed):
            detail = (
                f"publication {entry.live_seq} {fault}. Queries still read its rows. Withdraw it: lakeworks withdraw "
                f"{contract.name} {entry.partition}"
            )
            yield VerificationFinding("impossible partition", entry.parsed, detail)


def _unversioned(live: Iterable[LedgerEntry]) -> Iterator[VerificationFinding]:
    """Yield one finding for all partitions that were published while the bucket kept no versions."""
    unversioned = [entry for entry in live if any(item.version_id is None for item in entry.objects)]
    if unversioned:
        detail = (
            f"{len(unversioned)} partitions of {unversioned[0].table} were published while the bucket kept no "
            "versions (versioning is off or suspended). Repair and rollback cannot restore their rows. Switch it "
            "on: lakeworks bootstrap. The next publication of a partition then has a version"
        )
        yield VerificationFinding("not versioned", unversioned[0].parsed, detail)


def _foreign(lake: Lake, contract: Contract, live: dict[Partition, LedgerEntry]) -> Iterator[VerificationFinding]:
    """Yield objects in the table's folder that no publication names: a reader of the plain path would read them."""
    known = {item.key for entry in live.values() for item in entry.objects}
    for stored in lake.store.scan(f"{contract.table.path}/"):
        path = stored.key.removeprefix(f"{contract.table.path}/").rpartition("/")[0]
        if stored.key not in known and not path.startswith("_") and stored.size:
            partition, messages = Partition.parse(path), f"`{stored.key}` belongs to no publication"
            if _is_named(lake, contract, partition, stored.key):
                continue
            if not contract.could_have(partition):
                messages += f"; `{path}` names no partition of the table"
            yield VerificationFinding("foreign object", partition, messages)


def _catalog(lake: Lake, contract: Contract, patience: timedelta, *, deep: bool) -> Iterator[VerificationFinding]:
    for item in compare_catalog(lake, contract, deep=deep, patience=patience):
        if item.kind not in ("no object", "ledger unreadable"):  # reported as separate findings
            yield VerificationFinding(item.kind, item.partition, item.detail)

"""Publish: make an audited period live, partition by partition. For readers each partition changes in one step."""

import logging
import time
from collections import Counter
from collections.abc import Sequence

from lakeworks.catalog.glue_inputs import arrived_types
from lakeworks.contract import Contract
from lakeworks.contract.evolution import widens
from lakeworks.core.clock import utc_now
from lakeworks.core.layout import live_prefix, part_name, run_key, versions_prefix
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.core.types import LakeType
from lakeworks.errors import AuditFailed, ContractError, LakeNotFound, SchemaDrift, SourceGone, StaleBuild
from lakeworks.lake import Lake
from lakeworks.ledger.approvals import ApprovalRequest
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.run_record import RunRecord, StagedPartition, followed_inputs, load_run_record
from lakeworks.pipeline import contract_history as contracts
from lakeworks.pipeline.approval.gate import approval_of, overtake
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.iceberg_snapshots import snapshots_of
from lakeworks.pipeline.registration import publisher_of
from lakeworks.pipeline.write_step import write

log = logging.getLogger(__name__)
# Number of times one attempt rebuilds partitions that others keep publishing.
_TURNS = 3


def publish(lake: Lake, manifest_key: str) -> RunRecord:
    """Publish the partitions that passed the audit and return the run's record. Publishing twice changes nothing.

    A stale build of a table with `late_data` is written and audited again, from the current live inputs. An approved build
    is not: the person saw other rows.

    Raises:
        ApprovalMissing: the contract demands a person's approval, and no one has given it.
        ApprovalOvertaken: it was given, and other rows are live since.
        AuditFailed: the staged rows were not audited, or did not pass.
        FencedError: a newer run is live; nothing was changed.
        LiveChanged: another program wrote a live object; nothing was changed.
        LostRace: another writer was faster; the next attempt decides again.
        SourceGone: staged rows were deleted, and no process has completed the run; live data is unchanged.
        StaleBuild: others kept publishing the same partitions; the next attempt rebuilds them.
    """
    try:
        manifest = load_run_record(lake.store, manifest_key)
    except LakeNotFound:
        return _already_published(lake, manifest_key)
    built = manifest
    for _ in range(_TURNS):
        try:
            record = _publish_with_lineage(lake, built)
        except StaleBuild as stale:
            log.warning("%s It is built again.", stale)
            built = audit(lake, write(lake, built.table, built.parsed_period, built.run.again()).key)
        else:
            if built is not manifest:  # a repeated publish step has the keys that the audit step returned
                lake.store.put(manifest.run_key, record.model_dump_json(indent=1).encode())
                lake.store.delete([item.key for item in lake.store.scan(manifest.prefix)])
            return record
    return _publish_with_lineage(lake, built)


def _publish_with_lineage(lake: Lake, manifest: RunRecord) -> RunRecord:
    """Publish the audited partitions, and send the lineage event."""
    if not (manifest.audit or {}).get("passed"):
        raise AuditFailed(
            f"`{manifest.table}` {manifest.period}: the staged rows have not passed an audit. Nothing was "
            "published. Run the audit step of the same run first."
        )
    contract = lake.contract(manifest.table)
    with lake.lineage.reporting(contract, manifest):
        return _publish(lake, contract, manifest)


def _publish(lake: Lake, contract: Contract, manifest: RunRecord) -> RunRecord:
    started, before = time.monotonic(), lake.requests.now()
    request = approval_of(lake, contract, manifest)
    _refuse_emptied(lake, contract, manifest)
    extra = [(column.name, LakeType.parse(column.type)) for column in manifest.extra_columns]
    _refuse_contradicting(lake, contract, extra)
    if snapshots := snapshots_of(lake, contract):
        snapshots.check()
    staged = [_approved(entry_for(contract, manifest, item), request) for item in manifest.partitions]
    try:
        entries = publisher_of(lake, contract, extra).publish(staged)
    except StaleBuild as stale:
        if request:
            overtake(lake, contract, manifest, str(stale))
        raise
    except SourceGone as gone:
        return _completed_elsewhere(lake, manifest, gone)
    outcome = Counter(entry.state for entry in entries)
    contracts.record(lake, contract)
    seconds = {**manifest.seconds, "publish": round(time.monotonic() - started, 3)}
    requests = lake.requests.since(
        before, manifest.requests, writes=2
    )  # the record, and the listing of what was staged
    created = sum(entry.seq == 1 for entry in entries)
    update = {"outcome": dict(outcome), "created": created, "seconds": seconds, "requests": requests}
    record = manifest.model_copy(update=update)
    lake.store.put(record.run_key, record.model_dump_json(indent=1).encode())
    lake.store.delete([item.key for item in lake.store.scan(manifest.prefix)])
    log.info(
        "published %s %s: %s, %.1f s", manifest.table, manifest.period,
        ", ".join(f"{count} {state}" for state, count in outcome.items()) or "no partition", time.monotonic() - started,
    )  # fmt: skip
    return record


def _approved(entry: LedgerEntry, request: ApprovalRequest | None) -> LedgerEntry:
    """Return an entry with its approval, on the condition that what the person compared it with is live still."""
    if request is None:
        return entry
    seen = request.judged.live.get(entry.partition, 0) if entry.based_on is None else entry.based_on
    return entry.model_copy(update={"approval": request.approved_by, "based_on": seen})


def _refuse_emptied(lake: Lake, contract: Contract, manifest: RunRecord) -> None:
    """Refuse a live partition of this run without rows: it would keep rows that its sources no longer have."""
    staged = {item.parsed for item in manifest.partitions}
    own = manifest.touched is None
    live = lake.live(contract, manifest.parsed_period) if own else _current_of_rebuilt(lake, contract, manifest)
    emptied = sorted(str(partition) for partition, entry in live.items() if entry.rows and partition not in staged)
    if emptied:
        raise AuditFailed(
            f"`{manifest.table}` {manifest.period}: {len(emptied)} live partitions would become empty, first "
            f"{emptied[0]}. Nothing was published; live data is unchanged. Check the landed file, the transform "
            f"and the rules (lakeworks quarantine show {manifest.table} {manifest.period}). If the partition "
            f"should be empty, withdraw it first: lakeworks withdraw {manifest.table} {emptied[0]}. {_advice(contract)}"
        )


def _advice(contract: Contract) -> str:
    """Return the contract field that allows empty partitions, or that gives each partition a run of its own."""
    field = "late_data.may_empty: true" if contract.late_data else "may_empty: true"
    advice = f"If partitions may become empty, set `{field}` in the contract."
    if not contract.is_owned_whole:
        return advice
    return f"{advice} Every run owns this whole table. To let a run own only its day, partition it by `day` too."


def _refuse_contradicting(lake: Lake, contract: Contract, extra: Sequence[tuple[str, LakeType]]) -> None:
    """Refuse an extra column that another run has published in another type since this build was written."""
    known = arrived_types(lake.catalog.columns(contract)) if extra else {}
    for name, kind in extra:
        before = known.get(name.lower(), kind)
        if not (widens(before, kind) or widens(kind, before)):
            raise SchemaDrift(
                f"`{contract.name}`: column `{name}` is not in the contract. It is staged as {kind}, and another run "
                f"published it as {before} meanwhile. Nothing was published; live data is unchanged. Write the period "
                "again. If the source changed, add the column to the contract first."
            )


def _current_of_rebuilt(lake: Lake, contract: Contract, manifest: RunRecord) -> dict[Partition, LedgerEntry]:
    """Return the current entries of the partitions that this run rebuilt."""
    entries, touched = {}, manifest.touched or {}
    live = lake.ledger.live_of(contract.table, map(Partition.parse, touched))
    for path, based_on in touched.items():
        partition = Partition.parse(path)
        entry = live.get(partition)
        if entry and entry.rows:
            entries[partition] = entry
        if entry and entry.live_seq != based_on and path not in {item.partition for item in manifest.partitions}:
            raise StaleBuild(
                f"`{manifest.table}` {partition}: another run published rows there after this run "
                f"(`{manifest.run.id}`) found none. Nothing was published. Build the period again from the current "
                "inputs."
            )
    return entries


def entry_for(contract: Contract, manifest: RunRecord, staged: StagedPartition) -> LedgerEntry:
    """Return the ledger entry to publish for one staged partition.

    Raises:
        ContractError: several objects were staged for a table whose partitions are one object at a fixed path.
    """
    partition, layout = staged.parsed, contract.storage.layout
    location = live_prefix(contract.table, partition)
    if layout == "versioned":
        location = versions_prefix(contract.table, manifest.run.key, partition)
    elif len(staged.objects) > 1:
        raise ContractError(
            f"`{contract.name}` {partition}: {len(staged.objects)} objects are staged, but in `storage.layout: plain` a "
            "partition is one object. Nothing was published. Set `layout: versioned`, or partition more finely."
        )
    objects = tuple(
        LiveObject(
            key=location + part_name(number),
            size=item.size,
            sha256=item.sha256,
            rows=item.rows,
            source_key=item.key,
        )
        for number, item in enumerate(staged.objects)
    )
    return LedgerEntry(
        table=manifest.table,
        partition=staged.partition,
        seq=1,
        live_seq=1,
        state="publishing",
        run=manifest.run,
        period=manifest.period,
        contract_version=manifest.contract_version,
        schema_fingerprint=manifest.schema_fingerprint,
        content=staged.content,
        based_on=None if manifest.touched is None else manifest.touched.get(staged.partition, 0),
        objects=objects,
        location=location,
        layout=layout,
        staging=manifest.prefix,
        run_record=manifest.run_key,
        inputs=followed_inputs(manifest.inputs),
        code=manifest.code,
        audit=manifest.audit,
        reserved_at=utc_now(),
    )


def _completed_elsewhere(lake: Lake, manifest: RunRecord, gone: SourceGone) -> RunRecord:
    """Return the record of a run that another process completed, whose staging it cleared during this attempt."""
    try:
        return load_run_record(lake.store, manifest.run_key)
    except LakeNotFound:
        raise SourceGone(
            f"{gone} Staged rows of `{manifest.table}` {manifest.period} were deleted, and no process has completed their "
            "run. Live data is unchanged. Run the period again from its write step."
        ) from gone


def _already_published(lake: Lake, manifest_key: str) -> RunRecord:
    """Return the record of a run that is published and whose staging is deleted: a task that died right after may retry."""
    parts = manifest_key.split("/")
    table, period = TableName(*parts[1:4]), Period.parse(parts[4].removeprefix("period="))
    try:
        return load_run_record(lake.store, run_key(table, period, parts[5]))
    except LakeNotFound:
        pass
    return load_run_record(lake.store, manifest_key)

"""Publish: make an audited period live, partition by partition, each in one step for every reader."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lakeworks.catalog.projection import projection
from lakeworks.catalog.tables import ENTRY, CatalogPartition
from lakeworks.contract import Contract
from lakeworks.errors import AuditFailed, LakeNotFound
from lakeworks.layout import live_key, live_prefix, run_key
from lakeworks.names import TableName
from lakeworks.partition import Partition, Period
from lakeworks.pipeline.lake import Lake
from lakeworks.storage.ledger import LedgerEntry, LiveObject
from lakeworks.storage.manifest import Manifest, StagedPartition, inputs_fingerprint, load_manifest
from lakeworks.storage.publication import Publisher, utc_now
from lakeworks.types import LakeType

log = logging.getLogger(__name__)


def publish(lake: Lake, manifest_key: str) -> Manifest:
    """Publish what an audit passed and return the run's record; publishing twice changes nothing.

    Raises:
        AuditFailed: the staged rows were not audited, or did not pass.
        FencedError: a newer run is live; nothing was changed.
        LiveChanged: a live object is not lakeworks'; nothing was changed.
        LostRace: another writer was faster; the next attempt decides anew.
    """
    started = time.monotonic()
    try:
        manifest = load_manifest(lake.store, manifest_key)
    except LakeNotFound:
        return _already_published(lake, manifest_key)
    if not (manifest.audit or {}).get("passed"):
        raise AuditFailed(
            f"`{manifest.table}` {manifest.period}: what is staged has not passed an audit. Nothing was published. "
            "Run the audit step of the same run first."
        )
    contract = lake.contract(manifest.table)
    _refuse_emptied(lake, contract, manifest)
    extra = [(column.name, LakeType.parse(column.type)) for column in manifest.extra_columns]
    publisher = Publisher(lake.ledger, Registrar(lake, contract, tuple(extra)))
    entries = publisher.publish([entry_for(contract, manifest, item) for item in manifest.partitions])
    outcome = Counter(entry.state for entry in entries)
    record = manifest.model_copy(update={"outcome": dict(outcome)})
    lake.store.put(record.run_key, record.model_dump_json(indent=1).encode())
    lake.store.delete([item.key for item in lake.store.scan(manifest.prefix)])
    log.info(
        "published %s %s: %s, %.1f s", manifest.table, manifest.period,
        ", ".join(f"{count} {state}" for state, count in outcome.items()) or "no partition", time.monotonic() - started,
    )  # fmt: skip
    return record


def _refuse_emptied(lake: Lake, contract: Contract, manifest: Manifest) -> None:
    """A live partition of the period that this run has no rows for would stay live with rows its sources no longer have."""
    staged = {item.parsed for item in manifest.partitions}
    emptied = sorted(
        str(partition) for partition in lake.live(contract, manifest.parsed_period) if partition not in staged
    )
    if emptied:
        raise AuditFailed(
            f"`{manifest.table}` {manifest.period}: {len(emptied)} live partitions have no rows in this run, first "
            f"{emptied[0]}. Nothing was published; live data is as it was. Look for what emptied them: the landed file, the "
            f"transform, or the rules (lakeworks quarantine {manifest.table} {manifest.period})."
        )


def entry_for(contract: Contract, manifest: Manifest, staged: StagedPartition) -> LedgerEntry:
    """The ledger entry one staged partition wants to become."""
    partition = staged.parsed
    objects = tuple(
        LiveObject(
            key=live_key(contract.table, partition, number),
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
        objects=objects,
        location=live_prefix(contract.table, partition),
        staging=manifest.prefix,
        run_record=manifest.run_key,
        inputs=inputs_fingerprint((i.name, i.partition, i.seq) for i in manifest.inputs if i.seq is not None),
        audit=manifest.audit,
        reserved_at=utc_now(),
    )


@dataclass(frozen=True)
class Registrar:
    """Brings the catalog in line with ledger entries."""

    lake: Lake
    contract: Contract
    extra: tuple[tuple[str, LakeType], ...] = ()

    def __call__(self, entries: Sequence[LedgerEntry]) -> None:
        """Upsert the table and the entries' partitions."""
        wanted = [catalog_partition(self.lake, entry) for entry in entries]
        location = self.lake.location(self.contract)
        whole = wanted[0] if wanted else None
        more = table_parameters(self.contract, location, [item.partition for item in wanted], whole)
        self.lake.catalog.upsert_table(self.contract, location, self.extra, more)
        self.lake.catalog.upsert_partitions(self.contract, wanted)


def table_parameters(
    contract: Contract, location: str, published: Iterable[Partition], whole: CatalogPartition | None = None
) -> dict[str, str]:
    """What the table's parameters say of what is published: projected years, or statistics of a table that is one partition."""
    if contract.partition_keys:
        return projection(contract, location, published)
    return {"numRows": str(whole.rows), "totalSize": str(whole.bytes), **whole.parameters} if whole else {}


def catalog_partition(lake: Lake, entry: LedgerEntry) -> CatalogPartition:
    """What the catalog should say of a live entry; the publication named is the one whose objects are live."""
    parameters = {
        ENTRY: str(entry.seq),
        "lakeworks.publication": str(entry.live_seq),
        "lakeworks.period": entry.period,
        "lakeworks.inputs": entry.inputs or "none",
        "lakeworks.published-at": entry.reserved_at.isoformat(timespec="seconds"),
        "lakeworks.content": entry.content[:64],
        "lakeworks.audit": "passed" if (entry.audit or {}).get("passed") else "none",
    }
    return CatalogPartition(entry.parsed, lake.store.uri(entry.location), entry.rows, entry.size, parameters)


def _already_published(lake: Lake, manifest_key: str) -> Manifest:
    """The record of a run whose staging is gone because it was published: a task that died right after may ask again."""
    parts = manifest_key.split("/")
    table, period = TableName(*parts[1:4]), Period.parse(parts[4].removeprefix("period="))
    try:
        return load_manifest(lake.store, run_key(table, period, parts[5]))
    except LakeNotFound:
        pass
    return load_manifest(lake.store, manifest_key)

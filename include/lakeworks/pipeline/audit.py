"""Audit: Great Expectations looks at what is staged; only what passes can be published."""

import io
import logging
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.layout import audit_key
from lakeworks.pipeline.lake import Lake
from lakeworks.storage.manifest import Manifest, StagedPartition, load_manifest

log = logging.getLogger(__name__)
# Rows validated at once: bounds the audit's memory; partitions are never cut.
CHUNK_ROWS = 2_000_000
_HISTORY = 6


def audit(lake: Lake, manifest_key: str) -> Manifest:
    """Validate a staged period and record the result beside it and under `_audits/`.

    Raises:
        AuditFailed: naming expectation, column, counts and sample rows; nothing was published.
    """
    from lakeworks.quality.audit import audit as run_audit
    from lakeworks.quality.page import to_html, to_json

    manifest = load_manifest(lake.store, manifest_key)
    contract = lake.contract(manifest.table)
    report = run_audit(contract, _chunks(lake, manifest), _history(lake, manifest))
    table, period = manifest.parsed_table, manifest.parsed_period
    page = audit_key(table, period, manifest.run.key, "html")
    lake.store.put(page, to_html(report).encode())
    lake.store.put(audit_key(table, period, manifest.run.key, "json"), to_json(report).encode())
    audited = manifest.model_copy(update={"audit": {**report.summary(), "report": page}}).save(lake.store)
    for failure in report.failures:
        log.warning("audit of %s %s: %s", manifest.table, manifest.period, failure)
    log.info(
        "audited %s %s: %d rows, %d expectations, %s, %.1f s", manifest.table, manifest.period, report.rows,
        report.evaluated, "passed" if report.passed else "FAILED", report.seconds,
    )  # fmt: skip
    report.raise_if_failed(f"`{manifest.table}` {manifest.period}", lake.store.uri(page))
    return audited


def _chunks(lake: Lake, manifest: Manifest) -> Iterator[pa.Table]:
    """The staged rows, several partitions at once up to the chunk size."""
    group: list[StagedPartition] = []
    for partition in manifest.partitions:
        if group and sum(item.rows for item in group) + partition.rows > CHUNK_ROWS:
            yield _read(lake, group)
            group = []
        group.append(partition)
    if group:
        yield _read(lake, group)


def _read(lake: Lake, group: list[StagedPartition]) -> pa.Table:
    keys = [item.key for partition in group for item in partition.objects]
    bodies = lake.store.map(lambda key: lake.store.get(key)[0], keys)
    return pa.concat_tables([pq.read_table(io.BytesIO(body)) for body in bodies], promote_options="permissive")


def _history(lake: Lake, manifest: Manifest) -> list[int]:
    """Row counts of the table's latest runs of other periods."""
    records = [key for key in lake.ledger.runs(manifest.parsed_table) if f"/{manifest.period}/" not in key]
    return [load_manifest(lake.store, key).balance.staged for key in records[-_HISTORY:]]

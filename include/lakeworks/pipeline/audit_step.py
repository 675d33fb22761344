"""Audit: Great Expectations validates the staged rows. Only rows that pass can be published."""

import io
import logging
from collections.abc import Iterator, Sequence
from math import ceil

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.core.layout import audit_key
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RunRecord, StagedPartition, load_run_record, readable_records
from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject
from lakeworks.quality.expectations import compared_with_live, compares_with_history
from lakeworks.quality.gx_validation import Chunk, audited_columns

log = logging.getLogger(__name__)
# Rows validated at once. It bounds the audit's memory.
CHUNK_ROWS = 1_000_000
_HISTORY = 6


def audit(lake: Lake, manifest_key: str, chunk_rows: int = CHUNK_ROWS) -> RunRecord:
    """Validate a staged period, about `chunk_rows` at once, and record the result beside it and under `_audits/`.

    Raises:
        AuditFailed: the message names expectation, column, counts and sample rows; nothing was published.
    """
    from lakeworks.quality.audit_page import to_html, to_json
    from lakeworks.quality.gx_validation import audit as run_audit

    before = lake.requests.now()
    manifest = load_run_record(lake.store, manifest_key)
    contract = compared_with_live(lake.contract(manifest.table), lambda share: _fewest_rows(lake, manifest, share))
    history = _history(lake, manifest) if compares_with_history(contract) else []
    report = run_audit(contract, _chunks(lake, manifest, chunk_rows), history)
    table, period = manifest.parsed_table, manifest.parsed_period
    page = audit_key(table, period, manifest.run.key, "html")
    lake.store.put(page, to_html(report, _run_facts(lake, manifest, page), _commands(manifest)).encode())
    lake.store.put(audit_key(table, period, manifest.run.key, "json"), to_json(report).encode())
    seconds = {**manifest.seconds, "audit": round(report.seconds, 3)}
    requests = lake.requests.since(before, manifest.requests, writes=1)
    update = {"audit": {**report.summary(), "report": page}, "seconds": seconds, "requests": requests}
    audited = manifest.model_copy(update=update).save(lake.store)
    for failure in report.failures:
        log.warning("audit of %s %s: %s", manifest.table, manifest.period, failure)
    log.info(
        "audited %s %s: %d rows, %d expectations, %s, %.1f s", manifest.table, manifest.period, report.rows,
        report.evaluated, "passed" if report.passed else "FAILED", report.seconds,
    )  # fmt: skip
    report.raise_if_failed(f"`{manifest.table}` {manifest.period}", lake.store.uri(page))
    return audited


def _run_facts(lake: Lake, manifest: RunRecord, page: str) -> dict[str, str]:
    """Return the facts that the page shows about the audited run."""
    described = {"period": manifest.period, "run": f"{manifest.run.id}, attempt {manifest.run.attempt}"}
    balance = manifest.balance
    described["rows"] = (
        f"{balance.read:,} read = {balance.staged:,} staged + {balance.quarantined:,} quarantined + "
        f"{balance.deduplicated:,} deduplicated"
    )
    if balance.broken:
        described["quarantined by rule"] = ", ".join(f"{rule} {rows:,}" for rule, rows in balance.broken.items())
    described["partitions"] = f"{len(manifest.partitions):,}"
    described["contract"] = f"{manifest.table}, version {lake.contract(manifest.table).version}"
    return {**described, "as JSON": lake.store.uri(page.removesuffix("html") + "json")}


def _commands(manifest: RunRecord) -> dict[str, str]:
    """Return the commands that show the data around an audit."""
    commands = {
        "the period's partitions": f"lakeworks status {manifest.table} --from {manifest.period} --to {manifest.period}",
    }
    if manifest.balance.quarantined:
        commands["rows in quarantine"] = f"lakeworks quarantine show {manifest.table} {manifest.period}"
    commands["the whole domain on that day"] = f"lakeworks docs day {manifest.parsed_table.domain} {manifest.period}"
    return commands


def _chunks(lake: Lake, manifest: RunRecord, chunk_rows: int) -> Iterator[Chunk]:
    """Yield the staged rows in chunks: several small partitions together, a larger partition in pieces."""
    columns = audited_columns(lake.contract(manifest.table))
    group: list[StagedPartition] = []
    for partition in manifest.partitions:
        if group and sum(item.rows for item in group) + partition.rows > chunk_rows:
            yield _all_rows(lake, group, columns)
            group = []
        if partition.rows > chunk_rows:
            yield from _pieces(lake, partition, columns, chunk_rows)
        else:
            group.append(partition)
    if group:
        yield _all_rows(lake, group, columns)


def _all_rows(lake: Lake, group: list[StagedPartition], columns: Sequence[str]) -> Chunk:
    keys = [item.key for partition in group for item in partition.objects]
    bodies = lake.store.map(lambda key: lake.store.get(key)[0], keys)
    read = [_columns(pq.ParquetFile(io.BytesIO(body)), columns) for body in bodies]
    names = _shared([names for _, names in read])
    return Chunk(pa.concat_tables([rows for rows, _ in read], promote_options="permissive"), names=names)


def _columns(
    file: pq.ParquetFile, columns: Sequence[str], groups: Sequence[int] | None = None
) -> tuple[pa.Table, list[str]]:
    """Return the requested columns of some row groups (default: all), and the names of all columns."""
    names = list(file.schema_arrow.names)
    some = [name for name in names if name in columns]
    if not some:  # an Arrow table without columns loses its row count
        some = names[:1]
    return file.read(some) if groups is None else file.read_row_groups(groups, some), names


def _pieces(lake: Lake, partition: StagedPartition, columns: Sequence[str], chunk_rows: int) -> Iterator[Chunk]:
    """Yield a partition in pieces of row groups up to the chunk size. Only one piece is in memory."""
    kept = ObjectCache()
    files = [pq.ParquetFile(PinnedObject(lake.store, item, kept), pre_buffer=True) for item in partition.objects]
    cuts = [(file, groups) for file in files for groups in _cut(file, chunk_rows)]
    for number, (file, groups) in enumerate(cuts, 1):
        rows, names = _columns(file, columns, groups)
        yield Chunk(rows, ends=number == len(cuts), names=names)


def _cut(file: pq.ParquetFile, chunk_rows: int) -> Iterator[list[int]]:
    """Yield a file's row groups, grouped up to the chunk size."""
    groups: list[int] = []
    rows = 0
    for number in range(file.num_row_groups):
        groups.append(number)
        rows += file.metadata.row_group(number).num_rows
        if rows >= chunk_rows:
            yield groups
            groups, rows = [], 0
    if groups:
        yield groups


def _shared(names: Sequence[list[str]]) -> list[str]:
    """Return the columns that every object has, in the order of the first object."""
    return [name for name in names[0] if all(name in others for others in names)]


def _fewest_rows(lake: Lake, manifest: RunRecord, share: float) -> int:
    """Return the rows that the run would have if no partition had less than a share of its live rows."""
    live = lake.ledger.live_of(manifest.parsed_table, [item.parsed for item in manifest.partitions])
    lacking = (
        max(0, ceil(share * live[item.parsed].rows) - item.rows) for item in manifest.partitions if item.parsed in live
    )
    return sum(item.rows for item in manifest.partitions) + sum(lacking)


def _history(lake: Lake, manifest: RunRecord) -> list[int]:
    """Return the row counts of the table's latest runs of other periods."""
    records = [key for key in lake.ledger.runs(manifest.parsed_table) if f"/{manifest.period}/" not in key]
    return [record.balance.staged for record in readable_records(lake.store, records[-_HISTORY:])]

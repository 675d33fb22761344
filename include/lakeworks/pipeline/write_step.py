"""Write: build a period's partitions in staging, invisible to readers. Rows that break a rule go to quarantine."""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa

from lakeworks.arrival.contract_rows import conform
from lakeworks.arrival.rejected_rows import SCHEMA as MISFITS
from lakeworks.arrival.rejected_rows import RejectedRows
from lakeworks.arrival.storable_split import storable_rows
from lakeworks.arrival.transform_input import landing_table
from lakeworks.catalog.glue_inputs import arrived_types
from lakeworks.contract import Contract, InputRule
from lakeworks.core.layout import staging_prefix
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.core.scratch import scratch_folder
from lakeworks.engines.build_result import BuildResult
from lakeworks.engines.build_sql import limited
from lakeworks.engines.duckdb import DuckDbSession
from lakeworks.engines.ingest_sort import sorted_for_publishing
from lakeworks.errors import LakeNotFound, RowBalanceError
from lakeworks.lake import Lake
from lakeworks.landing.reader import open_landed
from lakeworks.ledger.code_record import CodeRecord
from lakeworks.ledger.run_record import ExtraColumn, Input, RowBalance, Run, RunRecord, StagedObject, StagedPartition
from lakeworks.parquet.dataset import nothing, open_dataset
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline import contract_history as contracts
from lakeworks.pipeline.inputs import found_nothing, live_input, refuse_expired
from lakeworks.pipeline.late_data import AffectedPartitions, find_affected
from lakeworks.pipeline.quarantine_storage import check_limit, quarantine_file, store_quarantined
from lakeworks.quality.rules import row_rules
from lakeworks.transform.fingerprints import code_fingerprint
from lakeworks.transform.function_meaning import function_code
from lakeworks.transform.group_functions import load_function
from lakeworks.transform.sql import LANDING, load_sql, upstream

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Work:
    """One table's period in one attempt."""

    lake: Lake
    contract: Contract
    period: Period
    run: Run
    scratch: Path

    @property
    def prefix(self) -> str:
        return staging_prefix(self.contract.table, self.period, self.run.key)

    def writer(self) -> PartitionedWriter:
        return PartitionedWriter(self.lake.store, self.contract, self.prefix, self.period, self.scratch)


def write(lake: Lake, table: str, period: Period, run: Run) -> RunRecord:
    """Stage a table's period from its landing object or its upstream tables.

    Raises:
        ContractError: the contract breaks readers of what is published without a new major version.
        LakeNotFound: nothing was landed, or an upstream table has nothing published for the period.
        SchemaDrift, MalformedSource: the landed file does not fit the contract.
        QuarantineLimitExceeded: too many rows broke a rule; they are in quarantine, and nothing is published.
        RowBalanceError: rows were lost or duplicated.
    """
    started = time.monotonic()
    contract = lake.contract(table)
    contracts.admit(lake, contract)
    sql = load_sql(contract)
    with scratch_folder(lake.scratch) as folder:
        work = _Work(lake, contract, period, run, folder)
        manifest = _receive(work) if sql is None else _transform(work, sql)
    balance = manifest.balance
    log.info(
        "wrote %s %s: %d rows in, %d staged in %d partitions (%d bytes), %d quarantined, %d deduplicated, %.1f s",
        table, period, balance.read, balance.staged, len(manifest.partitions), manifest.bytes, balance.quarantined,
        balance.deduplicated, time.monotonic() - started,
    )  # fmt: skip
    for drift in manifest.drift:
        log.info("drift in %s %s: %s", table, period, drift)
    _check_balance(manifest)
    check_limit(lake, contract, manifest)
    _record_code(lake, contract, manifest.code)
    seconds = {"write": round(time.monotonic() - started, 3)}
    return manifest.model_copy(update={"seconds": seconds}).save(lake.store)


def _record_code(lake: Lake, contract: Contract, fingerprint: str) -> None:
    """Keep the code beside the ledger, so that later code can be compared with it."""
    CodeRecord(
        table=contract.name,
        fingerprint=fingerprint,
        sql=load_sql(contract) or "",
        functions=function_code(contract).text,
        contract=contract.model_dump(mode="json"),
    ).save(lake.store)


def _receive(work: _Work) -> RunRecord:
    """Build bronze: the landed rows in the contract's types, sorted if the contract names sort columns."""
    landed = open_landed(work.lake, work.contract, work.period, work.scratch)
    with quarantine_file(MISFITS, work.scratch) as part:
        misfits = RejectedRows(part.add)
        conformed = conform(
            landed.files,
            work.contract,
            work.scratch,
            misfits,
            lambda: arrived_types(work.lake.catalog.columns(work.contract)),
        )
        counted = _Counted(storable_rows(conformed.reader, work.contract, misfits))
        with sorted_for_publishing(work.lake.engine, work.contract, counted.reader) as ordered:
            staged = work.writer().write(ordered)
        staged += _run_dry(work, staged)
        quarantine = store_quarantined(work.lake, work.contract, work.period, work.run, part)
    rows = RowBalance(
        read=counted.rows + misfits.rows,
        staged=sum(item.rows for item in staged),
        quarantined=misfits.rows,
        broken=dict(misfits.broken),
    )
    return _manifest(work, rows).model_copy(
        update={
            "partitions": tuple(staged),
            "quarantine": quarantine,
            "inputs": (landed.source,),
            "drift": conformed.drift,
            "extra_columns": tuple(ExtraColumn(name=name, type=str(kind)) for name, kind in conformed.extra),
        }
    )


def _transform(work: _Work, sql: str) -> RunRecord:
    late_data = work.contract.late_data
    read = [name for name in upstream(sql) if name != work.contract.table]
    work = replace(work, lake=work.lake.with_whole_runs(read))
    affected = find_affected(work.lake, work.contract, late_data, work.period) if late_data else None
    if affected and not affected.starts:  # nothing arrived: a day without data is no error
        return _manifest(work, RowBalance(read=0, staged=0)).model_copy(update={"touched": {}})
    with work.lake.engine.session() as session:
        inputs = tuple(_attach_all(work, sql, session, affected))
        limited_sql = limited(work.contract, sql, affected.starts) if affected else sql
        rules, function = row_rules(work.contract), load_function(work.contract)
        built = session.build(work.contract, limited_sql, rules, work.period, function)
        staged = work.writer().write(built.staged())
        if affected and affected.late_data.may_empty:
            staged += work.writer().write_empty(affected.emptied(item.parsed for item in staged))
        elif affected is None:
            staged += _run_dry(work, staged)
        quarantine = _store_quarantined(work, built) if built.counts.quarantined else None
    balance = RowBalance(
        read=built.counts.read,
        staged=sum(item.rows for item in staged),
        quarantined=quarantine.rows if quarantine else 0,
        deduplicated=built.counts.deduplicated,
        broken=built.broken,
    )
    based_on = affected.based_on if affected else None
    update = {"partitions": tuple(staged), "quarantine": quarantine, "inputs": inputs, "touched": based_on}
    return _manifest(work, balance).model_copy(update=update)


def _run_dry(work: _Work, staged: Iterable[StagedPartition]) -> list[StagedPartition]:
    """Stage the run's own live partitions that have no rows any more as empty ones, if the contract says so."""
    if not work.contract.may_empty:
        return []
    filled = {item.parsed for item in staged}
    live = work.lake.live(work.contract, work.period)
    dry = sorted(partition for partition, entry in live.items() if entry.rows and partition not in filled)
    if dry:
        log.info(
            "%s %s: %d partitions have no rows any more, first %s", work.contract.name, work.period, len(dry), dry[0]
        )
    return work.writer().write_empty(dry)


def _attach_all(work: _Work, sql: str, session: DuckDbSession, affected: AffectedPartitions | None) -> Iterator[Input]:
    """Attach the tables that the SQL reads, and yield their publications."""
    if work.contract.source:
        landed = open_landed(work.lake, work.contract, work.period, work.scratch)
        session.attach(LANDING, landing_table(landed.files, work.contract.arrow_schema))
        yield landed.source
    for name in upstream(sql):
        yield from _attach(work, name, session, affected)


def _attach(
    work: _Work, name: TableName, session: DuckDbSession, affected: AffectedPartitions | None
) -> Iterator[Input]:
    contract = work.lake.contract(str(name))
    rule = work.contract.inputs.get(str(name), InputRule())
    live = (
        affected.inputs(work.lake, contract)
        if affected and not rule.whole
        else live_input(work.lake, work.contract, work.period, contract)
    )
    if not (rule.whole or rule.optional):
        built = affected.periods(contract) if affected else [work.period]
        refuse_expired(work.lake, work.contract, contract, live, built)
    if not (live or rule.optional or (affected is None and found_nothing(work.lake, contract, work.period))):
        raise LakeNotFound(
            f"`{work.contract.name}` {work.period}: `{name}` has nothing published for it. Nothing was staged. "
            f"Run `{name}` for {work.period} first; see: lakeworks ledger {name}"
        )
    rows = sum(entry.rows for entry in live.values())
    session.attach(name, open_dataset(work.lake.store, contract, live.values()) if live else nothing(contract), rows)
    for partition, entry in live.items():
        yield Input(name=str(name), partition=partition.path, seq=entry.live_seq, content=entry.content)


def _store_quarantined(work: _Work, built: BuildResult) -> StagedObject | None:
    reader = built.quarantined()
    with quarantine_file(reader.schema, work.scratch) as part:
        for batch in reader:
            part.add(batch)
        return store_quarantined(work.lake, work.contract, work.period, work.run, part)


def _manifest(work: _Work, balance: RowBalance) -> RunRecord:
    schema = "|".join(f"{name}:{column.type}" for name, column in work.contract.columns.items())
    return RunRecord(
        table=work.contract.name,
        period=str(work.period),
        run=work.run,
        contract_version=work.contract.version,
        schema_fingerprint=hashlib.sha256(schema.encode()).hexdigest()[:16],
        balance=balance,
        partitions=(),
        code=str(code_fingerprint(work.contract, work.lake.contract)),
        engine=f"lakeworks {version('lakeworks')}, duckdb {version('duckdb')}",
    )


def _check_balance(manifest: RunRecord) -> None:
    rows = manifest.balance
    if rows.read != rows.staged + rows.quarantined + rows.deduplicated:
        raise RowBalanceError(
            f"`{manifest.table}` {manifest.period}: {rows.read} rows in, but {rows.staged} staged + {rows.quarantined} "
            f"quarantined + {rows.deduplicated} deduplicated. Nothing was published. This is a fault of lakeworks: report it."
        )


class _Counted:
    """Reader that counts the rows passing through."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self.rows = 0
        self.reader = pa.RecordBatchReader.from_batches(reader.schema, self._count(reader))

    def _count(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        for batch in reader:
            self.rows += len(batch)
            yield batch

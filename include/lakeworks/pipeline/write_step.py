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
from lakeworks.arrival.quarantined_partitions import PartitionCounts
from lakeworks.arrival.rejected_rows import SCHEMA as MISFITS
from lakeworks.arrival.rejected_rows import RejectedRows
from lakeworks.arrival.storable_split import storable_rows
from lakeworks.catalog.glue_inputs import arrived_types
from lakeworks.contract import Contract
from lakeworks.core.layout import staging_prefix
from lakeworks.core.partition import Period
from lakeworks.core.scratch import scratch_folder
from lakeworks.engines.build_result import BuildResult
from lakeworks.engines.ingest_sort import sorted_for_publishing
from lakeworks.errors import RowBalanceError
from lakeworks.lake import Lake
from lakeworks.landing.reader import open_landed
from lakeworks.ledger.code_record import CodeRecord
from lakeworks.ledger.run_record import ExtraColumn, RowBalance, Run, RunRecord, StagedObject, StagedPartition
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline import contract_history as contracts
from lakeworks.pipeline.external_transform import Transformed, completed, started_build
from lakeworks.pipeline.quarantine_storage import check_limit, quarantine_file, store_quarantined
from lakeworks.pipeline.run_inputs import RunInputs
from lakeworks.quality.rules import row_rules
from lakeworks.transform.fingerprints import code_fingerprint
from lakeworks.transform.function_meaning import function_code
from lakeworks.transform.group_functions import load_function
from lakeworks.transform.sql import load_sql

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

    def quarantined(self) -> PartitionCounts:
        return PartitionCounts(self.contract, self.period)

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
    started, before = time.monotonic(), lake.requests.now()
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
    requests = lake.requests.since(before, writes=1)
    return manifest.model_copy(update={"seconds": seconds, "requests": requests}).save(lake.store)


def start(lake: Lake, table: str, period: Period, run: Run) -> str | None:
    """Start the build of a table whose engine runs elsewhere, and return its id. `write` completes it.

    None if `write` has all to do.

    Raises:
        ContractError: the contract breaks readers, or the engine would lose microseconds.
        LakeNotFound: an upstream table has nothing published for the period.
        StaleBuild: an input is being published right now.
    """
    contract = lake.contract(table)
    engine, sql = lake.engines(contract.engine), load_sql(contract)
    if engine is None or sql is None or not engine.detached:
        return None
    contracts.admit(lake, contract)
    inputs = RunInputs.read(lake, contract, period, sql)
    return started_build(inputs, run, engine) if inputs else None


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
    with quarantine_file(MISFITS, work.scratch, work.quarantined()) as broken:
        misfits = RejectedRows(broken.add)
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
        quarantine = store_quarantined(work.lake, work.contract, work.run, broken)
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
            "quarantined_in": broken.partitions.of_run(item.parsed for item in staged),
            "inputs": (landed.source,),
            "drift": conformed.drift,
            "extra_columns": tuple(ExtraColumn(name=name, type=str(kind)) for name, kind in conformed.extra),
        }
    )


def _transform(work: _Work, sql: str) -> RunRecord:
    inputs = RunInputs.read(work.lake, work.contract, work.period, sql)
    if inputs is None:  # nothing arrived: a day without data is no error
        return _manifest(work, RowBalance(read=0, staged=0)).model_copy(update={"touched": {}})
    work, affected = replace(work, lake=inputs.lake), inputs.affected
    remote = work.lake.engines(work.contract.engine)
    with work.lake.engine.session() as session:
        if remote is None:
            read = Transformed(inputs.sql, tuple(inputs.attach(session, work.scratch)))
        else:
            read = completed(inputs, work.run, remote, session)
        rules, function = row_rules(work.contract), load_function(work.contract) if read.is_input else None
        built = session.build(work.contract, read.sql, rules, work.period, function)
        staged = work.writer().write(built.staged())
        if affected and affected.late_data.may_empty:
            staged += work.writer().write_empty(affected.emptied(item.parsed for item in staged))
        elif affected is None:
            staged += _run_dry(work, staged)
        quarantined = work.quarantined()
        quarantine = _store_quarantined(work, built, quarantined) if built.counts.quarantined else None
    if read.output:
        work.lake.store.delete([item.key for item in work.lake.store.scan(read.output)])
    balance = RowBalance(
        read=built.counts.read,
        staged=sum(item.rows for item in staged),
        quarantined=quarantine.rows if quarantine else 0,
        deduplicated=built.counts.deduplicated,
        broken=built.broken,
    )
    based_on = affected.based_on if affected else None
    update = {
        "partitions": tuple(staged),
        "quarantine": quarantine,
        "quarantined_in": quarantined.of_run(item.parsed for item in staged),
        "inputs": read.inputs,
        "touched": based_on,
    }
    manifest = _manifest(work, balance)
    return manifest.model_copy(update={**update, "engine": ", ".join(filter(None, [manifest.engine, read.engine]))})


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


def _store_quarantined(work: _Work, built: BuildResult, partitions: PartitionCounts) -> StagedObject | None:
    reader = built.quarantined()
    with quarantine_file(reader.schema, work.scratch, partitions) as file:
        for batch in reader:
            file.add(batch)
        return store_quarantined(work.lake, work.contract, work.run, file)


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

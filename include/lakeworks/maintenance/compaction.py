"""Compaction: rewrite a partition's rows in objects of the target size, and publish them like any other build."""

import logging
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lakeworks.contract import Contract
from lakeworks.core.layout import join, staging_prefix
from lakeworks.core.partition import Partition, Period
from lakeworks.core.scratch import scratch_folder
from lakeworks.engines.build_sql import publishing_order, quoted
from lakeworks.engines.comparison import checksum
from lakeworks.engines.duckdb import DuckDbSession
from lakeworks.errors import LakeNotFound, LostRace, RowBalanceError, StaleBuild
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.ledger import leave_out
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord, StagedPartition
from lakeworks.parquet.dataset import open_objects
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import publisher_of

log = logging.getLogger(__name__)
SizeVerdict = Literal["fine", "merge", "split", "too large for one object"]


@dataclass(frozen=True)
class FileReport:
    """The objects of one live partition, in bytes."""

    partition: Partition
    objects: int
    bytes: int
    smallest: int
    median: int
    largest: int
    verdict: SizeVerdict

    @property
    def needs_compaction(self) -> bool:
        """Return True if a rewrite would bring the object sizes nearer to the target."""
        return self.verdict in ("merge", "split")


def file_report(lake: Lake, contract: Contract) -> list[FileReport]:
    """Return the file sizes of a table's current partitions, most objects first."""
    live = lake.ledger.live_partitions(contract.table, on_unreadable=leave_out)
    reports = [_report(contract, entry) for entry in live.values()]
    return sorted(reports, key=lambda item: (-item.objects, item.partition.path))


def report_of(lake: Lake, contract: Contract, partition: Partition) -> FileReport:
    """Return the objects of one partition and their sizes.

    Raises:
        LakeNotFound: nothing is live there.
    """
    return _report(contract, _live(lake, contract, partition))


@dataclass(frozen=True)
class Compacted:
    """The outcome for one partition: its new publication, or the reason why a concurrent writer was first."""

    report: FileReport
    entry: LedgerEntry | None = None
    overtaken: str = ""


def compact_each(lake: Lake, contract: Contract, reports: Iterable[FileReport]) -> Iterator[Compacted]:
    """Rewrite partitions one after the other. Skip a partition that a concurrent writer publishes or withdraws.

    Raises:
        RowBalanceError: the rows written are not the rows read; nothing was published of that partition.
    """
    for report in reports:
        try:
            yield Compacted(report, compact(lake, contract, report.partition))
        except (StaleBuild, LostRace, LakeNotFound) as error:
            log.warning("%s", error)
            yield Compacted(report, overtaken=str(error))


def compact(lake: Lake, contract: Contract, partition: Partition) -> LedgerEntry:
    """Rewrite a live partition. Readers see the old objects or the new ones, with the same rows in both.

    Raises:
        LakeNotFound: nothing is live there.
        StaleBuild: another publication went live meanwhile; nothing was changed.
        RowBalanceError: the rows written are not the rows read; nothing was published.
    """
    live = _live(lake, contract, partition)
    # Compaction changes no rows, so it keeps the order of the run it rewrites. Later runs replace it; earlier ones are fenced.
    run = live.run.model_copy(update={"id": Run.by_hand("compaction", live.run).id})
    with scratch_folder(lake.scratch) as folder:
        staged = _write(
            lake, contract, live, staging_prefix(contract.table, Period.parse(live.period), run.key), folder
        )
    manifest = _manifest(contract, live, run, staged)
    entry = entry_for(contract, manifest, staged).model_copy(
        update={
            "kind": "compaction",
            "based_on": live.live_seq,
            "ticket": live.ticket,
            "confirmed_at": live.last_confirmed,
            "contract_version": live.contract_version,
            "schema_fingerprint": live.schema_fingerprint,
            "code": live.code,
        }
    )
    done = publisher_of(lake, contract).publish([entry])[0]
    lake.store.delete([item.key for item in lake.store.scan(manifest.prefix)])
    if done.kind == "compaction" and done.state == "published":
        lake.lineage.restated(contract, done, live)
    log.info("compacted %s %s: %d objects -> %d", contract.name, partition, len(live.objects), len(done.objects))
    return done


def _live(lake: Lake, contract: Contract, partition: Partition) -> LedgerEntry:
    live = lake.ledger.live(contract.table, partition)
    if live is None:
        raise LakeNotFound(
            f"`{contract.name}` {partition} is not live, so there is nothing to compact. Nothing was changed. "
            f"Live partitions: lakeworks ledger {contract.name}"
        )
    return live


def _write(lake: Lake, contract: Contract, live: LedgerEntry, prefix: str, scratch: Path) -> StagedPartition:
    """Write the rows in publishing order, and check that none is lost."""
    # The partition is fixed and its category columns are not in the files, so split by size only.
    unpartitioned = contract.model_copy(update={"partition_by": ()})
    with lake.engine.session() as session:
        source = open_objects(lake.store, live.objects)
        session.attach("source", source, live.rows)
        names = [item.name for item in source.schema]
        order = ", ".join(order_within(contract, names))
        listed = ", ".join(map(quoted, names))
        rows = session.stream(f"SELECT {listed} FROM source ORDER BY {order}", source.schema)
        writer = PartitionedWriter(
            lake.store,
            unpartitioned,
            join(prefix.rstrip("/"), live.partition) + "/",
            Period.parse(live.period),
            scratch,
        )
        (written,) = writer.write(rows)
        _check(lake, session, live, written, names)
    return written.model_copy(update={"partition": live.partition})


def order_within(contract: Contract, names: Sequence[str]) -> list[str]:
    """Return the sort columns of one partition's file: the grain, because it is unique; without one, all columns."""
    known = {quoted(name) for name in names}
    order = [name for name in publishing_order(contract) if name in known]
    unique = contract.grain and all(quoted(name) in known for name in contract.grain)
    return order if unique else list(dict.fromkeys([*order, *map(quoted, names)]))


def _check(
    lake: Lake, session: DuckDbSession, live: LedgerEntry, written: StagedPartition, names: Sequence[str]
) -> None:
    objects = [
        LiveObject(key=item.key, size=item.size, sha256=item.sha256, rows=item.rows, source_key=item.key)
        for item in written.objects
    ]
    session.attach("written", open_objects(lake.store, objects), written.rows)
    before, after = (checksum(session, side, names) for side in ("source", "written"))
    if before != after:
        raise RowBalanceError(
            f"{live.where}: {before[0]} rows were read and {after[0]} written, or their values differ. Nothing was published. "
            "This is a fault of lakeworks: report it."
        )


def _manifest(contract: Contract, live: LedgerEntry, run: Run, staged: StagedPartition) -> RunRecord:
    return RunRecord(
        table=contract.name,
        period=live.period,
        run=run,
        contract_version=live.contract_version,
        schema_fingerprint=live.schema_fingerprint,
        balance=RowBalance(read=live.rows, staged=staged.rows),
        partitions=(staged,),
        audit=live.audit,
    )


def _report(contract: Contract, entry: LedgerEntry) -> FileReport:
    sizes = sorted(item.size for item in entry.objects)
    return FileReport(
        partition=entry.parsed,
        objects=len(sizes),
        bytes=sum(sizes),
        smallest=sizes[0],
        median=int(statistics.median(sizes)),
        largest=sizes[-1],
        verdict=_verdict(contract, sizes),
    )


def _verdict(contract: Contract, sizes: list[int]) -> SizeVerdict:
    """Decide whether to rewrite: merge objects below half of the target size, split those above double; allow a small rest."""
    target = contract.storage.target_bytes
    if sizes[-1] > 2 * target:
        return "split" if contract.storage.layout == "versioned" else "too large for one object"
    return "merge" if sum(size < target / 2 for size in sizes) > 1 else "fine"

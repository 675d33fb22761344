"""Inputs of a run with SQL: the upstream publications it reads, and the partitions that late arrivals re-open."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lakeworks.arrival.transform_input import landing_table
from lakeworks.contract import Contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.engines.build_sql import limited
from lakeworks.engines.duckdb import DuckDbSession
from lakeworks.lake import Lake
from lakeworks.landing.reader import open_landed
from lakeworks.ledger.run_record import Input
from lakeworks.parquet.dataset import nothing, open_dataset
from lakeworks.pipeline.inputs import UpstreamRows, source_of
from lakeworks.pipeline.late_data import AffectedPartitions, find_affected
from lakeworks.transform.sql import LANDING, upstream


@dataclass(frozen=True)
class RunInputs:
    """The SQL of a run, limited to the affected partitions, and its sources."""

    lake: Lake
    contract: Contract
    period: Period
    sql: str
    affected: AffectedPartitions | None
    sources: Mapping[TableName, UpstreamRows]

    @classmethod
    def read(cls, lake: Lake, contract: Contract, period: Period, sql: str) -> "RunInputs | None":
        """Read the ledger; None if nothing arrived that a table with `late_data` has to follow.

        Raises:
            LakeNotFound: an upstream table has nothing published for the period.
        """
        lake = lake.with_whole_runs([name for name in upstream(sql) if name != contract.table])
        affected = find_affected(lake, contract, contract.late_data, period) if contract.late_data else None
        if affected and not affected.starts:
            return None
        sources = {name: source_of(lake, contract, period, name, affected) for name in upstream(sql)}
        limited_sql = limited(contract, sql, affected.starts) if affected else sql
        return cls(lake, contract, period, limited_sql, affected, sources)

    def attach(self, session: DuckDbSession, scratch: Path) -> Iterator[Input]:
        """Attach what the SQL reads, and yield its publications."""
        if self.contract.source:
            landed = open_landed(self.lake, self.contract, self.period, scratch)
            session.attach(LANDING, landing_table(landed.files, self.contract.arrow_schema))
            yield landed.source
        for name, source in self.sources.items():
            entries = source.live.values()
            relation = open_dataset(self.lake.store, source.contract, entries) if entries else nothing(source.contract)
            session.attach(name, relation, source.rows)
            yield from source.publications()

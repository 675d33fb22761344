"""Plan a backfill: find the missing partitions of a DAG's tables in a date range, and split it into runs."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from lakeworks.airflow_api import Activity
from lakeworks.backfill.dag import PipelineDag
from lakeworks.backfill.request_estimate import Need, needs
from lakeworks.backfill.thawing import ArchivedInput
from lakeworks.contract import Contract
from lakeworks.core.partition import GRAINS, Period
from lakeworks.errors import ContractError
from lakeworks.lake import Lake
from lakeworks.status.exclusions import Exclusion
from lakeworks.status.expected_partitions import PeriodRange
from lakeworks.status.matrix import Matrix
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.run_coverage import covered_by
from lakeworks.status.table_status import status

# Worst first: a period has the state of its worst table.
Standing = Literal["running", "failed", "missing", "stale", "outdated", "done", "excluded", "expired"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)
# The plan's state for each state of the matrix. A run was there for a published or empty partition.
_OF_CELL: dict[str, Standing] = {"running": "running", "failed": "failed", "missing": "missing", "stale": "stale"}
_OF_CELL |= {
    "outdated": "outdated",
    "unfinished": "stale",
    "excluded": "excluded",
    "expired": "expired",
    "waiting": "running",
}
RunSpan = Literal["day", "month", "year", "all"]


@dataclass(frozen=True)
class TableStanding:
    """One table's periods by their state; a table that is not partitioned by time has one state."""

    table: str
    by_period: dict[Period, Standing]
    whole: Standing | None = None

    def without(self, exclusions: Sequence[Exclusion]) -> "TableStanding":
        """Return the same, with the ranges that a person excluded."""
        covered = {p for p, how in self.by_period.items() if how != "running" and any(x.covers(p) for x in exclusions)}
        whole: Standing | None = "excluded" if self.whole and any(x.covers(None) for x in exclusions) else self.whole
        return replace(self, by_period={**self.by_period, **dict.fromkeys(covered, "excluded")}, whole=whole)

    def as_dict(self) -> dict[str, Any]:
        """Return a row for people and programs."""
        counts = Counter([self.whole] if self.whole else self.by_period.values())
        return {"table": self.table, **{standing: counts[standing] for standing in reversed(STANDINGS)}}


@dataclass(frozen=True)
class Plan:
    """A backfill's plan: published periods, runs to start, and their cost."""

    dag: PipelineDag
    periods: tuple[Period, ...]
    tables: tuple[TableStanding, ...]
    needs: tuple[Need, ...]
    runs: tuple[tuple[Period, Period], ...]
    under_way: tuple[Period, ...]
    archived: tuple[ArchivedInput, ...] = ()  # what must be restored before the runs can read it
    excluded: tuple[Exclusion, ...] = ()
    left: Mapping[Period, tuple[str, ...]] = field(default_factory=dict)  # tables that a period's run leaves alone
    from_landing: bool = False  # the runs ask vendors only for what landing lacks
    dev: str = ""  # the dev lake in which the runs work; empty: the live lake

    @property
    def periods_to_run(self) -> list[Period]:
        """Return the periods the runs bring."""
        return [period for first, last in self.runs for period in _between(first, last)]

    @property
    def to_run(self) -> int:
        """Return the number of periods the runs bring."""
        return len(self.periods_to_run)

    def conf_of(self, first: Period) -> dict[str, Any]:
        """Return the parameters of the run that begins with a period, besides its range."""
        named = {"leave": list(self.left.get(first, ())), "landed": self.from_landing, "dev": self.dev}
        return {name: value for name, value in named.items() if value}

    @property
    def days(self) -> int:
        """Days until the slowest vendor has answered."""
        return max((need.days for need in self.needs), default=0)

    def as_dict(self) -> dict[str, Any]:
        """Return the plan for programs."""
        return {
            "dag": self.dag.dag_id,
            "dev": self.dev or None,
            "grain": self.dag.grain,
            "periods": len(self.periods),
            "to_run": self.to_run,
            "under_way": [str(period) for period in self.under_way],
            "days": self.days,
            "tables": [table.as_dict() for table in self.tables],
            "sources": [need.as_dict() for need in self.needs],
            "archived": [item.as_dict() for item in self.archived],
            "excluded": [item.as_dict() for item in self.excluded],
            "runs": [{"from": str(first), "to": str(last)} for first, last in self.runs],
        }


@dataclass(frozen=True)
class Doings:
    """Airflow's current tasks of tables, and the periods of runs that are not over."""

    activities: Sequence[Activity] = ()
    under_way: Collection[Period] = ()


def make_plan(
    lake: Lake, dag: PipelineDag, periods: Sequence[Period], doings: Doings, chunk: RunSpan, *, again: bool = False
) -> Plan:
    """Plan for every table of the DAG. `again` also plans periods that are done.

    Raises:
        ContractError: a table of the DAG has no valid contract.
    """
    contracts = [lake.contract(table) for table in dag.tables]
    window = PeriodRange(periods[0], periods[-1])
    matrices = list(status(lake, contracts, window, doings.activities))
    if fault := next((matrix.fault for matrix in matrices if matrix.fault), None):
        raise fault
    index = PartitionIndex(lake)
    tables = tuple(
        _stand(lake, dag, c, periods, m).without(index.exclusions(c)) for c, m in zip(contracts, matrices, strict=True)
    )
    standing = {period: _worst(table.by_period[period] for table in tables if table.by_period) for period in periods}
    if not any(table.by_period for table in tables):  # no table is partitioned by time: the newest period means all
        standing[periods[-1]] = _worst(table.whole for table in tables if table.whole)
    begun = {part for period in doings.under_way for part in period.split(dag.grain)}
    under_way = tuple(p for p, how in standing.items() if how == "running" or p in begun)
    # no plan brings expired or excluded partitions back
    over = ("excluded", "expired") if again else ("done", "excluded", "expired")
    to_run = [p for p, how in standing.items() if p not in under_way and how not in over]
    left = left_tables(index, contracts, to_run)
    runs = tuple(chunks(to_run, chunk, left))
    fetched = () if lake.parent else contracts  # a dev lake asks no vendor
    asked = needs(lake, [(c, [p for p in to_run if c.name not in left.get(p, ())]) for c in fetched])
    excluded = [x for c in contracts for x in index.exclusions(c) if any(map(x.covers, periods))]
    return Plan(
        dag, tuple(periods), tables, tuple(asked), runs, under_way, excluded=tuple(excluded), left=left,
        dev=lake.run_place.dev,
    )  # fmt: skip


def left_tables(
    index: PartitionIndex, contracts: Iterable[Contract], periods: Sequence[Period]
) -> dict[Period, tuple[str, ...]]:
    """Return the tables that a run of each period leaves alone, because a person excluded the period there."""
    left: dict[Period, tuple[str, ...]] = {}
    for contract in contracts:
        for period in periods:
            if any(item.covers(period) for item in index.exclusions(contract)):
                left[period] = (*left.get(period, ()), contract.name)
    return left


def chunks(
    periods: Iterable[Period], chunk: RunSpan, left: Mapping[Period, tuple[str, ...]] | None = None
) -> Iterable[tuple[Period, Period]]:
    """Yield neighbouring periods as (first, last), split where a day, month or year ends, or other tables are left alone."""
    first, left = None, left or {}
    last = None
    for period in periods:
        if (
            first is not None
            and last is not None
            and (
                period != last.next or _cut(period, chunk) != _cut(first, chunk) or left.get(period) != left.get(first)
            )
        ):
            yield first, last
            first = None
        first, last = first or period, period
    if first is not None and last is not None:
        yield first, last


def _cut(period: Period, chunk: RunSpan) -> str:
    return "" if chunk == "all" else str(period)[: {"year": 4, "month": 7, "day": 10}[chunk]]


def _between(first: Period, last: Period) -> list[Period]:
    periods = [first]
    while periods[-1] != last:
        periods.append(periods[-1].next)
    return periods


def _stand(
    lake: Lake, dag: PipelineDag, contract: Contract, periods: Sequence[Period], matrix: Matrix
) -> TableStanding:
    if contract.time_grain is None:
        states = [_OF_CELL.get(cell.state, "done") for cell in matrix.cells]
        return TableStanding(contract.name, {}, _worst(states or ["missing"]))
    ran = _covered(lake, contract, dag.grain)
    gone = {
        part for cell in matrix.cells if cell.state == "expired" and cell.slot for part in cell.slot.split(dag.grain)
    }
    there: dict[Period, Standing] = {**dict.fromkeys(ran, "done"), **dict.fromkeys(gone, "expired")}
    by_period: dict[Period, Standing] = {p: there.get(p, "missing") for p in periods}
    for cell in matrix.cells:
        for period in cell.slot.split(dag.grain) if cell.slot else ():
            if period in by_period:
                by_period[period] = _worst([_OF_CELL.get(cell.state, "done"), by_period[period]])
    return TableStanding(contract.name, by_period)


def _covered(lake: Lake, contract: Contract, grain: str) -> set[Period]:
    """Return the periods of a grain that a table's runs covered, whatever the grain of the runs."""
    records = list(lake.ledger.recorded(contract.table))
    finer_grains = GRAINS[GRAINS.index(grain) + 1 :]
    covered = covered_by(((ran, at) for ran, at in records if ran.grain not in finer_grains), grain)
    finer = {slot for g in finer_grains for slot in covered_by((r for r in records if r[0].grain == g), g)}
    around = {Period.containing(period.start, grain) for period in finer} - covered
    return covered | {period for period in around if any(set(period.split(g)) <= finer for g in finer_grains)}


def _worst(standings: Iterable[Standing]) -> Standing:
    reasons = list(standings)
    if not reasons:
        raise ContractError(
            "The DAG builds no table, so no period can be planned. Nothing was started. Name a DAG with table groups."
        )
    return min(reasons, key=STANDINGS.index)

"""The partition matrix of tables: missing, stale, running, failed, published.

A partition is stale if the fingerprint of its current inputs differs from that of its build. It is also stale if its period was
landed again. All facts come from listings (status/partition_index.py), so 100,000 partitions take seconds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from lakeworks.airflow_api import Activity
from lakeworks.contract import Contract
from lakeworks.contract.storability import PartitionRules
from lakeworks.core.layout import QUARANTINE, join
from lakeworks.core.partition import GRAINS, Partition, Period
from lakeworks.errors import TerminalError
from lakeworks.lake import Lake
from lakeworks.landing.changes import landed_since
from lakeworks.pipeline.late_data import arrival_period
from lakeworks.s3.listed.collection_pace import slow_collection
from lakeworks.status.approvals import waiting_partitions
from lakeworks.status.expected_partitions import PeriodRange, missing_partitions
from lakeworks.status.matrix import Cell, Matrix, PartitionState
from lakeworks.status.partition_index import PartitionIndex, PublishedPartition
from lakeworks.status.quarantined_partitions import quarantined_in
from lakeworks.transform.fingerprints import CodeFingerprint, code_fingerprint

# Partitions without a time come first.
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def status(
    lake: Lake,
    contracts: Sequence[Contract],
    window: PeriodRange | None = None,
    activities: Iterable[Activity] = (),
    index: PartitionIndex | None = None,
) -> Iterator[Matrix]:
    """Yield the matrix of each table. `activities` are Airflow's current tasks, if it was asked.

    A table that cannot be read has a matrix with a `fault`, and does not stop the others. With `index`, earlier listings are
    used again.
    """
    index = index or PartitionIndex(lake)
    by_table: dict[str, list[Activity]] = {}
    for activity in activities:
        by_table.setdefault(activity.table, []).append(activity)
    for contract in contracts:
        yield _Table(index, contract, by_table.get(contract.name, []), window or PeriodRange()).matrix_or_fault()


@dataclass
class _Table:
    index: PartitionIndex
    contract: Contract
    activities: Sequence[Activity]
    window: PeriodRange
    _expected: dict[str, frozenset[str]] = field(default_factory=dict)
    _stale_runs: dict[tuple[str, str], str] = field(default_factory=dict)

    def matrix_or_fault(self) -> Matrix:
        try:
            with slow_collection():
                return self.matrix()
        except TerminalError as error:
            return Matrix(self.contract.name, (), fault=error)

    def matrix(self) -> Matrix:
        known = {**self.index.published(self.contract), **self.index.expired(self.contract)}
        cells = [self._cell(part, item) for part, item in known.items() if self.window.holds(part.period)]
        cells += self._withdrawn_cells()
        cells += self._absent(bool(known))
        cells.sort(key=lambda cell: (cell.slot.start if cell.slot else _BEFORE_ALL, cell.partition.path))
        return Matrix(self.contract.name, tuple(cells), why_empty="" if cells else self._why_empty(bool(known)))

    def _why_empty(self, known: bool) -> str:
        """Return the reason why a table has no partition, and what would change that."""
        if known:
            return "no partition of it is in the range"
        within = " in the range" if self.window.first or self.window.last else ""
        if self.contract.source:
            return f"no run has landed `{self.contract.source}` and published it{within}: start its DAG"
        without = [source.name for source in self.index.upstreams(self.contract) if not self.index.published(source)]
        if without:
            return f"it is built from {', '.join(f'`{name}`' for name in without)}, which nothing is published of"
        return f"its inputs have no common period{within}: a run needs data of each of them"

    def _cell(self, partition: Partition, known: PublishedPartition) -> Cell:
        """Return the cell of a published partition, with its worst state."""
        slot, name = partition.period, self.contract.name
        state: PartitionState = "published"
        why = ""
        fault = self.rules.fault(partition)
        if fault and not known.expired:
            state, why = "impossible", f"it {fault}; take it out: lakeworks withdraw {name} {partition.path}"
        elif why := self.waiting.get(partition, ""):
            state = "waiting"
        elif activity := self._activity(slot):
            state, why = activity.state, activity.where
        elif known.expired:
            return Cell(partition, slot, "expired")
        elif not known.finished:
            state, why = (
                "unfinished",
                f"publication {known.publication} was not completed; run: lakeworks repair {name}",
            )
        elif why := self._half_run(partition, known):
            state = "unfinished"
        elif why := self._stale(known):
            state = "stale"
        elif why := self._outdated(known):
            state = "outdated"
        if state in ("stale", "outdated") and (excluded := self._excluded(partition, known.period)):
            state, why = "excluded", excluded
        period, rows = self._quarantined(known.period, partition)
        return Cell(partition, slot, state, known.publication, why, period, rows, known.rows, known.bytes)

    def _quarantined(self, period: str, partition: Partition) -> tuple[str, int | None]:
        """Return the period and the rows if a period's last run quarantined rows of a partition; else an empty period.

        The number is None where the run did not count them by partition: then each of its partitions may have some.
        """
        if period not in self.quarantined:
            return "", None
        counted = self.quarantined[period]
        if counted is None:
            return period, None
        rows = counted.get(partition.path, 0)
        return (period, rows) if rows else ("", None)

    def _excluded(self, partition: Partition, period: str = "") -> str:
        """Return the reason why a person excluded a partition; empty if no one did."""
        return next((item.why for item in self.index.exclusions(self.contract) if item.holds(partition, period)), "")

    def _half_run(self, partition: Partition, known: PublishedPartition) -> str:
        """Return why readers by ledger may not see a publication: its run has no number. Empty if it has one."""
        seq, ticket = self.index.half_runs(self.contract).get(partition, (0, None))
        if ticket is None or known.publication > seq:
            return ""
        name = self.contract.name
        return (
            f"run {ticket.run.id} ({ticket.period}) is not complete in all of its partitions; look: lakeworks verify {name}; "
            f"finish: lakeworks repair {name}, or run {ticket.period} again"
        )

    def _stale(self, known: PublishedPartition) -> str:
        """Return the reason why a partition is stale; empty if it is not. Partitions of the same run share it."""
        run = known.period, known.inputs
        if run not in self._stale_runs:
            self._stale_runs[run] = self._why_stale(known)
        return self._stale_runs[run]

    def _why_stale(self, known: PublishedPartition) -> str:
        if self.contract.late_data:
            return self._behind(known.period)
        period = Period.parse(known.period)
        if known.inputs not in self._fingerprints(period) and not self.index.has_expired_input(self.contract, period):
            return f"an upstream has other publications for {known.period} than it was built from"
        landed = self.landed.get(period.path if self.contract.partition_by else "")
        if landed and known.period in self.runs and landed > self.runs[known.period][0]:
            return f"{known.period} was landed again at {landed:%Y-%m-%d %H:%M} UTC"
        return ""

    def _outdated(self, known: PublishedPartition) -> str:
        """Return why a build today would use other code; empty if it would not, or cannot read its inputs any more."""
        if self.code.made(known.code) or self.index.has_expired_input(self.contract, Period.parse(known.period)):
            return ""
        return "SQL, functions, rules or types changed since its run; to build it again: lakeworks backfill plan"

    def _fingerprints(self, period: Period) -> frozenset[str]:
        """Return the accepted hashes of current inputs: an input that only expired makes no partition stale."""
        key = str(period)
        if key not in self._expected:
            current = self.index.fingerprint(self.contract, period)
            before = self.index.fingerprint(self.contract, period, expired=True)
            self._expected[key] = frozenset({current, before})
        return self._expected[key]

    def _behind(self, period: str) -> str:
        """Return why a run with late data is stale: an upstream's period was run after it. Empty if it is not."""
        own = self.runs.get(period)
        for name in self.contract.late_data.upstreams if self.contract.late_data else ():
            upstream = self.index.lake.contract(name)
            arrived = arrival_period(upstream, Period.parse(period))
            runs = self.index.runs(upstream).items() if arrived else ()
            # of the period or inside it
            above = max((at for key, (at, _) in runs if key.startswith(str(arrived))), default=None)
            if above and own and above > own[0]:
                return f"`{name}` was run again for {period} since"
        return ""

    def _withdrawn_cells(self) -> Iterator[Cell]:
        """Yield the partitions that a person withdrew. Those that the table cannot have stay out of sight."""
        name = self.contract.name
        for partition, item in self.index.withdrawn(self.contract).items():
            slot = partition.period
            if not self.window.holds(slot) or self.rules.fault(partition):
                continue
            if activity := self._activity(slot):
                yield Cell(partition, slot, activity.state, None, activity.where)
            else:
                back = f"to bring it back: lakeworks rollback {name} {partition if partition.path else 'all'}"
                yield Cell(partition, slot, "withdrawn", None, f"{item.withdrawn}; {back}")

    def _absent(self, published: bool) -> Iterator[Cell]:
        """Return a cell without a publication: missing, or empty where a run covered it."""
        grain = self.contract.time_grain
        if grain is None:
            if not published and not self.index.withdrawn(self.contract) and self._was_begun():
                yield self._nothing(Partition(), None, frozenset())
            return
        missing = missing_partitions(
            self.index, self.contract, grain, self.window, (Period.parse(x.period) for x in self.activities)
        )
        for slot in sorted(missing.missing | missing.empty):
            yield self._nothing(Partition.of_period(slot), slot, missing.empty)

    def _was_begun(self) -> bool:
        """Return whether a table that no time cuts should be there: a run was, or is, or all that it is built from is there."""
        upstreams = self.index.upstreams(self.contract)
        ready = bool(upstreams) and all(self.index.published(source) for source in upstreams)
        return ready or bool(self.activities) or bool(self.index.runs(self.contract))

    def _nothing(self, partition: Partition, slot: Period | None, empty: frozenset[Period]) -> Cell:
        if why := self.waiting.get(partition, ""):
            return Cell(partition, slot, "waiting", None, why)
        if activity := self._activity(slot):
            return Cell(partition, slot, activity.state, None, activity.where)
        if slot in empty:
            return Cell(partition, slot, "empty", None, "", *self._quarantined_around(partition, slot))
        if excluded := self._excluded(partition):
            return Cell(partition, slot, "excluded", None, excluded)
        return Cell(partition, slot, "missing", None, "never built")

    def _quarantined_around(self, partition: Partition, slot: Period) -> tuple[str, int | None]:
        """Return the same for a partition whose rows are all quarantined: the run that covered it last counts."""
        around = (str(Period.containing(slot.start, grain)) for grain in GRAINS)
        ran = [period for period in around if period in self.runs]
        last = max(ran, key=lambda period: self.runs[period][0], default="")
        counted = self.quarantined.get(last)
        return self._quarantined(last, partition) if counted else ("", None)

    def _activity(self, slot: Period | None) -> Activity | None:
        """Return the unfinished run of a period, or the newest run that failed after the last good one."""
        if not self.activities:
            return None
        if slot is None:
            candidates = list(self.activities)
        else:
            periods = [str(Period.containing(slot.start, grain)) for grain in GRAINS]
            candidates = [activity for period in periods for activity in self.by_period.get(period, [])]
        current = [activity for activity in candidates if not self._was_repaired(activity, slot)]
        return max(current, key=_weight, default=None)

    def _was_repaired(self, activity: Activity, slot: Period | None) -> bool:
        """Return whether a later run repaired a failure: a run of the same period, or of a longer one that was over by then."""
        if activity.state != "failed" or activity.at is None:
            return False
        own = Period.parse(activity.period)
        part = slot if slot and own.start <= slot.start and slot.end <= own.end else own
        for grain in GRAINS[: GRAINS.index(part.grain) + 1]:
            around = Period.containing(part.start, grain)
            good = self.runs.get(str(around))
            if good and good[0] > activity.at and (around == own or part.end <= good[0]):
                return True
        return False

    @cached_property
    def rules(self) -> PartitionRules:
        """Return what the table's partitions must be."""
        return PartitionRules(self.contract)

    @cached_property
    def code(self) -> CodeFingerprint:
        """Return the fingerprint of the table's code in the project."""
        return code_fingerprint(self.contract, self.index.lake.contract)

    @cached_property
    def waiting(self) -> Mapping[Partition, str]:
        """Return why partitions wait for a person's approval."""
        return waiting_partitions(self.index.lake, self.contract)

    @cached_property
    def by_period(self) -> dict[str, list[Activity]]:
        """Return Airflow's current tasks by period."""
        by_period: dict[str, list[Activity]] = {}
        for activity in self.activities:
            by_period.setdefault(activity.period, []).append(activity)
        return by_period

    @cached_property
    def runs(self) -> dict[str, tuple[datetime, str]]:
        """Return when the last run of a period was recorded, and which attempt it was."""
        return self.index.runs(self.contract)

    @cached_property
    def quarantined(self) -> Mapping[str, Mapping[str, int] | None]:
        """Return the periods whose last run quarantined rows, each with the rows of its partitions, if it counted them."""
        folders = self.index.newest(join(QUARANTINE, self.contract.table.path) + "/")
        attempts = {folder.removeprefix("period="): attempt for folder, (_, attempt) in folders.items()}
        last = {period: attempt for period, (_, attempt) in self.runs.items() if attempts.get(period) == attempt}
        return quarantined_in(self.index.lake, self.contract, last)

    @cached_property
    def landed(self) -> dict[str, datetime]:
        """Return when a source table's periods were landed again after their run, by path."""
        return landed_since(self.index.lake, self.contract, {period: at for period, (at, _) in self.runs.items()})


def _weight(activity: Activity) -> tuple[bool, bool, str]:
    """Return the sort key: running before failed, a cause before its consequences, the newest first."""
    cause = not activity.where.endswith("upstream_failed")
    return activity.state == "running", cause, activity.at.isoformat() if activity.at else ""

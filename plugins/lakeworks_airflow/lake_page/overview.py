"""Overview: each table with the results of `lakeworks status` and `lakeworks freshness`."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from lakeworks.airflow_api import Activity, Airflow
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import ConfigError, ContractError, LakeUnavailable, TerminalError
from lakeworks.freshness.table_age import TableFreshness, freshness
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RunRecord
from lakeworks.settings import current_settings
from lakeworks.status.matrix import MEANINGS, STATES, Cell, Matrix, PartitionState
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.table_status import status
from lakeworks.status.table_summary import newest_run

Ask = Callable[[list[str]], tuple[tuple[Activity, ...], str]]
_GOOD: tuple[PartitionState, ...] = ("published", "withdrawn", "empty", "expired", "excluded")
NOT_ASKED = "Running and failed runs are not shown: set LAKE_AIRFLOW_URL for the api-server."


@dataclass(frozen=True)
class Concern:
    """One reason to look at a table; `rank` 0 is the worst."""

    rank: int
    kind: str
    text: str


@dataclass(frozen=True)
class TableLine:
    """One table of the overview. Sums are over live partitions; `newest` is the latest of them in time."""

    contract: Contract
    matrix: Matrix
    upstreams: tuple[str, ...]
    age: TableFreshness | None
    run: RunRecord | None

    @cached_property
    def newest(self) -> Cell | None:
        """Return the newest partition with rows; cells are in the order of time."""
        return next((cell for cell in reversed(self.matrix.cells) if cell.rows is not None), None)

    @cached_property
    def rows(self) -> int:
        """Rows of all live partitions."""
        return sum(cell.rows or 0 for cell in self.matrix.cells)

    @cached_property
    def bytes(self) -> int:
        """Bytes of all live partitions."""
        return sum(cell.bytes or 0 for cell in self.matrix.cells)

    @property
    def quarantined_share(self) -> float | None:
        """Return the share of its input rows that the newest run quarantined; None if it read none."""
        balance = self.run.balance if self.run else None
        return balance.quarantined / balance.read if balance and balance.read else None

    @property
    def worst(self) -> str:
        """Return the word for the table's mark: its worst state. `late` is worse than published."""
        if self.matrix.fault:
            return "failed"
        state = next(iter(self.matrix.counts), None)
        if state is None or state in _GOOD:
            return "late" if self.age and self.age.state == "late" else state or "nothing"
        return state

    def concerns(self, now: datetime) -> Iterator[Concern]:
        """Yield the concerns that need a person's attention."""
        if self.matrix.fault:
            yield Concern(0, "failed", str(self.matrix.fault))
        for rank, state in enumerate(STATES):
            count = self.matrix.counts.get(state, 0)
            if count and state not in (*_GOOD, "running"):
                first, last, length = next(iter(self.matrix.groups(state)))
                where = str(first.partition) if length == 1 else f"{first.partition} to {last.partition} ({length:,})"
                more = f", and {count - length:,} more" if count > length else ""
                text = MEANINGS[state] if first.slot is None and count == 1 else f"{MEANINGS[state]}: {where}{more}"
                yield Concern(1 + rank, state, text)
        if self.age and self.age.state in ("late", "unreadable"):
            age = self.age.as_dict(now)
            said = [f"{key} {age[key]}" for key in ("overdue", "missing", "stopped") if age[key]]
            yield Concern(
                1 + STATES.index("missing"),
                "late",
                age["fault"] or f"its newest data is of {age['newest']}; {'; '.join(said)}",
            )


@dataclass(frozen=True)
class Overview:
    """All tables, the unreadable contracts, and a `note` about missing information."""

    lines: tuple[TableLine, ...]
    wrong: tuple[str, ...]
    note: str
    now: datetime

    @property
    def by_name(self) -> dict[str, TableLine]:
        """Return the lines by table."""
        return {line.contract.name: line for line in self.lines}

    @property
    def domains(self) -> dict[str, list[TableLine]]:
        """Return the lines by domain."""
        domains: dict[str, list[TableLine]] = {}
        for line in self.lines:
            domains.setdefault(line.contract.table.domain, []).append(line)
        return dict(sorted(domains.items()))

    @property
    def attention(self) -> list[tuple[TableLine, Concern]]:
        """Return the concerns that need attention, the worst first."""
        concerns = [(line, concern) for line in self.lines for concern in line.concerns(self.now)]
        return sorted(concerns, key=lambda item: (item[1].rank, item[0].contract.name))


def read_overview(lake: Lake, now: datetime, ask: Ask) -> Overview:
    """Read every table of the project. `ask` returns Airflow's current tasks."""
    contracts, wrong = list[Contract](), list[str]()
    for name in all_tables():
        try:
            contracts.append(load_contract(name))
        except ContractError as error:
            wrong.append(str(error))
    activities, note = ask([contract.name for contract in contracts])
    index = PartitionIndex(lake)
    lake.store.map(lambda contract: _list(index, contract), contracts)
    lines = lake.store.map(lambda contract: _line(index, contract, now, activities), contracts)
    return Overview(tuple(lines), tuple(wrong), note, now)


def _list(index: PartitionIndex, contract: Contract) -> None:
    """List a table once, before the tables that read it need it. Errors are reported later."""
    with suppress(TerminalError):
        index.published(contract)


def _line(index: PartitionIndex, contract: Contract, now: datetime, activities: tuple[Activity, ...]) -> TableLine:
    (matrix,) = status(index.lake, [contract], activities=activities, index=index)
    age = next(freshness(index.lake, [contract], now, index), None)
    run = None if matrix.fault else newest_run(index, contract)
    return TableLine(contract, matrix, _upstreams(index, contract), age, run)


def current_activities(tables: list[str]) -> tuple[tuple[Activity, ...], str]:
    """Return Airflow's current tasks, and a note if they are incomplete."""
    address = current_settings().airflow_url
    if not address:
        return (), NOT_ASKED
    try:
        activities = Airflow(address.get_secret_value()).activities(tables)
    except (ConfigError, LakeUnavailable) as error:
        return (), f"Running and failed runs are not shown. {error}"
    return activities.known, activities.note


def _upstreams(index: PartitionIndex, contract: Contract) -> tuple[str, ...]:
    try:
        return tuple(source.name for source in index.upstreams(contract))
    except TerminalError:
        return ()  # the matrix of such a table has the fault

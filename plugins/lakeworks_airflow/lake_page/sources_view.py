"""View of the sources: the budget of each vendor, its tables' newest fetches, and the tasks that wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakeworks.airflow_api import Activity
from lakeworks.backfill.budgets import VendorBudget, asked_sources, budget_of
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeError
from lakeworks.lake import Lake
from lakeworks.landing.fetch_summary import fetch_lines
from lakeworks.landing.fetches import Fetches
from lakeworks.landing.files import prefix
from lakeworks.status.partition_index import PartitionIndex
from lakeworks_airflow.lake_page.overview import Ask

_WAITING = ("deferred", "up_for_retry", "up_for_reschedule")


@dataclass(frozen=True)
class FetchedTable:
    """A table of a source, the period of its newest run, and the lines of that period's fetches, the oldest first."""

    name: str
    period: str
    fetches: tuple[Mapping[str, Any], ...]
    fault: str = ""


@dataclass(frozen=True)
class SourceLine:
    """One source: its budget, its tables, and the tasks that wait for it."""

    budget: VendorBudget
    tables: tuple[FetchedTable, ...]
    waiting: tuple[Activity, ...]


@dataclass(frozen=True)
class SourcesView:
    """All sources, those that need attention first, and a `note` about missing information."""

    sources: tuple[SourceLine, ...]
    note: str


def read_sources(lake: Lake, now: datetime, ask: Ask) -> SourcesView:
    """Read the budget and the newest fetches of every source. `ask` returns Airflow's current tasks."""
    contracts = [contract for contract in map(_contract, all_tables()) if contract and contract.source]
    activities, note = ask([contract.name for contract in contracts])
    facts = PartitionIndex(lake)
    fetched = lake.store.map(lambda contract: _fetched(facts, contract), contracts)
    by_source: dict[str, list[FetchedTable]] = {name: [] for name in asked_sources(lake)}
    for contract, table in zip(contracts, fetched, strict=True):
        by_source.setdefault(str(contract.source).partition(".")[0], []).append(table)
    waiting = [item for item in activities if item.where.rpartition(" ")[2] in _WAITING]
    lines = [
        SourceLine(
            budget_of(lake, source, now),
            tuple(tables),
            tuple(item for item in waiting if item.table in {table.name for table in tables}),
        )
        for source, tables in by_source.items()
    ]
    return SourcesView(tuple(sorted(lines, key=_urgency)), note)


def _urgency(line: SourceLine) -> tuple[bool, bool, str]:
    return not line.budget.rests_until, not line.waiting, line.budget.source


def _contract(name: str) -> Contract | None:
    try:
        return load_contract(name)
    except LakeError:
        return None  # the overview names the contracts that cannot be read


def _fetched(facts: PartitionIndex, contract: Contract) -> FetchedTable:
    """Return the fetches of the newest run's period: a listing of one folder."""
    try:
        runs = [(at, key) for key, (at, _) in facts.runs(contract).items() if Period.find(key)]
        if not runs:
            return FetchedTable(contract.name, "", ())
        period = max(runs)[1]
        fetches = Fetches.below(facts.lake, prefix(contract, Period.parse(period)))
        return FetchedTable(contract.name, period, tuple(fetch_lines(fetches)))
    except LakeError as error:
        return FetchedTable(contract.name, "", (), str(error))

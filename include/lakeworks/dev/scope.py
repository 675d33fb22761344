"""The tables and periods that a dev lake builds: changed tables and the tables that follow from them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lakeworks.branches.document import DevDocument
from lakeworks.branches.overlay import OverlayLedger
from lakeworks.changes.plans import change_plan
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period, period_range
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.pipeline.build_periods import plan
from lakeworks.pipeline.downstream_rebuild import downstream
from lakeworks.status.partition_index import PartitionIndex, PublishedPartition


@dataclass(frozen=True)
class TableWork:
    """One table to build, with the periods of its runs."""

    contract: Contract
    periods: tuple[Period, ...]


@dataclass(frozen=True)
class _Range:
    start: Period | None
    end: Period | None

    def has(self, period: Period) -> bool:
        return not ((self.start and period.end <= self.start.start) or (self.end and period.start >= self.end.end))


def scope_of(lake: Lake, document: DevDocument, contracts: Sequence[Contract]) -> list[TableWork]:
    """Return what a dev lake builds, upstream tables first. `lake` is the live lake.

    Without tables in its document, these are the partitions of other code than the project's (`lakeworks plan`).

    Raises:
        ConfigError: a table has no live partition, and the dev lake has no range.
    """
    span = _Range(*(Period.parse(text) if text else None for text in (document.first, document.last)))
    if document.tables:
        return list(_chosen(lake, document, contracts, span))
    work = []
    for item in change_plan(lake, contracts):
        periods = tuple(period for period in item.periods if span.has(period))
        if periods:
            work.append(TableWork(item.contract, periods))
    return work


def _chosen(lake: Lake, document: DevDocument, contracts: Sequence[Contract], span: _Range) -> Iterator[TableWork]:
    facts = PartitionIndex(lake)
    for contract in _with_following(lake, document.tables, contracts):
        periods = _periods(facts.published(contract), span)
        if not periods and contract.name in document.tables:
            if not (document.first and document.last):
                raise ConfigError(
                    f"`{contract.name}` has nothing published that says which periods to build. Nothing was built. Start the "
                    "dev lake with --from and --to."
                )
            grain = Period.parse(document.first)
            periods = plan(contract, list(period_range(grain, Period.parse(document.last).end)))
        if periods:
            yield TableWork(contract, tuple(periods))


def _with_following(lake: Lake, tables: Iterable[str], contracts: Sequence[Contract]) -> list[Contract]:
    """Return the tables and all that are built from them, each after the tables that it reads."""
    affected = {name for table in tables for name in (table, *downstream(lake, table))}
    return [contract for contract in in_order(lake, contracts) if contract.name in affected]


def in_order(lake: Lake, contracts: Sequence[Contract]) -> list[Contract]:
    """Return tables after the tables that they read."""
    facts, left, ordered = PartitionIndex(lake), {contract.name: contract for contract in contracts}, list[Contract]()
    reads = {name: {source.name for source in facts.upstreams(contract)} - {name} for name, contract in left.items()}
    while left:
        ready = sorted(name for name in left if not reads[name] & left.keys())
        ordered += [left.pop(name) for name in ready or sorted(left)]
    return ordered


def overlay_of(dev: Lake) -> OverlayLedger:
    """Return the ledger of a dev lake, with its own publications apart from the live ones.

    Raises:
        ConfigError: it is no dev lake.
    """
    ledger = dev.ledger
    if not isinstance(ledger, OverlayLedger):
        raise ConfigError("The live lake is no dev lake. Nothing was done.")
    return ledger


def _periods(published: Mapping[Partition, PublishedPartition], span: _Range) -> list[Period]:
    """Return the periods of the runs that published partitions in the range."""
    known = {Period.parse(item.period) for item in published.values() if item.period}
    return sorted((period for period in known if span.has(period)), key=lambda period: (period.start, period.end))

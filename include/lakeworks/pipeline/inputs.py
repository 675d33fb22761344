"""The publications of its upstream tables that a run reads."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakeworks.contract import Contract, InputRule
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Input, readable_records
from lakeworks.pipeline.late_data import AffectedPartitions


@dataclass(frozen=True)
class UpstreamRows:
    """An upstream table, and its publications that a run reads."""

    contract: Contract
    live: Mapping[Partition, LedgerEntry]
    as_found: bool = False

    @property
    def rows(self) -> int:
        """Rows over all publications."""
        return sum(entry.rows for entry in self.live.values())

    def publications(self) -> Iterator[Input]:
        """Yield the publications as a run's record names them."""
        for partition, entry in self.live.items():
            yield Input(
                name=self.contract.name,
                partition=partition.path,
                seq=entry.live_seq,
                content=entry.content,
                as_found=self.as_found,
            )


def source_of(
    lake: Lake, contract: Contract, period: Period, name: TableName, affected: AffectedPartitions | None
) -> UpstreamRows:
    """Return what a run reads of an upstream table; with `affected`, what the rebuilt partitions are made of.

    Raises:
        LakeNotFound: nothing is published for the period, or it has expired. Nothing was staged.
    """
    source = lake.contract(str(name))
    rule = contract.inputs.get(str(name), InputRule())
    live = affected.inputs(lake, source) if affected and not rule.whole else live_input(lake, contract, period, source)
    if not (rule.whole or rule.optional):
        built = affected.periods(source) if affected else [period]
        refuse_expired(lake, contract, source, live, built)
    if not (live or rule.optional or (affected is None and found_nothing(lake, source, period))):
        raise LakeNotFound(
            f"`{contract.name}` {period}: `{name}` has nothing published for it. Nothing was staged. "
            f"Run `{name}` for {period} first; see: lakeworks ledger {name}"
        )
    return UpstreamRows(source, live, rule.as_found)


def live_input(lake: Lake, contract: Contract, period: Period, source: Contract) -> dict[Partition, LedgerEntry]:
    """Return an upstream table's current partitions that a run reads: of its period, of earlier ones too, or all."""
    rule = contract.inputs.get(source.name, InputRule())
    if rule.whole:
        return lake.ledger.live_partitions(source.table)
    if rule.look_back_days:
        return lake.live_between(source, period.start - timedelta(days=rule.look_back_days), period.end)
    return {
        partition: entry
        for read in period.with_earlier(contract.look_back_periods)
        for partition, entry in lake.live(source, read).items()
    }


def found_nothing(lake: Lake, source: Contract, period: Period) -> bool:
    """Return True if the newest run of an upstream table for just this period built no partition.

    A day on which the exchange was closed is no error, and its run builds on. A withdrawn day differs: its run had rows.
    """
    records = readable_records(lake.store, list(lake.ledger.runs(source.table, period)))
    newest = max(records, key=lambda record: record.run.order, default=None)
    return newest is not None and not newest.partitions


def refuse_expired(
    lake: Lake, contract: Contract, source: Contract, live: Collection[Partition], built: Iterable[Period]
) -> None:
    """Refuse to build periods whose upstream partitions have expired: a build from the rest would lose rows.

    Raises:
        LakeNotFound: the message names the first of them; nothing was staged.
    """
    periods = list(built)
    days = lake.lifecycle.retention_of(source).expire_after_days
    if days is None or not periods:
        return
    if min(period.start for period in periods) > datetime.now(UTC) - timedelta(days=days):
        return  # too young to have expired, so its ledger is not listed
    expired = _expired(lake, source, live, periods)
    if expired:
        raise LakeNotFound(
            f"`{contract.name}` {periods[0]}: {len(expired)} input partitions of `{source.name}` expired after "
            f"{days} days, first {expired[0]}. Without them the table would lose rows. Nothing was staged; live "
            f"data is unchanged. Bring them back first: run `{source.name}` for that period, or lakeworks "
            f"rollback {source.name} {expired[0]}"
        )


def _expired(lake: Lake, source: Contract, live: Collection[Partition], periods: Iterable[Period]) -> list[Partition]:
    """Return the expired partitions that lie in the periods. Entries of other periods are not read."""
    numbers = {
        part: taken
        for part, taken in lake.ledger.numbers(source.table).items()
        if part not in live and any(_overlaps(part, period) for period in periods)
    }
    entries = lake.store.map(lambda part: lake.ledger.read(source.table, part, numbers[part][-1]).entry, numbers)
    return sorted(entry.parsed for entry in entries if entry.is_live and entry.kind == "expired")


def _overlaps(partition: Partition, period: Period) -> bool:
    covers = partition.period
    return covers is None or (covers.start < period.end and covers.end > period.start)

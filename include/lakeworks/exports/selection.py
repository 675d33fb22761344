"""The publications to export: a partition, a time range, or those of a past state. Reads use their pinned versions."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeNotFound, PartitionKeyError
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.releases.past_reader import PastChoice, PastReader


@dataclass(frozen=True)
class ExportSelection:
    """The part of a table to export; without any field, all that is live now."""

    partition: str | None = None
    first: str | None = None
    last: str | None = None
    past: PastChoice = field(default_factory=PastChoice)

    def __post_init__(self) -> None:
        if self.partition and (self.first or self.last):
            raise PartitionKeyError("Give a partition, or --from and --to. Nothing was exported.")


def moment_of(text: str) -> datetime:
    """Read a moment (UTC unless it has an offset); a date is the end of its day.

    Raises:
        PartitionKeyError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PartitionKeyError(
            f"`{text}` is no moment. Nothing was exported. Type 2026-01-05 (its end) or 2026-01-05T06:00 (UTC)."
        ) from None
    if len(text) == len("2026-01-05"):
        moment += timedelta(days=1)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def chosen_publications(lake: Lake, contract: Contract, selection: ExportSelection) -> list[LedgerEntry]:
    """Return the publications to read, in the order of their partitions.

    Raises:
        PartitionKeyError: the table has no such partition, or none by time.
        LakeNotFound: nothing of it was live, or the bucket no longer has its versions.
    """
    reader = PastReader.of(lake, [contract], selection.past)
    state = {entry.parsed: entry for entry in reader.entries(lake, contract)} if reader else None
    known = list(state) if state is not None else list(lake.ledger.numbers(contract.table))
    if selection.partition:
        partitions = [contract.parse_partition(selection.partition)]
    else:
        partitions = _in_range(contract, selection, known)
    if state is not None:
        chosen = [state[partition] for partition in partitions if partition in state]
    else:
        # Live partitions are read as of one moment, so a run over several partitions is exported whole or not at all.
        whole = lake.with_whole_runs([contract.table])
        entries = lake.store.map(lambda partition: whole.ledger.live(contract.table, partition), partitions)
        chosen = [entry for entry in entries if entry is not None]
    if not chosen:
        when = f" {reader.label}" if reader else ""
        raise LakeNotFound(
            f"`{contract.name}` has nothing published{when} in this selection. Nothing was exported. Its "
            f"partitions: lakeworks ledger {contract.name}"
        )
    if reader:
        reader.require(lake, chosen)
    return chosen


def _in_range(contract: Contract, selection: ExportSelection, partitions: list[Partition]) -> list[Partition]:
    start = Period.parse(selection.first).start if selection.first else None
    end = Period.parse(selection.last).end if selection.last else None
    if (start or end) and not contract.time_fields:
        raise PartitionKeyError(
            f"`{contract.name}` is not partitioned by time. Nothing was exported. Remove --from and --to."
        )
    if start and end and end <= start:
        raise PartitionKeyError(
            f"--from `{selection.first}` is later than --to `{selection.last}`. Nothing was exported."
        )
    kept = [partition for partition in partitions if _meets(partition.period, start, end)]
    return sorted(kept, key=lambda partition: partition.path)


def _meets(period: Period | None, start: datetime | None, end: datetime | None) -> bool:
    if period is None:
        return start is None and end is None
    return (end is None or period.start < end) and (start is None or period.end > start)

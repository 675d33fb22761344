"""Runs over several partitions: a takeover keeps such a run whole, or none of it.

Readers by ledger see a run as a whole (ledger/run_numbers.py). Here a part of it may be missing, and the table's document of
run numbers may be older than the entries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lakeworks.core.layout import run_numbers_key
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound, LedgerCorrupt
from lakeworks.failover.delivered_entries import Delivered
from lakeworks.failover.delivered_objects import versions_of
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_numbers import REMEMBERED, RunNumbers
from lakeworks.ledger.run_record import RunRecord, load_run_record
from lakeworks.s3.object_store import ObjectStore

ChosenEntries = Mapping[Partition, Delivered | None]


def newest_run_numbers(store: ObjectStore, table: TableName) -> RunNumbers:
    """Return a table's document of run numbers: of all its versions here, the one that was written last."""
    key, documents = run_numbers_key(table), [RunNumbers()]
    for version in versions_of(store, key):
        try:
            documents.append(RunNumbers.read(store.get(key, version)[0], store.uri(key), "is unreadable: {problem}"))
        except (LedgerCorrupt, LakeNotFound):
            continue
    return max(documents, key=lambda numbers: (numbers.epoch, numbers.tickets, numbers.runs))


@dataclass
class DeliveredRuns:
    """The runs of one table. `document` reads what a number of a partition's ledger is here."""

    store: ObjectStore
    runs: RunNumbers
    numbers: Mapping[Partition, list[int]]
    document: Callable[[Partition, int], Delivered]
    _records: dict[str, RunRecord | None] = field(default_factory=dict, init=False)

    def missing(self, entry: LedgerEntry, chosen: ChosenEntries) -> str:
        """Return which part of an entry's run is not here; empty if the run is whole, or has one partition only."""
        if entry.ticket is None:
            return ""
        ticket = self.runs.ticket(entry.ticket)
        if ticket and not ticket.given_up:
            behind = [path for path, seq in ticket.partitions.items() if _seq(chosen, path) < seq]
        elif (ticket and ticket.given_up) or self._is_long_over(entry):
            return ""
        elif record := self._record(entry):
            behind = [item.partition for item in record.partitions if not self._has(entry, record, item.parsed, chosen)]
        else:
            return self._missing_by_count(entry, chosen)
        return f"{_run(entry)}, and its partition {behind[0] or 'of the whole table'} is not here" if behind else ""

    def _is_long_over(self, entry: LedgerEntry) -> bool:
        """Return True for a run before the last twenty: no replication is that late, and its record may be gone."""
        newest = self.runs.newest
        is_full = len(newest) == REMEMBERED
        return is_full and entry.ticket is not None and entry.ticket < min(run.ticket for run in newest)

    def _has(self, entry: LedgerEntry, record: RunRecord, partition: Partition, chosen: ChosenEntries) -> bool:
        """Return True if a partition shows the run's rows, or those of a later publication."""
        shown = chosen.get(partition)
        if shown is None or shown.entry is None:
            return False
        return shown.entry.run.order >= record.run.order or self._is_below(entry, partition, shown)

    def _is_below(self, entry: LedgerEntry, partition: Partition, shown: Delivered) -> bool:
        """Return True if the run's own entry of a partition is the shown one, or an earlier one."""
        for number in reversed([number for number in self.numbers.get(partition, ()) if number <= shown.seq]):
            found = self.document(partition, number).entry
            if found and found.ticket == entry.ticket and found.epoch == entry.epoch:
                return True
        return False

    def _missing_by_count(self, entry: LedgerEntry, chosen: ChosenEntries) -> str:
        """Compare with the number of partitions that the document of run numbers remembers of a closed run."""
        run = next((run for run in self.runs.newest if run.ticket == entry.ticket), None)
        if run is None:
            return f"{_run(entry)}, and neither its record nor its number is here"
        here = sum(
            1 for partition, shown in chosen.items() if shown is not None and self._is_below(entry, partition, shown)
        )
        return f"{_run(entry)}, and {here} of its {run.partitions} partitions are here" if here < run.partitions else ""

    def _record(self, entry: LedgerEntry) -> RunRecord | None:
        if entry.run_record not in self._records:
            try:
                self._records[entry.run_record] = load_run_record(self.store, entry.run_record)
            except (LakeNotFound, LedgerCorrupt):
                self._records[entry.run_record] = None
        return self._records[entry.run_record]


def _seq(chosen: ChosenEntries, path: str) -> int:
    shown = chosen.get(Partition.parse(path))
    return shown.seq if shown else 0


def _run(entry: LedgerEntry) -> str:
    return f"it is of run `{entry.run.id}` over several partitions"

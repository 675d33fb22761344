"""Takeover of one table: the plan becomes ledger, live objects and catalog of this bucket. Each step can be repeated."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from lakeworks.contract import Contract
from lakeworks.core.layout import STAGING, live_prefix
from lakeworks.core.partition import Partition
from lakeworks.errors import LostRace
from lakeworks.failover.beginnings import beginning_of
from lakeworks.failover.delivered_entries import Delivered
from lakeworks.failover.takeover_plan import PartitionChoice, TableChoices
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.epoch import EpochDocument
from lakeworks.ledger.placement import Placement
from lakeworks.ledger.run_numbers import RunNumbers, RunRegister, closed, unseen
from lakeworks.ledger.run_record import Run
from lakeworks.ledger.settlement import Settlement
from lakeworks.maintenance.catalog_difference import CatalogDifference
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.s3.object_store import Target

# The run of an entry that replaces an unreadable one.
_NO_RUN = "failover"


@dataclass(frozen=True)
class TableTakeover:
    """The takeover of one table of one share in an epoch that is being begun."""

    lake: Lake
    contract: Contract
    epoch: EpochDocument
    clock: Callable[[], datetime]

    def carry_out(self, plan: TableChoices) -> list[CatalogDifference]:
        """Make the plan true, and return the differences of the catalog that it could not repair.

        Readers of the plain path see each partition change in one step.

        Raises:
            LostRace: another process changes the same partitions; run the takeover again.
        """
        self.lake.store.map(self._take, plan.partitions)
        for stray in plan.strays:
            with suppress(LostRace):  # a withdrawal has removed it
                self.lake.store.delete_if(stray)
        chosen = {item.partition: item.chosen.seq if item.chosen else 0 for item in plan.partitions}
        beginning_of(self.contract.table, self.epoch.epoch, chosen).save(self.lake.store)
        self._continue_runs(plan)
        return [item for item in compare_catalog(self.lake, self.contract, repair=True, deep=True) if not item.repaired]

    def _take(self, choice: PartitionChoice) -> None:
        """Make one partition's publication live, and the newer ones abandoned."""
        for item in choice.passed:
            if item.standing != "abandoned":
                self._set_aside(item)
        chosen = choice.chosen if choice.chosen and not choice.chosen.is_in_place else None
        if chosen and chosen.entry:
            self._write(chosen, chosen.entry)
        for item in choice.passed:
            if (
                item.standing in ("abandoned", "unfinished") and item.entry
            ):  # its writer may still be alive in this bucket
                self._settlement.refuse_late_requests(item.entry)
        if chosen:
            self._settlement.settle(self.contract.table, chosen.partition)

    def _stop_writer(self, entry: LedgerEntry) -> None:
        """Leave a writer that may still be alive in this bucket nothing to place, and no condition that holds."""
        staged = [item.source_key for item in entry.objects if item.source_key.startswith(f"{STAGING}/")]
        self.lake.store.delete(staged)
        self._settlement.refuse_late_requests(entry)

    def _set_aside(self, item: Delivered) -> None:
        """Abandon a publication that is not whole here. Readers by ledger then see the one below."""
        entry = item.entry or self._unknown(item)
        self._write(item, entry.model_copy(update={"state": "abandoned"}))

    def _write(self, item: Delivered, entry: LedgerEntry) -> None:
        self.lake.store.put(Target(entry.key, if_match=item.etag), entry.model_dump_json(indent=1).encode())

    @property
    def _settlement(self) -> Settlement:
        """Return what repairs objects. It finishes nothing, and the catalog follows after all partitions."""
        return Settlement(self.lake.ledger, Placement(self.lake.ledger), lambda _: None, lambda *_: None)

    def _unknown(self, item: Delivered) -> LedgerEntry:
        """Return an entry for a number whose document cannot be read. Its bytes stay as a version of the key."""
        partition: Partition = item.partition
        return LedgerEntry(
            table=self.contract.name, partition=partition.path, seq=item.seq, live_seq=item.seq, state="abandoned",
            epoch=self.epoch.epoch, run=Run(id=_NO_RUN, started_at=self.epoch.since), period=str(partition.period or ""),
            contract_version="", schema_fingerprint="", content="", objects=(), reserved_at=self.epoch.since,
            location=live_prefix(self.contract.table, partition),
        )  # fmt: skip

    def _continue_runs(self, plan: TableChoices) -> None:
        """Write the table's run numbers for the new epoch: a run is closed if it is whole, and else it was never seen."""
        entries = [item.chosen.entry for item in plan.partitions if item.chosen and item.chosen.entry]
        shown = {entry.ticket for entry in entries if entry.ticket}
        numbers = plan.runs
        for ticket in [item for item in numbers.open if not item.given_up]:
            whole = ticket.number in shown
            numbers = closed(numbers, ticket.number, self.clock()) if whole else unseen(numbers, [ticket.number])
        update = {"epoch": self.epoch.epoch, "tickets": max(numbers.tickets, *shown, 0)}
        if plan.partitions:
            self._save(numbers.model_copy(update=update))

    def _save(self, numbers: RunNumbers) -> None:
        RunRegister(self.lake.store, self.clock).take_over(self.contract.table, numbers)

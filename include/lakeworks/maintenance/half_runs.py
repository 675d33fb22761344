"""Half runs: runs over several partitions that published some of them and then died or lost a race. They have no number.

In each partition of such a run, readers by ledger see what was live before it, until another run publishes there.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeError, LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.run_numbers import RunNumbers, RunRegister, RunTicket
from lakeworks.ledger.run_record import MANIFEST, load_run_record
from lakeworks.maintenance.garbage_collection import GRACE
from lakeworks.pipeline.iceberg_snapshots import snapshots_of
from lakeworks.pipeline.publish_step import publish

log = logging.getLogger(__name__)
RunKind = Literal["half a run", "run without number"]
_BY_HAND = ("rollback", "withdrawal", "expired")


@dataclass(frozen=True)
class OpenRun:
    """A run without a number: its complete and incomplete partitions, and when it published the first one."""

    ticket: RunTicket
    shown: tuple[Partition, ...]
    missing: tuple[Partition, ...]
    begun: datetime | None

    @property
    def is_whole(self) -> bool:
        """Return True if only its number is missing."""
        return not self.missing

    def names(self, detail: str) -> bool:
        """Return True if a detail is about this run."""
        return f"`{self.ticket.run.id}`" in detail

    def detail(self, table: str) -> str:
        """Return what is wrong, what readers see, and what to do."""
        ticket = self.ticket
        if self.is_whole:
            return f"all of run `{ticket.run.id}` ({ticket.period}) is live, but it has no number: readers by ledger miss it"
        seen = "each partition as it is" if ticket.given_up else "what was live before it"
        return (
            f"run `{ticket.run.id}` ({ticket.period}) published {len(ticket.partitions) - len(self.missing)} of "
            f"{len(ticket.partitions)} partitions, {self.missing[0]} not: readers by ledger see {seen}, other readers see half "
            f"of it. Run {table} {ticket.period} again, or roll back what it published: lakeworks rollback {table} "
            f"{self.shown[0] if self.shown else self.missing[0]}"
        )


@dataclass(frozen=True)
class _Look:
    """One look at a table's open runs and its ledger."""

    lake: Lake
    contract: Contract
    runs: RunNumbers
    numbers: Mapping[Partition, list[int]]

    def open_run(self, ticket: RunTicket) -> OpenRun | None:
        """Return an open run; None if no reader sees any of it, now or once it is closed."""
        shown, missing, begun = [], [], None
        for path, seq in ticket.partitions.items():
            partition = Partition.parse(path)
            own = self._own(ticket, partition, seq)
            newer = self._newer(ticket, partition, seq)
            if own is not None and begun is None:
                begun = next((item.modified for item in self.lake.store.scan(own.key)), None)
            if newer is None and own is not None and own.is_live:
                shown.append(partition)
            elif newer is None or not _replaces(newer, ticket):
                missing.append(partition)
        is_over = not shown and all(
            self._is_taken(ticket, Partition.parse(path), seq) for path, seq in ticket.partitions.items()
        )
        return None if is_over else OpenRun(ticket, tuple(shown), tuple(missing), begun)

    def _own(self, ticket: RunTicket, partition: Partition, seq: int) -> LedgerEntry | None:
        if seq not in self.numbers.get(partition, ()):
            return None
        try:
            entry = self.lake.ledger.read(self.contract.table, partition, seq).entry
        except LedgerCorrupt:  # reported as a separate finding
            return None
        return entry if entry.ticket == ticket.number else None

    def _newer(self, ticket: RunTicket, partition: Partition, seq: int) -> LedgerEntry | None:
        """Return what readers by ledger see instead of the run's publication, if others published since."""
        after = [number for number in self.numbers.get(partition, ()) if number >= seq]
        try:
            stored = Ledger(self.lake.store, {self.contract.table: self.runs}).newest(
                self.contract.table, partition, after
            )
        except LedgerCorrupt:
            return None
        return stored.entry if stored and stored.entry.ticket != ticket.number else None

    def _is_taken(self, ticket: RunTicket, partition: Partition, seq: int) -> bool:
        """Return True if the run can no longer publish there, or its publication was replaced."""
        own, numbers = self._own(ticket, partition, seq), self.numbers.get(partition, [0])
        if own is None:
            return numbers[-1] >= seq
        return own.state == "abandoned" or self._newer(ticket, partition, seq) is not None


def _replaces(newer: LedgerEntry, ticket: RunTicket) -> bool:
    """Return True if a publication comes after the run: from a later run, or a person's command."""
    return newer.kind in _BY_HAND or newer.run.order >= ticket.run.order


def open_runs(lake: Lake, contract: Contract) -> Iterator[OpenRun | RunTicket]:
    """Yield a table's runs without a number; for a run that no reader will ever see, its ticket alone."""
    runs = RunRegister(lake.store).read(contract.table)
    if not runs.open:
        return
    look = _Look(lake, contract, runs, lake.ledger.numbers(contract.table))
    for ticket in runs.open:
        yield look.open_run(ticket) or ticket


def visible_runs(lake: Lake, contract: Contract, patience: timedelta) -> list[OpenRun]:
    """Return runs without a number that other readers see in part, begun at least `patience` ago by S3's clock."""
    visible = [item for item in open_runs(lake, contract) if isinstance(item, OpenRun) and item.shown and item.begun]
    before = lake.store.now() - patience if visible else None
    return [item for item in visible if before and item.begun and item.begun <= before]


def run_findings(
    lake: Lake, contract: Contract, patience: timedelta
) -> Iterator[tuple[RunKind | Literal["ledger unreadable"], Partition, str]]:
    """Yield a finding for each half run, each run without a number yet, and each unreadable document."""
    try:
        visible = visible_runs(lake, contract, patience)
    except LedgerCorrupt as error:
        yield "ledger unreadable", Partition(), str(error)
        return
    for run in visible:
        kind: RunKind = "run without number" if run.is_whole else "half a run"
        yield kind, (run.missing or run.shown)[0], run.detail(contract.name)


def finish_runs(lake: Lake, contract: Contract, patience: timedelta) -> list[OpenRun]:
    """Give whole runs their number, publish the rest of runs whose staged files exist, and return those still half.

    A half run is given up shortly before the bucket deletes the earlier versions. Readers then see it as it is.
    """
    register, table = RunRegister(lake.store), contract.table
    for run in visible_runs(lake, contract, patience):
        if not run.is_whole and not run.ticket.given_up:
            _publish_rest(lake, run)
    left = []
    for open_run in open_runs(lake, contract):
        if isinstance(open_run, RunTicket):
            register.drop(table, open_run.number)
        elif open_run.is_whole:
            register.close(table, open_run.ticket.number)
            _show(lake, contract, open_run.ticket)
        elif open_run.begun is not None and open_run.begun <= (now := lake.store.now()) - patience:
            if open_run.shown:
                left.append(open_run)
            elif open_run.begun <= now - GRACE:  # replaced, withdrawn or rolled back, and its process is dead by now
                register.drop(table, open_run.ticket.number)
            if open_run.shown and not open_run.ticket.given_up and open_run.begun <= now - _held_for(lake):
                register.give_up(table, open_run.ticket.number)
                _show(lake, contract, open_run.ticket)
    return left


def _show(lake: Lake, contract: Contract, ticket: RunTicket) -> None:
    """Show a run's partitions to readers of Iceberg, now that readers by ledger see them."""
    if snapshots := snapshots_of(lake, contract):
        snapshots.show_partitions([Partition.parse(path) for path in ticket.partitions], f"publish {ticket.run.id}")


def _held_for(lake: Lake) -> timedelta:
    """Return how long a half run stays hidden: a little less than the bucket keeps the earlier versions."""
    days = lake.lifecycle.rollback_days
    return timedelta(days=max(days - 2, days / 2))


def _publish_rest(lake: Lake, run: OpenRun) -> None:
    """Publish the partitions that a dead process staged but did not publish. Keep those that a newer run replaced."""
    try:
        manifest = load_run_record(lake.store, f"{run.ticket.staging}{MANIFEST}")
        staged = {item.key for item in lake.store.scan(run.ticket.staging)}
        missing = [item for item in manifest.partitions if item.parsed in run.missing]
        is_there = all(each.key in staged for item in missing for each in item.objects)
        if is_there and manifest.touched is None:  # otherwise its inputs may have changed: a run has to rebuild it
            publish(lake, manifest.key)
    except LakeError as error:
        log.warning("Run `%s` stays half: %s", run.ticket.run.id, error)

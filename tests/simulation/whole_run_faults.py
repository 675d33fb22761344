"""Planted faults of runs over several partitions: each takes a cure out, and the reader of whole runs must find it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lakeworks.ledger import publisher, run_numbers
from lakeworks.ledger.decision import Decision, ticketed
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_numbers import HeldTicket, RunNumbers, RunRegister
from lakeworks.maintenance import crash_recovery, verification
from lakeworks.maintenance.garbage import staging, versions
from lakeworks.s3.object_store import Target
from tests.simulation.faults import Fault, Swap, _no, _of


def _no_ticket(_: Any, ready: Sequence[Decision], __: Any) -> tuple[Sequence[Decision], None]:
    return ready, None


def _closed_at_once(
    runs: RunRegister, ready: Sequence[Decision], on_step: Any
) -> tuple[Sequence[Decision], HeldTicket | None]:
    ready, held = ticketed(runs, ready, on_step)
    if held:
        runs.complete(_table(ready[0].entry), held)
    return ready, None


def _table(entry: LedgerEntry) -> Any:
    return publisher.TableName.parse(entry.table)


def _anything(key: str, **_: Any) -> Target:
    return Target(key)


def _decided_visibly(self: Publisher, wanted: LedgerEntry, *taken: Any) -> Decision:
    decided = _DECIDE(self, wanted, *taken)
    if wanted.kind != "compaction":
        return decided
    return replace(decided, entry=decided.entry.model_copy(update={"ticket": None}))


def _numbers_last(self: Ledger, table: Any, partition: Any, numbers: Any = None) -> Any:
    """Read the entry first, and ask afterwards whether its run is whole."""
    if table not in self.run_numbers:
        return _NEWEST(self, table, partition, numbers)
    stored = _NEWEST(Ledger(self.store), table, partition, numbers)
    late = RunRegister(self.store).read(table)
    if stored is None or not late.hides(stored.entry):
        return stored
    return _NEWEST(Ledger(self.store, {table: late}), table, partition, numbers)


def _nothing_left(*_: Any) -> list[Any]:
    return []


_DECIDE, _NEWEST = Publisher._decide, Ledger.newest

WHOLE_RUN_FAULTS = {
    "run_without_ticket": Fault("run", "a run over several partitions takes no ticket", _of(publisher, "ticketed", _no_ticket)),
    "number_too_soon": Fault("run", "a run has its number before its last partition is complete", _of(publisher, "ticketed", _closed_at_once)),
    "tickets_ignored": Fault("run", "a reader does not leave out entries of open tickets", _of(RunNumbers, "hides", _no)),
    "numbers_read_last": Fault("run", "a reader reads the entries before the run numbers", _of(Ledger, "newest", _numbers_last)),
    "confirmed_in_part": Fault("run", "confirming what is hidden takes no ticket", _of(RunNumbers, "holds", _no)),
    "compacted_into_sight": Fault("run", "a compaction shows what a half run hides", _of(Publisher, "_decide", _decided_visibly)),
    "number_anyway": Fault("run", "tickets and numbers are taken without compare-and-swap", _of(run_numbers, "Target", _anything)),
    "collect_open_view": Fault(
        "run", "garbage collection does not ask what a half run hides",
        lambda: tuple(Swap(module, "run_numbers", lambda *_: RunNumbers()) for module in (staging, versions)),
    ),
    "half_runs_forgotten": Fault(
        "run", "nothing finishes or gives up half runs",
        lambda: (Swap(crash_recovery, "finish_runs", _nothing_left), Swap(verification, "finish_runs", _nothing_left)),
    ),
}  # fmt: skip
WHOLE_RUN_FAULTS = {name: replace(fault, about="runs") for name, fault in WHOLE_RUN_FAULTS.items()}

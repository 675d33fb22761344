"""The end of a promotion that took numbers and was then refused: all of a table's run becomes live, or nothing of it."""

from collections.abc import Iterator, Sequence

from lakeworks.contract import Contract
from lakeworks.dev.promotable import Promotable
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.joint_reservation import is_joint
from lakeworks.ledger.run_numbers import RunRegister
from lakeworks.pipeline.registration import publisher_of


def end_refused(pending: Promotable, run: str) -> None:
    """End what an earlier attempt of a promotion began, so that no process is left to do it.

    If the attempt has the numbers of all partitions, the run is completed: other runs published after it. Otherwise it is given
    up. For several partitions the run's ticket decides, so a living attempt agrees.

    Raises:
        LostRace: another process is completing one of them; repeat the promotion.
    """
    if not run:
        return
    for table, entries in pending.entries.items():
        for group in by_kind(list(entries.values())):
            _end_group(pending.lake, pending.lake.contract(table), group, run)


def by_kind(entries: Sequence[LedgerEntry]) -> Iterator[list[LedgerEntry]]:
    """Yield partitions with rows, which readers see as one run, then withdrawn ones."""
    for group in ([entry for entry in entries if entry.objects], [entry for entry in entries if not entry.objects]):
        if group:
            yield group


def _end_group(lake: Lake, contract: Contract, group: Sequence[LedgerEntry], run: str) -> None:
    table, publisher = contract.table, publisher_of(lake, contract)
    taken = {
        entry.parsed: any(own.run.id == run for own in lake.ledger.newest_first(table, entry.parsed)) for entry in group
    }
    for partition in (partition for partition, is_taken in taken.items() if is_taken):
        stored = lake.ledger.latest(table, partition)
        if stored is None or stored.entry.state != "publishing" or stored.entry.run.id != run:
            continue
        if is_joint(stored.entry) or all(taken.values()):
            publisher.recover(table, partition)
        else:
            publisher.give_up(stored)
    register = RunRegister(lake.store)
    for ticket in register.read(table).open:
        if ticket.run.id == run and register.is_confirmed(table, ticket.number):
            register.close(table, ticket.number)

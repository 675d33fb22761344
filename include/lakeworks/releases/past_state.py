"""The publications that were live at a moment, or when a run had published its partitions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from lakeworks.contract import Contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_numbers import RunRegister

History = Mapping[Partition, Sequence[LedgerEntry]]


def live_at(lake: Lake, contract: Contract, moment: datetime) -> list[LedgerEntry]:
    """Return the publications that readers by ledger saw at a moment, in the order of their partitions.

    A run over several partitions counts from its last one, because readers saw none of it before.
    """
    history = _histories(lake, contract.table)
    closed = _closings(lake, contract.table, history)
    entries = (_newest(each, closed, moment) for _, each in sorted(history.items(), key=lambda item: item[0].path))
    return [entry for entry in entries if entry is not None and entry.objects]


def moment_of_run(lake: Lake, contracts: Iterable[Contract], run: str) -> datetime:
    """Return the moment at which a run had published or confirmed its last partition of these tables.

    Raises:
        LakeNotFound: the run published nothing in them.
    """
    names, moments = [], list[datetime]()
    for contract in contracts:
        names.append(contract.name)
        history = _histories(lake, contract.table)
        closed = _closings(lake, contract.table, history)
        for entry in (each for entries in history.values() for each in entries):
            if entry.is_live and entry.run.id == run and (since := _since(entry, closed)):
                moments.append(max(since, _ended(entry)))
    if not moments:
        raise LakeNotFound(
            f"Run `{run}` published nothing in {', '.join(names)} that readers see. Nothing was read. The runs of a partition: "
            f"lakeworks ledger {names[0] if names else '<table>'} <partition>"
        )
    return max(moments)


def _histories(lake: Lake, table: TableName) -> History:
    partitions = list(lake.ledger.numbers(table))
    histories = lake.store.map(lambda partition: lake.ledger.history(table, partition), partitions)
    return dict(zip(partitions, histories, strict=True))


def _closings(lake: Lake, table: TableName, history: History) -> dict[int, datetime | None]:
    """Return when each run over several partitions became visible, by its ticket; None for a run that is not complete."""
    ticketed = [entry for entries in history.values() for entry in entries if entry.ticket and entry.is_live]
    if not ticketed:
        return {}
    runs = RunRegister(lake.store).read(table)
    closed: dict[int, datetime | None] = dict.fromkeys(runs.unseen)
    known = {run.ticket: run.closed_at for run in runs.newest if run.closed_at}
    for entry in ticketed:
        ticket = int(entry.ticket or 0)
        if runs.hides(entry):
            closed[ticket] = None
        elif ticket in runs.unseen or entry.kind == "compaction":
            continue  # a compaction keeps the ticket of the run whose rows it rewrites
        else:  # the document remembers the last runs; of earlier ones, the last publication gives the time
            closed[ticket] = known.get(ticket) or max(closed.get(ticket) or _began(entry), _began(entry))
    return closed


def _newest(
    entries: Sequence[LedgerEntry], closed: Mapping[int, datetime | None], moment: datetime
) -> LedgerEntry | None:
    for entry in reversed(entries):
        since = _since(entry, closed) if entry.is_live else None
        if since is not None and since <= moment:
            return entry
    return None


def _since(entry: LedgerEntry, closed: Mapping[int, datetime | None]) -> datetime | None:
    """Return when readers first saw an entry; None if its run was never visible as a whole."""
    if entry.ticket is None:
        return _began(entry)
    closing = closed.get(entry.ticket, _began(entry))
    return closing and max(closing, _began(entry))


def _began(entry: LedgerEntry) -> datetime:
    return entry.published_at or entry.reserved_at


def _ended(entry: LedgerEntry) -> datetime:
    """Return when the run of an entry published it, or found the same rows and confirmed them."""
    return (entry.confirmed_at if entry.state == "unchanged" else None) or _began(entry)

"""Withdrawal: publish an empty partition, so that it leaves catalog and live path. A rollback restores it."""

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.registration import publisher_of
from lakeworks.publications.rollbacks import done_by, require_live


def plan_withdrawal(lake: Lake, contract: Contract, partition: Partition) -> LedgerEntry:
    """Return the live publication that a withdrawal would take from readers. Changes nothing.

    Raises:
        LakeNotFound: nothing is live there.
    """
    live = lake.ledger.live(contract.table, partition)
    if live is None:
        raise LakeNotFound(
            f"`{contract.name}` {partition} is not live, so there is nothing to withdraw. Nothing was changed. "
            f"Live partitions: lakeworks ledger {contract.name}"
        )
    return live


def withdraw(
    lake: Lake, contract: Contract, partition: Partition, *, seen: int | None = None, by: str = ""
) -> LedgerEntry:
    """Withdraw a live partition: first from the catalog, then from the live path. Its object versions stay.

    `seen` and `by` as in `rollback`.

    Raises:
        LakeNotFound: nothing is live there; nothing was changed.
        FencedError: another publication than `seen` is live; nothing was changed.
    """
    publisher = publisher_of(lake, contract)
    publisher.recover(contract.table, partition)  # complete older unfinished publications before this withdrawal
    if by and (done := done_by(lake, contract, partition, by)):
        return done
    live = plan_withdrawal(lake, contract, partition)
    require_live(live, seen)
    nothing = {
        "kind": "withdrawal",
        "objects": (),
        "content": "",
        "staging": "",
        "run_record": "",
        "audit": None,
        "approval": None,
        "based_on": None,  # the contract of the withdrawn build or compaction; this publication builds nothing
        "run": Run.by_hand("withdraw", live.run, by),
    }
    done = publisher.publish([live.model_copy(update=nothing)])[0]
    lake.lineage.restated(contract, done, live)
    return done

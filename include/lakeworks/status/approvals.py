"""Partitions whose audited rows wait for a person's approval, from the ledger's requests."""

from collections.abc import Mapping

from lakeworks.contract import Contract
from lakeworks.core.clock import utc_now
from lakeworks.core.partition import Partition
from lakeworks.lake import Lake
from lakeworks.ledger.approvals import ApprovalRegister


def waiting_partitions(lake: Lake, contract: Contract) -> Mapping[Partition, str]:
    """Return why partitions wait. A table without `approval` costs no request.

    A partition that is not published yet is also found under its time alone, as the calendar names it.
    """
    if contract.approval is None:
        return {}
    now, waiting, slots = utc_now(), dict[Partition, str](), dict[Partition, str]()
    for request in ApprovalRegister(lake.store).of_table(contract.table):
        if request.waits(now):
            why = f"{'; '.join(request.judged.reasons)}. Answer: lakeworks approvals list {contract.name}"
            waiting |= dict.fromkeys(request.partitions, why)
            slots |= {Partition.of_period(slot): why for part in request.partitions if (slot := part.period)}
    return slots | waiting

"""Roll-forward: complete every publication that a dead writer began, before garbage collection runs."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeError, LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.maintenance.half_runs import finish_runs
from lakeworks.pipeline.registration import publisher_of

log = logging.getLogger(__name__)
# A run that began to publish more recently may still be running.
_PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class RolledForward:
    """Partitions of a table whose newest publication was unfinished, by outcome, and the runs that stay half done."""

    completed: tuple[Partition, ...] = ()
    abandoned: tuple[Partition, ...] = ()
    failed: tuple[str, ...] = ()
    half: tuple[str, ...] = ()


def roll_forward(lake: Lake, contract: Contract) -> RolledForward:
    """Complete every unfinished publication of a table. It is safe beside a living writer, which takes the same steps.

    A killed run over many partitions becomes live as a whole and gets its number, if its staged files still exist. A run that
    began less than an hour ago is left to its process. A partition that cannot be completed does not stop the others.
    """
    numbers = lake.ledger.numbers(contract.table)
    outcomes = lake.store.map(lambda item: _complete(lake, contract, item[0], item[1][-1]), numbers.items())
    outcomes_by_partition = dict(zip(numbers, outcomes, strict=True))
    try:
        half = finish_runs(lake, contract, _PATIENCE)
    except LedgerCorrupt as error:  # verify names it
        log.warning("`%s`: its runs have no numbers. %s", contract.name, error)
        half = []
    return RolledForward(
        half=tuple(run.detail(contract.name) for run in half),
        completed=tuple(partition for partition, outcome in outcomes_by_partition.items() if outcome == "completed"),
        abandoned=tuple(partition for partition, outcome in outcomes_by_partition.items() if outcome == "abandoned"),
        failed=tuple(
            f"{partition}: {outcome}"
            for partition, outcome in outcomes_by_partition.items()
            if outcome not in _EXPECTED
        ),
    )


_EXPECTED = ("", "completed", "abandoned")


def _complete(lake: Lake, contract: Contract, partition: Partition, newest: int) -> str:
    """Return the outcome for one partition's newest publication; empty if it was complete before."""
    try:
        if lake.ledger.read(contract.table, partition, newest).entry.state != "publishing":
            return ""
        publisher_of(lake, contract).recover(contract.table, partition)
        state = lake.ledger.read(contract.table, partition, newest).entry.state
    except LakeError as error:
        log.warning("`%s` %s was not rolled forward: %s", contract.name, partition, error)
        return str(error)
    return {"published": "completed", "unchanged": "completed"}.get(state, str(state))

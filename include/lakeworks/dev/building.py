"""Building of a dev lake: write, audit and publish in the dev lake, table by table. What is built already is left alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lakeworks.branches.document import DevDocument
from lakeworks.branches.overlay import LAST_OF_PARENT
from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.dev.scope import TableWork, overlay_of, scope_of
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.transform.fingerprints import code_fingerprint


@dataclass(frozen=True)
class BuiltPeriod:
    """One period of one table in a dev lake: built now, or built before by the same code from the same inputs."""

    table: str
    period: str
    outcome: str
    rows: int
    partitions: int
    seconds: float


def build(
    lake: Lake,
    document: DevDocument,
    contracts: Sequence[Contract],
    on_begin: Callable[[TableWork, Period], object] = lambda *_: None,
) -> Iterator[BuiltPeriod]:
    """Build the dev lake's tables and yield each period. A killed build continues where it stopped.

    Raises:
        ConfigError: there is nothing to build.
        LakeError: whatever the steps raise. What was built stays in the dev lake; the live lake is unchanged.
    """
    work = scope_of(lake, document, contracts)
    if not work:
        raise ConfigError(
            f"Dev lake `{document.name}` has nothing to build: the project's code is the code that published every partition "
            f"in its range. Nothing was built. Name tables at its start: lakeworks dev start {document.name} --tables …"
        )
    dev = lake.over(document)
    for table in work:
        facts = PartitionIndex(dev)
        for period in table.periods:
            on_begin(table, period)
            yield _built_before(facts, table.contract, period) or _build(dev, document, table.contract, period)


def _build(dev: Lake, document: DevDocument, contract: Contract, period: Period) -> BuiltPeriod:
    now = datetime.now(UTC)
    run = Run(id=f"dev-{document.name}__{now:%Y%m%dT%H%M%S.%f}", started_at=now)
    record = rebuild(dev, contract.name, period, run)
    return BuiltPeriod(
        contract.name,
        str(period),
        "built",
        record.balance.staged,
        len(record.partitions),
        round(sum(record.seconds.values()), 1),
    )


def _built_before(facts: PartitionIndex, contract: Contract, period: Period) -> BuiltPeriod | None:
    """Return a period that the dev lake built by the present code from its present inputs."""
    code = code_fingerprint(contract, facts.lake.contract)
    own = [
        item
        for item in facts.published(contract).values()
        if item.period == str(period) and item.publication > LAST_OF_PARENT
    ]
    inputs = facts.fingerprint(contract, period)
    if (
        not own
        or _moved_on(facts, contract, period)
        or not all(item.finished and code.made(item.code) and item.inputs == inputs for item in own)
    ):
        return None
    return BuiltPeriod(contract.name, str(period), "as before", sum(item.rows or 0 for item in own), len(own), 0.0)


def _moved_on(facts: PartitionIndex, contract: Contract, period: Period) -> bool:
    """Return True if the live lake has published since the dev lake built a partition of the period."""
    ledger = overlay_of(facts.lake)
    for partition, numbers in ledger.own(contract.table).items():
        newest, below = ledger.newest(contract.table, partition, numbers), ledger.below(contract.table, partition)
        moved = newest and newest.entry.base != (below.live_seq if below else 0)
        if newest and moved and newest.entry.period == str(period):
            return True
    return False

"""Which stretches of time runs of a table have covered: what other tables wait for, and what is announced to them.

A covered day may have no rows and no partition: that a run was there is told by its record in the ledger.
"""

from collections.abc import Iterable

from lakeworks.contract import Contract
from lakeworks.partition import Period
from lakeworks.pipeline.facts import grain_of
from lakeworks.pipeline.lake import Lake
from lakeworks.storage.manifest import Manifest


def covered_slots(contract: Contract, record: Manifest) -> set[Period]:
    """The slots of a table that a published run covered, in the table's own grain.

    Every slot of the run's period, with rows or without, and those it re-opened elsewhere. A table that time does not cut is
    covered by the period itself.
    """
    grain = grain_of(contract)
    if grain is None:
        return {record.parsed_period}
    found = {item.parsed.period for item in record.partitions} - {None}
    return set(record.parsed_period.split(grain)) | {slot for slot in found if slot is not None}


def announced_keys(contract: Contract, records: Iterable[Manifest]) -> list[str]:
    """The partition keys that consumers of a table are told of after its runs, in order."""
    return sorted({str(slot) for record in records for slot in covered_slots(contract, record)})


def uncovered(lake: Lake, contract: Contract, period: Period) -> list[Period]:
    """The slots inside a period that no run of the table was at, in order; a table time does not cut needs one run, whenever.

    A partition that a run of another period re-opened does not count: its own period's data may still be to come.
    """
    grain = grain_of(contract)
    if grain is None:
        return [] if any(lake.ledger.runs(contract.table)) else [period]
    month = Period.containing(period.start, "month")  # a run of a coarser period covers a finer one too
    ran = {key.rpartition("/_runs/")[2].partition("/")[0] for key in lake.ledger.runs(contract.table, month)}
    covered = {slot for key in ran for slot in Period.parse(key).split(grain)}
    return [slot for slot in period.split(grain) if slot not in covered]

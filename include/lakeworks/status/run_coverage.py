"""Periods covered by the runs of a table: other tables wait for them, and runs announce them.

A covered day may have no rows and no partition: that a run was there is recorded by its record in the ledger.
"""

import logging
from collections.abc import Iterable
from datetime import datetime

from lakeworks.contract import Contract
from lakeworks.core.partition import GRAINS, Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RunRecord

log = logging.getLogger(__name__)
# Airflow writes every announcement while the task waits, in one request that its client gives up after 5 s (docs/adr/0013).
MOST_ANNOUNCED = 100


def covered_slots(contract: Contract, record: RunRecord) -> set[Period]:
    """The slots of a table that a published run covered, in the table's own grain.

    Every slot of the run's period, with rows or without, and those it re-opened elsewhere. A table that time does not cut is
    covered by the period itself.
    """
    grain = contract.time_grain
    if grain is None:
        return {record.parsed_period}
    found = {item.parsed.period for item in record.partitions} - {None}
    return set(record.parsed_period.split(grain)) | {slot for slot in found if slot is not None}


def announced_keys(contract: Contract, records: Iterable[RunRecord], most: int = MOST_ANNOUNCED) -> list[str]:
    """The partition keys that consumers of a table are notified of after its runs, in order: months or days, never hours.

    Where that were more than `most` days, the first of each month speaks for the others: every roll-up still hears of it.
    """
    slots = {slot for record in records for slot in covered_slots(contract, record)}
    keys = sorted({str(Period.containing(slot.start, min(slot.grain, "day", key=GRAINS.index))) for slot in slots})
    if len(keys) <= most:
        return keys
    first = {key[:7]: key for key in reversed(keys)}
    log.warning(
        "%s: %d days were run; consumers are notified of the first of each of %d months. A consumer that follows day by "
        "day has to be run over the same range.", contract.name, len(keys), len(first),
    )  # fmt: skip
    return sorted(first.values())


def covered_by(records: Iterable[tuple[Period, datetime]], grain: str) -> set[Period]:
    """The slots that recorded runs (`Ledger.recorded`) covered: those of their periods that were over when they were written.

    A run over a month that is not over covers the days until then; what came later it cannot have seen.
    """
    latest: dict[Period, datetime] = {}
    for ran, at in records:
        latest[ran] = max(at, latest.get(ran, at))
    return {slot for ran, at in latest.items() for slot in ran.split(grain) if slot.end <= at}


def uncovered(lake: Lake, contract: Contract, period: Period) -> list[Period]:
    """The slots inside a period that no run of the table was at, in order; a table time does not cut needs one run, whenever.

    What counts is recorded by `covered_by`. A partition that a run of another period re-opened does not count: its own period's
    data may still be to come.
    """
    grain = contract.time_grain
    if grain is None:
        return [] if any(lake.ledger.runs(contract.table)) else [period]
    month = Period.containing(period.start, "month")  # a run of a coarser period covers a finer one too
    covered = covered_by(lake.ledger.recorded(contract.table, month), grain)
    return [slot for slot in period.split(grain) if slot not in covered]

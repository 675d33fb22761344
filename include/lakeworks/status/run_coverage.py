"""Run coverage: the periods covered by a table's runs. Other tables wait for them, and runs announce them.

A day is covered if a run record exists for it, even if the run produced no rows.
"""

import logging
from collections.abc import Iterable
from datetime import datetime

from lakeworks.contract import Contract
from lakeworks.core.partition import GRAINS, Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RunRecord

log = logging.getLogger(__name__)
# Airflow writes all announcements in one request while the task waits. Its client times out after 5 s (docs/adr/0013).
MOST_ANNOUNCED = 100


def covered_slots(contract: Contract, record: RunRecord) -> set[Period]:
    """Return the periods of a table that a published run covered, in the table's own grain.

    They are all periods inside the run's period, with rows or without, and those it rebuilt elsewhere. A table without time
    partitions is covered by the run's period itself.
    """
    grain = contract.time_grain
    if grain is None:
        return {record.parsed_period}
    covered = {item.parsed.period for item in record.partitions} - {None}
    return set(record.parsed_period.split(grain)) | {slot for slot in covered if slot is not None}


def announced_keys(contract: Contract, records: Iterable[RunRecord], most: int = MOST_ANNOUNCED) -> list[str]:
    """Return the partition keys to announce to a table's consumers after a run, in order: months or days, never hours.

    Above `most` days only the first day of each month is announced. Every monthly table is still notified.
    """
    slots = {slot for record in records for slot in covered_slots(contract, record)}
    keys = sorted({str(Period.containing(slot.start, min(slot.grain, "day", key=GRAINS.index))) for slot in slots})
    if len(keys) <= most:
        return keys
    first = {key[:7]: key for key in reversed(keys)}
    log.warning(

"%s: %d days were run; consumers are notified of the first of each of %d months. Run consumers that "
"follow day by day over the same range.", contract.name, len(keys), len(first),
    )  # fmt: skip
    return sorted(first.values())


def covered_by(records: Iterable[tuple[Period, datetime]], grain: str) -> set[Period]:
    """Return the periods covered by recorded runs (`Ledger.recorded`): those that were over when the record was written.

    A run over an unfinished month covers the days until then, because it cannot have read later data.
    """
    latest: dict[Period, datetime] = {}
    for ran, at in records:
        latest[ran] = max(at, latest.get(ran, at))
    return {slot for ran, at in latest.items() for slot in ran.split(grain) if slot.end <= at}


def uncovered(lake: Lake, contract: Contract, period: Period) -> list[Period]:
    """Return the periods inside a period that no run covered, in order. A table without time partitions needs any one run.

    `covered_by` decides what counts. A partition that a run of another period rebuilt does not count, because data of its own
    period may still arrive.
    """
    grain = contract.time_grain
    if grain is None:
        return [] if any(lake.ledger.runs(contract.table)) else [period]
    month = Period.containing(period.start, "month")  # a run of a coarser period covers a finer one too
    covered = covered_by(lake.ledger.recorded(contract.table, month), grain)
    return [slot for slot in period.split(grain) if slot not in covered]

"""Quarantined rows by partition: read from the records of runs that built several partitions."""

from collections.abc import Mapping

from lakeworks.contract import Contract
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import readable_records

# A record costs a request. Beyond these newest runs every partition of a run is marked that quarantined a row.
MOST_READ = 500


def quarantined_in(
    lake: Lake, contract: Contract, attempts: Mapping[str, str], most: int = MOST_READ
) -> dict[str, Mapping[str, int] | None]:
    """Return the quarantined rows by partition path for each of these runs (period and attempt).

    None where the record does not say it, cannot be read, or is not among the newest.
    A run that owns one partition is not read: all of its rows belong there.
    """
    found: dict[str, Mapping[str, int] | None] = dict.fromkeys(attempts)
    periods = {text: period for text in attempts if (period := Period.find(text))}
    several = [text for text, period in periods.items() if _owns_several(contract, period)]
    newest = sorted(several, key=lambda text: periods[text].start, reverse=True)[:most]
    keys = [run_key(contract.table, periods[text], attempts[text]) for text in newest]
    return found | {record.period: record.quarantined_in for record in readable_records(lake.store, keys)}


def _owns_several(contract: Contract, period: Period) -> bool:
    """Return whether a run of the period may build more than one partition."""
    return bool(contract.identity_columns or contract.late_data or period.grain != contract.time_grain)

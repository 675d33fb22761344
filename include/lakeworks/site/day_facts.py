"""A domain's day: each table's partitions, row balances, audits and quarantined rows, the verdict first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError, LakeError, LakeNotFound, LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import RunRecord, load_run_record
from lakeworks.quality.rules import row_rules
from lakeworks.site.pages import render_day
from lakeworks.status.expected_partitions import PeriodRange
from lakeworks.status.matrix import MEANINGS, Matrix
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.table_status import status

_FINE = ("published", "empty", "expired", "running")


@dataclass(frozen=True)
class DayOfTable:
    """One table on that day. `fault` says why it cannot be read."""

    contract: Contract
    matrix: Matrix
    entries: tuple[LedgerEntry, ...] = ()
    records: tuple[RunRecord, ...] = ()
    fault: str = ""

    @property
    def concerns(self) -> list[str]:
        """Return what a person should look at, in words."""
        lines = [
            f"{count:,} {state}: {MEANINGS[state]}" for state, count in self.matrix.counts.items() if state not in _FINE
        ]
        return [*([self.fault] if self.fault else []), *lines]

    @property
    def broken(self) -> list[tuple[str, int, str]]:
        """Return broken rules with the rows of the day's runs, and their reasons."""
        reasons = {rule.name: rule.reason for rule in row_rules(self.contract)}
        rows: dict[str, int] = {}
        for record in self.records:
            for rule, count in record.balance.broken.items():
                rows[rule] = rows.get(rule, 0) + count
        return [(rule, count, reasons.get(rule, "")) for rule, count in sorted(rows.items(), key=lambda item: -item[1])]

    @property
    def warnings(self) -> int:
        """Return the warnings of the audits."""
        return sum((record.audit or {}).get("warnings", 0) for record in self.records)


def tables_of(domain: str) -> list[str]:
    """Return the tables of a domain.

    Raises:
        ConfigError: no table has that domain.
    """
    names = [name for name in all_tables() if name.split(".")[1] == domain]
    if not names:
        known = sorted({name.split(".")[1] for name in all_tables()})
        raise ConfigError(f"No table has the domain `{domain}`. Nothing was written. Domains: {', '.join(known)}.")
    return names


def day_page(lake: Lake, domain: str, period: Period, now: datetime, index: PartitionIndex | None = None) -> str:
    """Return the page of a domain's day (or month, or hour). `index` has listings of an earlier page, not repeated.

    Raises:
        ConfigError: no table has that domain.
    """
    names = tables_of(domain)
    index = index or PartitionIndex(lake, now)
    tables = [_of_table(lake, index, load_contract(name), period) for name in names]
    return render_day(domain=domain, period=period, at=now, tables=tables, bucket=lake.store.bucket, **_verdict(tables))


def _verdict(tables: Sequence[DayOfTable]) -> dict[str, str]:
    wrong = [table.contract.name for table in tables if table.concerns]
    built = [table for table in tables if table.entries]
    warned = sum(table.warnings for table in built)
    quarantined = sum(record.balance.quarantined for table in built for record in table.records)
    counts = (
        f"{len(built)} of {len(tables)} tables have rows, {quarantined:,} rows quarantined, {warned} audit warnings"
    )
    if wrong:
        return {"verdict": f"Look at {', '.join(wrong)}", "verdict_class": "bad", "summary": counts}
    return {"verdict": "Complete" if built else "Nothing is expected", "verdict_class": "ok", "summary": counts}


def _of_table(lake: Lake, index: PartitionIndex, contract: Contract, period: Period) -> DayOfTable:
    since = _data_since(index, contract)
    if contract.time_grain and contract.source and (since is None or period.end <= since.start):
        why = f"its data begin with {since}" if since else "no run of it was there yet"
        return DayOfTable(contract, Matrix(contract.name, (), why_empty=f"Nothing is expected: {why}."))
    (matrix,) = status(lake, [contract], PeriodRange(period, period), index=index)
    if matrix.fault:
        return DayOfTable(contract, matrix, fault=str(matrix.fault))
    try:
        entries = tuple(entry for entry in lake.live(contract, period).values() if entry.objects)
    except LakeError as error:
        return DayOfTable(contract, matrix, fault=str(error))
    keys = dict.fromkeys(entry.run_record for entry in entries if entry.run_record)
    records = lake.store.map(lambda key: _record(lake, key), list(keys))
    return DayOfTable(contract, matrix, entries, tuple(record for record in records if record))


def _data_since(index: PartitionIndex, contract: Contract) -> Period | None:
    """Return the first period that a table has data of, or that a run covered; None if there is neither."""
    known = {*index.slots(contract), *(period for period, _ in index.recorded(contract))}
    return min(known, key=lambda period: period.start, default=None)


def _record(lake: Lake, key: str) -> RunRecord | None:
    try:
        return load_run_record(lake.store, key)
    except (LakeNotFound, LedgerCorrupt):
        return None

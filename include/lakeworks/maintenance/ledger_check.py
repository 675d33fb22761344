"""Verification's reading of a table's ledger. An unreadable entry is reported and stops no other partition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound, LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import load_run_record

# Audits compare with the last few runs, and status with the last run of each period.
_NEWEST_RECORDS = 31


@dataclass(frozen=True)
class LedgerCheck:
    """The newest and the live entry of every partition, the unreadable entries, and keys that do not belong to the ledger."""

    latest: Sequence[LedgerEntry]
    live: dict[Partition, LedgerEntry]
    unreadable: list[tuple[Partition, str]] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, lake: Lake, contract: Contract, *, deep: bool) -> "LedgerCheck":
        """Read a table's ledger and its newest run records; with `deep`, all of them."""
        unreadable: dict[Partition, str] = {}
        numbers = lake.ledger.numbers(contract.table)

        def entries(partition: Partition) -> tuple[LedgerEntry | None, LedgerEntry | None]:
            latest = None
            try:
                latest = lake.ledger.read(contract.table, partition, numbers[partition][-1]).entry
                if latest.is_live and contract.table not in lake.ledger.run_numbers:
                    return latest, latest if latest.objects else None
                return latest, lake.ledger.live(contract.table, partition, numbers[partition])
            except LedgerCorrupt as error:
                unreadable[partition] = str(error)
                return latest, None

        pairs = list(zip(numbers, lake.store.map(entries, numbers), strict=True))
        newest = [latest for _, (latest, _) in pairs if latest]
        live = {partition: current for partition, (_, current) in pairs if current}
        strays = [
            f"`{lake.store.uri(key)}` is in the ledger's folder but is not an entry; runs ignore it. Move it away"
            for key in lake.ledger.strays(contract.table)
        ]
        records = [(Partition(), detail) for detail in _unreadable_records(lake, contract, deep=deep)]
        return cls(newest, live, [*unreadable.items(), *records], strays)


def _unreadable_records(lake: Lake, contract: Contract, *, deep: bool) -> Iterator[str]:
    keys = list(lake.ledger.runs(contract.table))

    def problem(key: str) -> str | None:
        try:
            load_run_record(lake.store, key)
        except LedgerCorrupt as error:
            return f"{error} Audits leave this run out of their history"
        except LakeNotFound:
            return None
        return None

    yield from filter(None, lake.store.map(problem, keys if deep else keys[-_NEWEST_RECORDS:]))

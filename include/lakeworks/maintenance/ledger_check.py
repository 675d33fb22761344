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

        def latest(partition: Partition) -> LedgerEntry | None:
            try:
                return lake.ledger.read(contract.table, partition, numbers[partition][-1]).entry
            except LedgerCorrupt as error:
                unreadable[partition] = str(error)
                return None

        newest = [entry for entry in lake.store.map(latest, numbers) if entry]
        live = lake.ledger.live_partitions(
            contract.table, on_unreadable=lambda part, error: unreadable.setdefault(part, str(error))
        )
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

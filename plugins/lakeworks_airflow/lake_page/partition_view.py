"""View of one partition: its publications, and the rows that the live publication's run quarantined."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound, LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import RunRecord, load_run_record
from lakeworks.quarantine.quarantined_rows import PartitionRows, rows_of, without_protected
from lakeworks.quarantine.replays import quarantined_by

_SHOWN = 50
# The largest number of rows to search for one partition's while a person waits.
MOST_SEARCHED = 200_000


@dataclass(frozen=True)
class PartitionView:
    """A partition's publications, newest first, and the rows that the live one's run quarantined."""

    contract: Contract
    partition: Partition
    history: tuple[LedgerEntry, ...]
    live: LedgerEntry | None
    record: RunRecord | None
    rows: PartitionRows | None

    @property
    def earlier(self) -> tuple[LedgerEntry, ...]:
        """Return the publications that a rollback can make live: published with rows, and other rows than the live ones."""
        now = next((entry for entry in self.history if entry.is_live), None)
        if now is None:
            return ()
        other = [entry for entry in self.history if entry.objects and entry.content != now.content]
        return tuple(entry for entry in other if entry.state == "published" and entry.seq < now.live_seq)

    @property
    def quarantined(self) -> int:
        """Rows that the run quarantined, of this partition and others."""
        return self.record.balance.quarantined if self.record else 0

    @property
    def broken(self) -> Mapping[str, int]:
        """Return the rows per broken rule, the most first; a row may break several."""
        broken = self.record.balance.broken if self.record else {}
        return dict(sorted(broken.items(), key=lambda item: (-item[1], item[0])))

    @property
    def reasons(self) -> dict[str, str]:
        """Return the contract's description of each rule."""
        return {rule.name: rule.reason for rule in self.contract.rows}

    @property
    def shown(self) -> list[dict[str, Any]]:
        """Return the first quarantined rows, the reason first, without values of protected columns."""
        first = [without_protected(row, self.contract) for row in self.rows.first] if self.rows else []
        leading = ("_reason", "_broken_rules", *self.contract.grain)
        return [{**{key: row[key] for key in leading if key in row}, **row} for row in first]


def read_partition(lake: Lake, name: str, text: str) -> PartitionView:
    """Read one partition, named as the ledger names it (`year=2019/month=01`; any text for a table without partitions).

    Raises:
        ContractError: there is no such table.
        PartitionKeyError: the table is not partitioned like that.
        LakeNotFound: nothing was ever published there.
    """
    contract = load_contract(name)
    partition = contract.parse_partition(text, lambda part: bool(lake.ledger.sequence(contract.table, part)))
    history = lake.ledger.history(contract.table, partition)
    if not history:
        raise LakeNotFound(
            f"`{name}` {partition} was never published. Published partitions: lakeworks ledger {contract.name}"
        )
    newest = next((entry for entry in reversed(history) if entry.is_live), None)
    live = newest if newest and newest.objects else None
    record = _record(lake, live)
    rows = None
    if record and (quarantined := quarantined_by(record)) and quarantined.rows <= MOST_SEARCHED:
        rows = rows_of(lake, contract, quarantined, partition, _SHOWN)
    return PartitionView(contract, partition, tuple(reversed(history)), live, record, rows)


def _record(lake: Lake, live: LedgerEntry | None) -> RunRecord | None:
    """Return the record of the run that published the live rows; None after a rollback, or if the record was deleted."""
    if live is None or not live.run_record:
        return None
    try:
        return load_run_record(lake.store, live.run_record)
    except (LakeNotFound, LedgerCorrupt):
        return None

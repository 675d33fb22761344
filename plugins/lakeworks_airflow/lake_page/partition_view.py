"""View of one partition: its publications, and the rows that the live publication's run quarantined."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Partition
from lakeworks.errors import ConfigError, LakeNotFound, LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.approvals import ApprovalRegister, ApprovalRequest
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import RunRecord, load_run_record
from lakeworks.publications.comparison import PublicationDiff, diff
from lakeworks.quarantine.quarantined_rows import PartitionRows, rows_of, without_protected
from lakeworks.quarantine.replays import quarantined_by

_SHOWN = 50
# The largest number of rows to search for one partition's while a person waits.
MOST_SEARCHED = 200_000
# Rows and bytes of two publications that are compared while a person waits, in the api-server's own memory.
MOST_COMPARED = 500_000
MOST_COMPARED_BYTES = 64_000_000


@dataclass(frozen=True)
class PartitionView:
    """A partition's publications, newest first, the rows that the live one's run quarantined, and requests for approval."""

    contract: Contract
    partition: Partition
    history: tuple[LedgerEntry, ...]
    live: LedgerEntry | None
    record: RunRecord | None
    rows: PartitionRows | None
    requests: tuple[ApprovalRequest, ...] = ()

    @property
    def earlier(self) -> tuple[LedgerEntry, ...]:
        """Return the publications that a rollback can make live: published with rows, and other rows than the live ones."""
        now = next((entry for entry in self.history if entry.is_live), None)
        if now is None:
            return ()
        other = [entry for entry in self.history if entry.objects and entry.content != now.content]
        return tuple(entry for entry in other if entry.state == "published" and entry.seq < now.live_seq)

    @property
    def comparable(self) -> tuple[int, ...]:
        """Return the numbers of the publications that can be compared, newest first; none if there is but one."""
        numbers = tuple(entry.seq for entry in self.history if entry.state == "published" and entry.objects)
        return numbers if len(numbers) > 1 else ()

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
    partition = lake.find_partition(contract, text)
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
    requests = _requests(lake, contract, partition)
    return PartitionView(contract, partition, tuple(reversed(history)), live, record, rows, requests)


def _requests(lake: Lake, contract: Contract, partition: Partition) -> tuple[ApprovalRequest, ...]:
    """Return the requests for a person's approval of this partition, the newest first."""
    if contract.approval is None:
        return ()
    asked = ApprovalRegister(lake.store).of_table(contract.table)
    return tuple(request for request in reversed(asked) if partition in request.partitions)


@dataclass(frozen=True)
class DifferenceView:
    """Two publications of a partition, compared."""

    contract: Contract
    partition: Partition
    difference: PublicationDiff


def read_difference(lake: Lake, name: str, text: str, before: int, after: int) -> DifferenceView:
    """Compare two publications as `lakeworks diff` does.

    Raises:
        LakeNotFound: there is no such publication, or its object versions have expired.
        ConfigError: they have too many rows to compare while a person waits.
    """
    contract = load_contract(name)
    partition = lake.find_partition(contract, text)
    both = [entry for entry in lake.ledger.history(contract.table, partition) if entry.seq in (before, after)]
    if not are_small(*both):
        raise ConfigError(
            f"These publications have {sum(entry.rows for entry in both):,} rows, too many to compare while a page waits. By: "
            f"lakeworks diff {name} {partition} --before {before} --after {after}"
        )
    return DifferenceView(contract, partition, diff(lake, contract, partition, before, after))


def are_small(*entries: LedgerEntry) -> bool:
    """Return True if publications can be compared while a person waits."""
    rows, size = sum(entry.rows for entry in entries), sum(entry.size for entry in entries)
    return rows <= MOST_COMPARED and size <= MOST_COMPARED_BYTES


def time_taken(entry: LedgerEntry) -> timedelta | None:
    """Return the time from the start of the run to the publication; of an act by hand, the time of the publication itself."""
    if entry.published_at is None:
        return None
    began = entry.run.started_at if entry.kind == "publish" else entry.reserved_at
    return max(entry.published_at - began, timedelta())


def _record(lake: Lake, live: LedgerEntry | None) -> RunRecord | None:
    """Return the record of the run that published the live rows; None after a rollback, or if the record was deleted."""
    if live is None or not live.run_record:
        return None
    try:
        return load_run_record(lake.store, live.run_record)
    except (LakeNotFound, LedgerCorrupt):
        return None

"""Difference of two releases, or of a release and what is live: by partition, rows and content hash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.releases.release import Release

ChangeKind = Literal["added", "removed", "changed"]
ReleaseState = Mapping[tuple[str, Partition], LedgerEntry]


@dataclass(frozen=True)
class ReleasedChange:
    """One partition whose rows differ."""

    table: str
    partition: Partition
    kind: ChangeKind
    before: LedgerEntry | None
    after: LedgerEntry | None

    def as_row(self) -> dict[str, Any]:
        """Return a row for people and programs."""
        rows = [entry.rows if entry else 0 for entry in (self.before, self.after)]
        hashes = [entry.content[:12] if entry else "" for entry in (self.before, self.after)]
        numbers = [entry.live_seq if entry else None for entry in (self.before, self.after)]
        return {
            "table": self.table, "partition": str(self.partition), "change": self.kind, "rows_before": rows[0],
            "rows_after": rows[1], "content_before": hashes[0], "content_after": hashes[1],
            "publication_before": numbers[0], "publication_after": numbers[1],
        }  # fmt: skip


def compared(before: ReleaseState, after: ReleaseState) -> list[ReleasedChange]:
    """Return the partitions whose content differs, in order. Equal content is no difference, whatever published it."""
    changes = []
    for table, partition in sorted(before.keys() | after.keys(), key=lambda place: (place[0], place[1].path)):
        old, new = before.get((table, partition)), after.get((table, partition))
        if old and new and old.content == new.content:
            continue
        kind: ChangeKind = "changed" if old and new else "added" if new else "removed"
        changes.append(ReleasedChange(table, partition, kind, old, new))
    return changes


def state_of(release: Release, tables: Sequence[str]) -> ReleaseState:
    """Return the publications that a release names in some of its tables.

    Raises:
        LakeNotFound: the release does not name one of them.
    """
    named = ((name, release.of_table(TableName.parse(name))) for name in tables)
    return {(name, partition): entry for name, entries in named for partition, entry in entries.items()}


def live_state(lake: Lake, tables: Sequence[str]) -> ReleaseState:
    """Return what is live in some tables. Of a run over several partitions it has all or none."""
    names = [TableName.parse(name) for name in tables]
    reader = lake.with_whole_runs(names)
    live = ((str(name), reader.ledger.live_partitions(name)) for name in names)
    return {(name, partition): entry for name, entries in live for partition, entry in entries.items()}


def common_tables(before: Release, after: Release | None, tables: Sequence[str] = ()) -> list[str]:
    """Return the tables to compare: the named ones, else those that both releases name.

    Raises:
        LakeNotFound: they have no table in common.
    """
    if tables:
        return list(tables)
    common = [name for name in before.tables if after is None or name in after.tables]
    if not common and after:
        raise LakeNotFound(
            f"Releases `{before.name}` and `{after.name}` have no table in common. Nothing was compared."
        )
    return common

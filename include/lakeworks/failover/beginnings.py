"""Records of the publications with which an epoch began, so that what an earlier epoch published later is recognized.

A former primary may have published after the takeover, or just before it without delivery. When it becomes a copy again,
those entries and objects are still there. An entry of an ended epoch counts only up to the number the next epoch began with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lakeworks.core.layout import beginning_key
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound
from lakeworks.ledger.document import StoredDocument
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.s3.object_store import ObjectStore

_ADVICE = "is not a record of an epoch's begin: {problem}. Nothing was changed. See docs/failover.md"


class Beginning(StoredDocument):
    """The publications of one table with which an epoch began."""

    table: str
    epoch: int
    partitions: dict[str, int]

    def save(self, store: ObjectStore) -> None:
        """Write it; a repeated takeover writes it again."""
        key = beginning_key(self.epoch, TableName.parse(self.table))
        store.put(key, self.model_dump_json(indent=1).encode())


@dataclass
class Beginnings:
    """The records of one table's epochs, from the first store that has them."""

    stores: Sequence[ObjectStore]
    table: TableName
    takeovers: Sequence[int]
    _read: dict[int, Mapping[str, int]] = field(default_factory=dict, init=False)

    def ended(self, entry: LedgerEntry) -> int | None:
        """Return the epoch whose begin an entry of an earlier epoch came too late for; None if it counts.

        Raises:
            LakeNotFound: the record of that epoch is in none of the stores.
        """
        for epoch in self.takeovers:
            if epoch > entry.epoch and entry.seq > self._partitions(epoch).get(entry.partition, 0):
                return epoch
        return None

    def _partitions(self, epoch: int) -> Mapping[str, int]:
        if epoch not in self._read:
            self._read[epoch] = self._load(epoch)
        return self._read[epoch]

    def _load(self, epoch: int) -> Mapping[str, int]:
        key = beginning_key(epoch, self.table)
        for store in self.stores:
            try:
                body, _ = store.get(key)
            except LakeNotFound:
                continue
            return Beginning.read(body, store.uri(key), _ADVICE).partitions
        raise LakeNotFound(
            f"`{self.stores[0].uri(key)}` has not arrived: the publications of `{self.table}` with which epoch {epoch} began "
            "are not known here. Nothing was changed. Wait for the replication, then run again."
        )


def beginning_of(table: TableName, epoch: int, chosen: Mapping[Partition, int]) -> Beginning:
    """Return the record of a table for an epoch."""
    return Beginning(table=str(table), epoch=epoch, partitions={part.path: seq for part, seq in chosen.items()})

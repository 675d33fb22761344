"""Pins: the live publications that a dev lake reads, one for each partition, as they were at its start."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeworks.branches.document import DevRegister
from lakeworks.core.layout import join
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound, LedgerCorrupt
from lakeworks.s3.dev_branch import DevBranch
from lakeworks.s3.object_store import ObjectStore


@dataclass(frozen=True)
class Pins:
    """The pinned publications of one dev lake, a document for each table. `store` is the live lake's."""

    store: ObjectStore
    branch: DevBranch
    name: str = ""
    _read: dict[TableName, Mapping[Partition, int]] = field(default_factory=dict)

    def save(self, table: TableName, numbers: Mapping[Partition, int]) -> None:
        """Store a table's pins. They are written before the dev lake's document, and never changed."""
        named = {partition.path: number for partition, number in sorted(numbers.items())}
        self.store.put(self._key(table), json.dumps(named, indent=0).encode())

    def of(self, table: TableName) -> Mapping[Partition, int]:
        """Return a table's pins; none for a table that was not in the project at the start.

        Raises:
            LedgerCorrupt: the document does not parse.
        """
        if table not in self._read:
            self._read[table] = self._load(table)
        return self._read[table]

    def _load(self, table: TableName) -> Mapping[Partition, int]:
        try:
            body, _ = self.store.get(self._key(table))
        except LakeNotFound:
            return {}
        try:
            return {Partition.parse(path): int(number) for path, number in json.loads(body).items()}
        except (ValueError, AttributeError) as error:
            raise LedgerCorrupt(
                f"`{self.store.uri(self._key(table))}` has no publication numbers: {error}. Nothing was changed. Drop dev lake "
                f"`{self.branch}` and start it again."
            ) from error

    def _key(self, table: TableName) -> str:
        return f"{self.branch.folder}{join('_pins', self.name, table.path)}.json"


def pinned_numbers(store: ObjectStore, table: TableName) -> dict[Partition, set[int]]:
    """Return the live publications of a table that dev lakes read, of every dev lake that is not removed."""
    numbers: dict[Partition, set[int]] = {}
    for document in DevRegister(store).all():
        for partition, number in Pins(store, document.branch, document.pins).of(table).items():
            numbers.setdefault(partition, set()).add(number)
    return numbers

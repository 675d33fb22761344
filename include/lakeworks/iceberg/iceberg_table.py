"""One Iceberg table, derived from the ledger: its files are those of the publications that readers may see.

Each change reads Glue's pointer first, then the ledger, and sets the pointer only if no other process has set it since. So a
change never replaces one that was made from a later state of the ledger.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile, ToOutputFile
from pyiceberg.table.metadata import TableMetadata, new_table_metadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    RemoveSnapshotsUpdate,
    SetPropertiesUpdate,
    SetSnapshotRefUpdate,
    TableUpdate,
    update_table_metadata,
)

from lakeworks.contract import Contract
from lakeworks.core.layout import versions_partition, versions_roots
from lakeworks.core.partition import Partition
from lakeworks.errors import ConfigError, LostRace
from lakeworks.iceberg.column_statistics import Footer
from lakeworks.iceberg.glue_pointer import GluePointer
from lakeworks.iceberg.manifests import ListedFiles, ManifestChange, listed
from lakeworks.iceberg.metadata_changes import schema_updates, snapshot_summary
from lakeworks.iceberg.partition_values import partition_record, partition_spec, path_keys
from lakeworks.iceberg.published_files import NewFiles, PublishedFile, files_of
from lakeworks.iceberg.schema import NAME_MAPPING, name_mapping, table_schema
from lakeworks.iceberg.snapshot_files import Current
from lakeworks.iceberg.store_files import StoreFiles
from lakeworks.ledger.entry import LedgerEntry, LiveObject

_ATTEMPTS = 20
# `gc.enabled` tells other engines not to delete data files: the ledger's objects are not theirs.
_PROPERTIES = {"gc.enabled": "false", "write.metadata.previous-versions-max": "20", "commit.retry.num-retries": "0"}
# The entries that readers may see now, of the given partitions or of all; None for a partition without rows.
Visible = Callable[[Sequence[Partition] | None], Mapping[Partition, LedgerEntry | None]]


@dataclass(frozen=True)
class IcebergTable:
    """The Iceberg table of a contract. `now` is S3's clock, because readers refuse snapshots whose times go back."""

    contract: Contract
    files: StoreFiles
    pointer: GluePointer
    now: Callable[[], datetime]
    read_footer: Callable[[LiveObject], Footer]

    def current(self) -> Current | None:
        """Return the table as Glue names it; None if there is none."""
        pointed = self.pointer.read()
        if pointed is None:
            return None
        return Current(pointed, FromInputFile.table_metadata(self.files.new_input(pointed.location)))

    def desired_schema(self, current: Current | None) -> Schema:
        """Return the schema that the contract asks for.

        Raises:
            SchemaDrift: readers of Iceberg cannot follow the change.
            ConfigError: the table is partitioned in another way.
        """
        before = (current.metadata.schema(), current.metadata.last_column_id) if current else (None, 0)
        schema = table_schema(self.contract, path_keys(self.contract), *before)
        if current and (fault := self.partition_fault(current, schema)):
            raise ConfigError(f"`{self.contract.name}`: {fault} Nothing was changed.")
        return schema

    def partition_fault(self, current: Current, schema: Schema) -> str | None:
        """Return how the table's partitions differ from the contract's, and the remedy."""
        if current.metadata.spec().compatible_with(partition_spec(self.contract, schema)):
            return None
        keys = ", ".join(str(field.name) for field in current.metadata.spec().fields) or "nothing"
        return (
            f"the Iceberg table `{self.pointer.name}` is partitioned by {keys}, the contract by "
            f"{', '.join(map(str, self.contract.partition_by)) or 'nothing'}. Drop the Iceberg table in Glue (no data is lost) "
            f"and run: lakeworks catalog repair {self.contract.name}"
        )

    def follow(self, partitions: Sequence[Partition] | None, visible: Visible, reason: str) -> list[Partition]:
        """Bring the table in line with the ledger in one snapshot; return the partitions that changed.

        The first snapshot has every partition, whatever was asked for.

        Raises:
            LostRace: other processes kept changing the table; the ledger is unchanged.
        """
        lost: LostRace | None = None
        new_files = NewFiles(self.files.store, self.contract, self.read_footer)
        for _ in range(_ATTEMPTS):
            current = self.current()
            asked = partitions if current else None
            entries = visible(asked)
            try:
                return self._follow(current, asked, entries, new_files, reason)
            except LostRace as error:
                lost = error
        raise LostRace(
            f"`{self.contract.name}`: other processes kept changing its Iceberg table. The rows are published; readers of "
            f"Iceberg see earlier ones. Run: lakeworks catalog repair {self.contract.name}"
        ) from lost

    def behind(self, entries: Mapping[Partition, LedgerEntry | None], current: Current) -> list[Partition]:
        """Return the partitions of all whose files are not those of the ledger. Changes nothing."""
        before = listed(self.files, current.metadata, current.metadata.current_snapshot(), None)
        return self._changed(None, entries, before)[0]

    def is_behind_contract(self, current: Current) -> bool:
        """Return True if the schema or its name mapping is not the contract's."""
        schema = self.desired_schema(current)
        return bool(schema_updates(current.metadata, schema))

    def expire(self, snapshots: frozenset[int]) -> None:
        """Remove snapshots that are not current from the table. Their metadata files stay until garbage collection.

        Raises:
            LostRace: other processes kept changing the table.
        """
        lost: LostRace | None = None
        for _ in range(_ATTEMPTS):
            current = self.current()
            if current is None:
                return
            known = {item.snapshot_id for item in current.metadata.snapshots}
            expired = sorted((snapshots & known) - {current.metadata.current_snapshot_id})
            if not expired:
                return
            try:
                self._swap(current, (RemoveSnapshotsUpdate(snapshot_ids=expired),))
            except LostRace as error:
                lost = error
            else:
                return
        raise LostRace(f"`{self.pointer.name}`: other processes kept changing the Iceberg table. Run again.") from lost

    def _follow(
        self,
        current: Current | None,
        asked: Sequence[Partition] | None,
        entries: Mapping[Partition, LedgerEntry | None],
        new_files: NewFiles,
        reason: str,
    ) -> list[Partition]:
        schema = self.desired_schema(current)
        base = current.metadata if current else self._new(schema)
        updates = schema_updates(base, schema) if current else ()
        asked = None if asked is None else list(entries)
        records = None if asked is None else [partition_record(self.contract, item) for item in asked]
        before = listed(self.files, base, base.current_snapshot(), records)
        changed, removed, added = self._changed(asked, entries, before)
        if not changed and not updates and current:
            return []
        metadata = update_table_metadata(base, updates) if updates else base
        if changed:
            entered = new_files.entries(added, metadata.schema())
            updates = (*updates, *self._snapshot(metadata, before, removed, entered, reason))
        self._swap(current or base, updates)
        return changed

    def _changed(
        self, asked: Sequence[Partition] | None, entries: Mapping[Partition, LedgerEntry | None], before: ListedFiles
    ) -> tuple[list[Partition], list[DataFile], list[PublishedFile]]:
        """Return the partitions whose files differ, the files to remove and the files to add."""
        known: dict[Partition, dict[str, DataFile]] = {}
        for file in before.files():
            known.setdefault(self._partition_of(file.file_path), {})[file.file_path] = file
        changed, removed, added = list[Partition](), list[DataFile](), list[PublishedFile]()
        for partition in {*known, *entries} if asked is None else asked:
            old, new = known.get(partition, {}), files_of(self.files.store, self.contract, entries.get(partition))
            if old.keys() != new.keys():
                changed.append(partition)
                removed += [file for path, file in old.items() if path not in new]
                added += [file for path, file in new.items() if path not in old]
        return sorted(changed, key=str), removed, added

    def _partition_of(self, path: str) -> Partition:
        for root in versions_roots(self.contract.table):
            path = path.replace(self.files.store.uri(root), root, 1)
        return Partition.parse(versions_partition(self.contract.table, path) or "")

    def _new(self, schema: Schema) -> TableMetadata:
        """Return the metadata of a table without snapshots."""
        spec: PartitionSpec = partition_spec(self.contract, schema)
        made = new_table_metadata(schema, spec, UNSORTED_SORT_ORDER, self.files.location, dict(_PROPERTIES))
        return update_table_metadata(made, (SetPropertiesUpdate(updates={NAME_MAPPING: name_mapping(made.schema())}),))

    def _snapshot(
        self,
        metadata: TableMetadata,
        before: ListedFiles,
        removed: Sequence[DataFile],
        added: Sequence[DataFile],
        reason: str,
    ) -> tuple[TableUpdate, ...]:
        number = metadata.new_snapshot_id()
        writer = ManifestChange(self.files, metadata, number, f"{self.files.location}/metadata")
        manifest_list = writer.write(before, frozenset(file.file_path for file in removed), added)
        snapshot = Snapshot(
            snapshot_id=number,
            parent_snapshot_id=metadata.current_snapshot_id,
            sequence_number=metadata.next_sequence_number(),
            timestamp_ms=max(int(self.now().timestamp() * 1000), metadata.last_updated_ms + 1),
            manifest_list=manifest_list,
            summary=snapshot_summary(metadata.current_snapshot(), removed, added, reason),
            schema_id=metadata.current_schema_id,
        )
        head = SetSnapshotRefUpdate(
            ref_name=MAIN_BRANCH, type=SnapshotRefType.BRANCH, snapshot_id=number,
            max_ref_age_ms=None, max_snapshot_age_ms=None, min_snapshots_to_keep=None,
        )  # fmt: skip
        return AddSnapshotUpdate(snapshot=snapshot), head

    def _swap(self, before: Current | TableMetadata, updates: tuple[TableUpdate, ...]) -> None:
        """Write the new metadata file, and let Glue name it instead of the one that was read."""
        current = before if isinstance(before, Current) else None
        base = before.metadata if isinstance(before, Current) else before
        after = update_table_metadata(base, updates, metadata_location=current.pointed.location if current else None)
        # Without a new snapshot pyiceberg takes this machine's clock, which may be behind.
        newest = after.current_snapshot()
        times = [base.last_updated_ms + 1] if newest is None else [newest.timestamp_ms, base.last_updated_ms + 1]
        after = after.model_copy(update={"last_updated_ms": max(times)}) if current else after
        location = f"{self.files.location}/metadata/{after.next_sequence_number():08d}-{uuid.uuid4()}.metadata.json"
        ToOutputFile.table_metadata(after, self.files.new_output(location))
        self.pointer.swap(
            current.pointed if current else None, location, self._columns(after.schema()), self._description
        )

    def _columns(self, schema: Schema) -> list[dict[str, Any]]:
        """Return the columns as Glue shows them; readers of Iceberg take those of the metadata."""
        kinds = {name: column.type.glue for name, column in self.contract.columns.items()}
        return [
            {
                "Name": field.name.lower(),
                "Type": kinds.get(field.name, "string"),
                "Parameters": {"iceberg.field.id": str(field.field_id)},
            }
            for field in schema.fields
        ]

    @property
    def _description(self) -> str:
        return f"Iceberg readers' view of {self.contract.name}, written by lakeworks; see its table page"

"""Manifests: the lists of data files of a snapshot. A commit reads those that may list its partitions and writes new ones."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from operator import itemgetter
from typing import Any

from pyiceberg.avro.codecs import AvroCompressionCodec
from pyiceberg.conversions import from_bytes
from pyiceberg.io import FileIO
from pyiceberg.manifest import (
    DataFile,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    PartitionFieldSummary,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.typedef import Record
from pyiceberg.types import PrimitiveType

# Files that one manifest lists. Smaller ones are merged, so that their number does not grow with every run.
_FILES = 2_000
_SMALL = 500
_Row = tuple[str, ManifestEntry | DataFile]
_CODEC: AvroCompressionCodec = "deflate"


@dataclass(frozen=True)
class ListedFiles:
    """The live entries of some manifests of a snapshot, and all its manifests."""

    manifests: tuple[ManifestFile, ...]
    entries: Mapping[str, Sequence[ManifestEntry]]

    def files(self) -> Iterator[DataFile]:
        """Yield the data files of the manifests that were read."""
        for listed in self.entries.values():
            yield from (entry.data_file for entry in listed)


def listed(
    files: FileIO, metadata: TableMetadata, snapshot: Snapshot | None, records: Sequence[Record] | None
) -> ListedFiles:
    """Read the manifests of a snapshot that may list files of some partitions; without partitions, all."""
    manifests = tuple(snapshot.manifests(files)) if snapshot else ()
    fields = metadata.spec().partition_type(metadata.schema()).fields
    types = [field.field_type for field in fields if isinstance(field.field_type, PrimitiveType)]
    read = [item for item in manifests if records is None or _may_list(item, types, records) or _is_small(item)]
    return ListedFiles(manifests, {item.manifest_path: item.fetch_manifest_entry(files) for item in read})


@dataclass(frozen=True)
class ManifestChange:
    """Writer of the manifests of one new snapshot, in which some files are removed and some are added."""

    files: FileIO
    metadata: TableMetadata
    snapshot_id: int
    folder: str

    def write(self, before: ListedFiles, removed: frozenset[str], added: Sequence[DataFile]) -> str:
        """Write manifests and their list, and return the address of the list."""
        commit, numbers = uuid.uuid4(), count()
        changed = [path for path, entries in before.entries.items() if any(_path(item) in removed for item in entries)]
        small = [item.manifest_path for item in before.manifests if _is_small(item)]
        rewritten = set(changed) | set(small)
        entries = [item for path, items in before.entries.items() if path in rewritten for item in items]
        kept = [item for item in entries if _path(item) not in removed]
        gone = [item for item in entries if _path(item) in removed]
        rows: list[_Row] = [*((_path(item), item) for item in kept), *((file.file_path, file) for file in added)]
        rows.sort(key=itemgetter(0))
        new: list[ManifestFile] = []
        for start in range(0, max(len(rows), 1), _FILES):
            chunk = [item for _, item in rows[start : start + _FILES]]
            if chunk or gone:
                new.append(self._manifest(f"{self.folder}/{commit}-m{next(numbers)}.avro", chunk, gone))
            gone = []
        left = [item for item in before.manifests if item.manifest_path not in rewritten]
        return self._list(f"{self.folder}/snap-{self.snapshot_id}-0-{commit}.avro", [*new, *left])

    def _manifest(
        self, location: str, rows: Sequence[ManifestEntry | DataFile], gone: Sequence[ManifestEntry]
    ) -> ManifestFile:
        output = self.files.new_output(location)
        with write_manifest(
            2, self.metadata.spec(), self.metadata.schema(), output, self.snapshot_id, _CODEC
        ) as writer:
            for item in rows:
                if isinstance(item, ManifestEntry):
                    writer.existing(item)
                else:
                    writer.add(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, data_file=item))
            for entry in gone:
                writer.delete(entry)
        return writer.to_manifest_file()

    def _list(self, location: str, manifests: Sequence[ManifestFile]) -> str:
        parent, sequence = self.metadata.current_snapshot_id, self.metadata.next_sequence_number()
        output = self.files.new_output(location)
        with write_manifest_list(2, output, self.snapshot_id, parent, sequence, _CODEC) as writer:
            writer.add_manifests(list(manifests))
        return location


def _path(entry: ManifestEntry) -> str:
    return entry.data_file.file_path


def _is_small(manifest: ManifestFile) -> bool:
    return (manifest.added_files_count or 0) + (manifest.existing_files_count or 0) < _SMALL


def _may_list(manifest: ManifestFile, types: Sequence[PrimitiveType], records: Sequence[Record]) -> bool:
    """Return True if the smallest and largest partition values of a manifest admit one of the partitions."""
    summaries = manifest.partitions or []
    bounds = [(item, *_bounds(item, kind)) for item, kind in zip(summaries, types, strict=True)]

    def admits(place: int, value: Any) -> bool:
        summary, lower, upper = bounds[place]
        if value is None:
            return summary.contains_null
        return lower is not None and bool(lower <= value <= upper)

    return any(all(admits(place, record[place]) for place in range(len(bounds))) for record in records)


def _bounds(summary: PartitionFieldSummary, kind: PrimitiveType) -> tuple[Any, Any]:
    ends = (summary.lower_bound, summary.upper_bound)
    lower, upper = (None if end is None else from_bytes(kind, end) for end in ends)
    return lower, upper

"""The files that a table's snapshots name: data files and metadata files."""

from collections.abc import Set
from dataclasses import dataclass

from pyiceberg.io import FileIO
from pyiceberg.table.metadata import TableMetadata

from lakeworks.iceberg.glue_pointer import Pointed


@dataclass(frozen=True)
class Current:
    """The metadata file that Glue names, and its content."""

    pointed: Pointed
    metadata: TableMetadata


def named_by(files: FileIO, current: Current, snapshots: Set[int]) -> dict[int, frozenset[str]]:
    """Return the addresses of the data files that each of some snapshots names. Each manifest is read once."""
    read: dict[str, frozenset[str]] = {}
    named: dict[int, frozenset[str]] = {}
    for snapshot in current.metadata.snapshots:
        if snapshot.snapshot_id not in snapshots:
            continue
        manifests = snapshot.manifests(files)
        for item in manifests:
            if item.manifest_path not in read:
                entries = item.fetch_manifest_entry(files)
                read[item.manifest_path] = frozenset(entry.data_file.file_path for entry in entries)
        named[snapshot.snapshot_id] = frozenset().union(*(read[item.manifest_path] for item in manifests))
    return named


def metadata_files(files: FileIO, current: Current) -> set[str]:
    """Return the addresses of the metadata files that a table needs: of its snapshots, and its recent metadata."""
    names = {current.pointed.location, *(item.metadata_file for item in current.metadata.metadata_log)}
    for snapshot in current.metadata.snapshots:
        names |= {snapshot.manifest_list, *(item.manifest_path for item in snapshot.manifests(files))}
    return names

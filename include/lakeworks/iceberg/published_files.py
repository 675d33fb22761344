"""Published objects as data files of Iceberg: what the ledger knows of them, and column statistics from their footers."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record

from lakeworks.contract import Contract
from lakeworks.errors import LakeNotFound, LiveChanged
from lakeworks.iceberg.column_statistics import Footer, manifest_statistics
from lakeworks.iceberg.partition_values import partition_record
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.s3.object_store import ObjectStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishedFile:
    """One object of a publication, at its address, with the values of its partition."""

    path: str
    item: LiveObject
    record: Record


def files_of(store: ObjectStore, contract: Contract, entry: LedgerEntry | None) -> dict[str, PublishedFile]:
    """Return the files of a publication by address; empty objects are no files."""
    filled = [item for item in entry.objects if item.rows] if entry else []
    record = partition_record(contract, entry.parsed) if entry and filled else Record()
    return {store.uri(item.key): PublishedFile(store.uri(item.key), item, record) for item in filled}


@dataclass(frozen=True)
class NewFiles:
    """Maker of the entries that a change adds. A change that starts again does not read a footer again."""

    store: ObjectStore
    contract: Contract
    read_footer: Callable[[LiveObject], Footer]
    footers: dict[str, Footer] = field(default_factory=dict)

    def entries(self, files: Sequence[PublishedFile], schema: Schema) -> list[DataFile]:
        """Return the entries of some files, in order. Each costs one request, for the end of the object."""
        fresh = [file for file in files if file.path not in self.footers]
        read = self.store.map(lambda file: self._footer(file.item), fresh)
        self.footers.update(zip((file.path for file in fresh), read, strict=True))
        return [self._entry(file, schema) for file in files]

    def _footer(self, item: LiveObject) -> Footer:
        """Return a footer's statistics; none for an object that cannot be read, which `verify` reports."""
        try:
            return self.read_footer(item)
        except (LakeNotFound, LiveChanged) as error:
            log.warning("%s has no column statistics for readers of Iceberg. %s", self.store.uri(item.key), error)
            return {}

    def _entry(self, file: PublishedFile, schema: Schema) -> DataFile:
        return DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=file.path,
            file_format=FileFormat.PARQUET,
            partition=file.record,
            record_count=file.item.rows,
            file_size_in_bytes=file.item.size,
            **manifest_statistics(self.contract, schema, self.footers[file.path]),
        )

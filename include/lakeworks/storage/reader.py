"""Reading what is live: the objects the ledger names, at the versions it pins, whatever a writer is doing meanwhile."""

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lakeworks.contract import Contract
from lakeworks.errors import LakeNotFound
from lakeworks.partition import Partition, Period
from lakeworks.storage.ledger import LedgerEntry, LiveObject
from lakeworks.storage.manifest import StagedObject
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds


# Smaller objects are fetched whole: one request instead of one a column chunk.
_WHOLE_BYTES = 8 << 20


class PinnedObject(io.RawIOBase):
    """One version of an object as a seekable file: Parquet readers fetch the byte ranges they need."""

    def __init__(self, store: ObjectStore, item: LiveObject | StagedObject) -> None:
        super().__init__()
        self.store = store
        self.item = item
        self.version_id = item.version_id if isinstance(item, LiveObject) else None
        self._position = 0
        self._whole: bytes | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The current offset in bytes."""
        return self._position

    def size(self) -> int:
        """The object's size in bytes."""
        return self.item.size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.item.size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes from the current offset."""
        left = max(self.item.size - self._position, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        body = self._fetch(wanted)
        self._position += len(body)
        return body

    def _fetch(self, wanted: int) -> bytes:
        if self.item.size > _WHOLE_BYTES:
            return self.store.get_range(self.item.key, self._position, wanted, self.version_id)
        if self._whole is None:
            self._whole, _ = self.store.get(self.item.key, self.version_id)
        return self._whole[self._position : self._position + wanted]


def open_dataset(store: ObjectStore, contract: Contract, entries: Iterable[LedgerEntry]) -> "ds.Dataset":
    """Live partitions as one Arrow dataset: filters skip partitions without opening them, projections fetch what they need.

    The schema is the contract's, never the first file's; columns a file lacks read as null, partition columns come from
    the path.

    Raises:
        LakeNotFound: there is nothing to read.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    from lakeworks.storage.scan import BoundedDataset

    entries = list(entries)
    parquet = ds.ParquetFileFormat(default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True))
    fragments = [
        parquet.make_fragment(
            pa.PythonFile(PinnedObject(store, item), mode="r"), partition_expression=_expression(contract, entry)
        )
        for entry in entries
        for item in entry.objects
    ]
    if not fragments:
        raise LakeNotFound(
            f"`{contract.name}` has no published partition to read. Run it first: lakeworks ledger {contract.name}"
        )
    schema = pa.schema([pa.field(name, column.type.arrow) for name, column in contract.columns.items()])
    largest = max(item.rows for entry in entries for item in entry.objects)
    return BoundedDataset(fragments, schema, parquet, largest)


def open_objects(store: ObjectStore, objects: Iterable[LiveObject]) -> "ds.Dataset":
    """Objects of one publication as they were written: with the columns and types of their own files.

    Raises:
        LakeNotFound: a version is gone.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    parquet = ds.ParquetFileFormat()
    fragments = [parquet.make_fragment(pa.PythonFile(PinnedObject(store, item), mode="r")) for item in objects]
    schema = pa.unify_schemas([fragment.physical_schema for fragment in fragments], promote_options="permissive")
    return ds.FileSystemDataset(fragments, schema, parquet)


def nothing(contract: Contract) -> "pa.Table":
    """The table without rows."""
    import pyarrow as pa

    return pa.schema([pa.field(name, column.type.arrow) for name, column in contract.columns.items()]).empty_table()


def _expression(contract: Contract, entry: LedgerEntry) -> "ds.Expression":
    """What is true of every row of a partition: its category, or the stretch of time its column lies in."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    known = ds.scalar(value=True)
    pairs = dict(entry.parsed.pairs)
    for item in contract.partition_by:
        if item.column is None or any(pairs[key] is None for key in item.keys):
            continue
        column, kind = ds.field(item.column), contract.columns[item.column].type.arrow
        if item.transform == "identity":
            known = known & (column == pa.scalar(pairs[item.column]).cast(kind))
            continue
        period = Period.parse(str(Partition(tuple((key, pairs[key]) for key in item.keys))), item.transform)
        first, end = (pa.scalar(moment.replace(tzinfo=None)).cast(kind) for moment in (period.start, period.end))
        known = known & (column >= first) & (column < end)
    return known

"""Datasets of live partitions: the objects that the ledger names, at pinned versions, unaffected by concurrent writers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lakeworks.contract import Contract
from lakeworks.contract.storability import partition_fault
from lakeworks.errors import LakeNotFound
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject
from lakeworks.s3.object_store import ObjectStore

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds


def open_dataset(store: ObjectStore, contract: Contract, entries: Iterable[LedgerEntry]) -> "ds.Dataset":
    """Open live partitions as one Arrow dataset. Filters skip partitions unopened; projections fetch only their columns.

    The schema is the contract's, never the first file's; columns a file lacks read as null, partition columns come from
    the path.

    Raises:
        LakeNotFound: there is nothing to read.
        SchemaDrift: (while reading) a file's column has a type that does not fit into the contract's.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    from lakeworks.parquet.bounded_scan import BoundedDataset

    entries, kept = list(entries), ObjectCache()
    parquet = ds.ParquetFileFormat(default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True))
    fragments = [
        parquet.make_fragment(
            pa.PythonFile(PinnedObject(store, item, kept), mode="r"), partition_expression=_expression(contract, entry)
        )
        for entry in entries
        for item in entry.objects
    ]
    if not fragments:
        raise LakeNotFound(
            f"`{contract.name}` has no published partition to read. Nothing was read. Run the table first; see: "
            f"lakeworks ledger {contract.name}"
        )
    schema = pa.schema([pa.field(name, column.type.arrow) for name, column in contract.columns.items()])
    largest = max(item.rows for entry in entries for item in entry.objects)
    return BoundedDataset(fragments, schema, parquet, largest, contract.name)


def open_objects(store: ObjectStore, objects: Iterable[LiveObject]) -> "ds.Dataset":
    """Open the objects of one publication with the columns and types of their own files.

    Raises:
        LakeNotFound: a version is gone.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    parquet, kept = ds.ParquetFileFormat(), ObjectCache()
    fragments = [parquet.make_fragment(pa.PythonFile(PinnedObject(store, item, kept), mode="r")) for item in objects]
    # Each of thousands of small objects costs a request.
    schemas = store.map(lambda fragment: fragment.physical_schema, fragments)
    schema = pa.unify_schemas(schemas, promote_options="permissive")
    return ds.FileSystemDataset(fragments, schema, parquet)


def nothing(contract: Contract) -> "pa.Table":
    """The table without rows."""
    import pyarrow as pa

    return pa.schema([pa.field(name, column.type.arrow) for name, column in contract.columns.items()]).empty_table()


def _expression(contract: Contract, entry: LedgerEntry) -> "ds.Expression":
    """Return an expression that is true for every row of a partition: its category, or its time range.

    For a partition that the table cannot have it excludes nothing: all rows are read, and `verify` reports the partition.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    known = ds.scalar(value=True)
    if partition_fault(contract, entry.parsed):
        return known
    pairs = dict(entry.parsed.pairs)
    for item in contract.partition_by:
        if item.column is None or any(pairs[key] is None for key in item.keys):
            continue
        column, kind = ds.field(item.column), contract.columns[item.column].type.arrow
        if not item.is_time:
            known = known & (column == pa.scalar(pairs[item.column]).cast(kind))
            continue
        if (period := item.period_of(entry.parsed)) is None:
            continue
        first, end = (pa.scalar(moment.replace(tzinfo=None)).cast(kind) for moment in (period.start, period.end))
        known = known & (column >= first) & (column < end)
    return known

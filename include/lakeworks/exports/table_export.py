"""An export streams rows of pinned publications, or of a query, into one file. A summary lists its exact content."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.contract import Contract
from lakeworks.contract.protection import protected_columns
from lakeworks.exports.delivered import check_delivery
from lakeworks.exports.encoding import Encoding, encoder, exported_schema
from lakeworks.exports.targets import opened_target
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.parquet.dataset import open_dataset

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 10_000
ExportProgress = Callable[[int, int], object]


def silent(done: int, total: int) -> None:
    """Ignore the progress: rows done and rows in total (0: unknown)."""


@dataclass(frozen=True)
class Exported:
    """A file that was written: how many rows and bytes, and their digest."""

    target: str
    format: str
    rows: int
    bytes: int
    sha256: str
    columns: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for programs."""
        return {**vars(self), "columns": list(self.columns)}


@dataclass(frozen=True)
class Destination:
    """The target of an export, its encoding, and whether a file there is replaced."""

    target: str
    encoding: Encoding
    overwrite: bool = False


def export_table(
    lake: Lake,
    contract: Contract,
    entries: Sequence[LedgerEntry],
    destination: Destination,
    *,
    include_personal: bool = False,
    progress: ExportProgress = silent,
) -> Exported:
    """Write the rows of publications to one file, in the order of their partitions.

    Raises:
        ConfigError: the target exists, or lies where it must not.
        LakeNotFound: a pinned version is gone.
    """
    withheld = set() if include_personal else set(protected_columns(contract))
    columns = [name for name in contract.columns if name not in withheld]
    total = sum(entry.rows for entry in entries)
    check_delivery(lake, destination.target, {name: contract.columns[name] for name in columns})
    rows = open_dataset(lake.store, contract, entries).scanner(columns=columns).to_reader()
    return _written(lake, rows, destination, lambda done, _: progress(done, total))


def export_rows(
    lake: Lake,
    rows: "pa.RecordBatchReader",
    destination: Destination,
    progress: ExportProgress = silent,
) -> Exported:
    """Write rows to one file in arrival order.

    Raises:
        ConfigError: the target exists, or lies where it must not.
        ContractError: the format has no place for a column or a value.
    """
    check_delivery(lake, destination.target, None)
    return _written(lake, rows, destination, progress)


def _written(lake: Lake, rows: "pa.RecordBatchReader", destination: Destination, progress: ExportProgress) -> Exported:
    encoding, schema, count = destination.encoding, exported_schema(rows.schema), 0
    with (
        opened_target(lake, destination.target, overwrite=destination.overwrite) as stream,
        encoder(encoding)(stream, schema, encoding) as write,  # type: ignore[arg-type]
    ):
        for batch in _pieces(rows):
            write(batch if batch.schema.equals(schema) else batch.cast(schema))
            count += batch.num_rows
            progress(count, 0)
    return Exported(
        destination.target, encoding.format, count, stream.bytes, stream.digest.hexdigest(), tuple(schema.names)
    )


def _pieces(rows: Iterable["pa.RecordBatch"]) -> Iterable["pa.RecordBatch"]:
    """Split batches, so that no encoder creates Python objects of a whole row group."""
    for batch in rows:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            yield batch.slice(start, _BATCH_ROWS)


def versions_of(entries: Iterable[LedgerEntry]) -> list[dict[str, Any]]:
    """Return a file's inputs: publication and pinned version of every object."""
    return [
        {
            "partition": str(entry.parsed),
            "publication": entry.live_seq,
            "rows": entry.rows,
            "objects": [{"key": item.key, "version_id": item.version_id} for item in entry.objects],
        }
        for entry in entries
    ]

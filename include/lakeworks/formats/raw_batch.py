"""Rows as a file or an answer brought them, before any contract is asked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 10_000


@dataclass(frozen=True)
class RawBatch:
    """Columns by name; each holds an Arrow array, or Python values as JSON has them (`json_values`).

    `is_text` says that every Arrow column holds text whose type only the contract knows, as in CSV. `lines` are the lines of
    the file that the rows came from; without them rows are counted from `first`.
    """

    columns: "Mapping[str, pa.Array | Sequence[Any]]"
    rows: int
    first: int = 1
    lines: Sequence[int] | None = None
    is_text: bool = False

    def place(self, row: int) -> str:
        """Return where a row of the batch stands in its file, for messages."""
        return f"line {self.lines[row]}" if self.lines is not None else f"row {self.first + row}"

    def record(self, row: int) -> dict[str, Any]:
        """Return one row as Python values."""
        return {name: _value(column, row) for name, column in self.columns.items()}


def from_records(records: Sequence[Mapping[str, Any]], first: int = 1, lines: Sequence[int] | None = None) -> RawBatch:
    """Return Python rows as one batch; a row may lack any of the columns."""
    names = dict.fromkeys(name for record in records for name in record)
    columns = {str(name): [record.get(name) for record in records] for name in names}
    return RawBatch(columns, len(records), first, lines)


def batched(rows: "Iterable[Mapping[str, Any] | RawBatch]") -> Iterator[RawBatch]:
    """Return what a parser yields as batches: rows are collected, batches pass through."""
    waiting: list[Mapping[str, Any]] = []
    first = 1
    for row in rows:
        if isinstance(row, RawBatch):
            yield row
            continue
        waiting.append(row)
        if len(waiting) == BATCH_ROWS:
            yield from_records(waiting, first)
            first, waiting = first + len(waiting), []
    if waiting:
        yield from_records(waiting, first)


def from_arrow(batch: "pa.RecordBatch", first: int = 1) -> RawBatch:
    """Return Arrow rows of a format that has types of its own.

    Raises:
        ValueError: two columns have the same name.
    """
    if len({*batch.schema.names}) != batch.num_columns:
        raise ValueError(f"it has two columns of one name: {', '.join(batch.schema.names)}")
    return RawBatch(dict(zip(batch.schema.names, batch.columns, strict=True)), len(batch), first)


def _value(column: Any, row: int) -> Any:
    value = column[row]
    try:
        return value.as_py() if hasattr(value, "as_py") else value
    except (ValueError, OverflowError):  # a moment that Python has no date for
        return f"{getattr(value, 'value', 'a value')} as {value.type}"

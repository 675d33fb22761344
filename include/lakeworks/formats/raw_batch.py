"""Rows from a file or a response, before any contract applies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.formats.limits import BATCH_BYTES, BATCH_CELLS, BATCH_ROWS, check_columns

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class RawBatch:
    """Columns by name; each holds an Arrow array, or Python values as JSON has them (`json_values`).

    `is_text` says that every Arrow column holds text whose type only the contract knows, as in CSV. `lines` are the lines of
    the file that the rows came from; without them rows are counted from `first`. With `decimal_comma`, numbers are 1.234,50.
    """

    columns: "Mapping[str, pa.Array | Sequence[Any]]"
    rows: int
    first: int = 1
    lines: Sequence[int] | None = None
    is_text: bool = False
    decimal_comma: bool = False

    def place(self, row: int) -> str:
        """Return the place of a row in its file, for messages."""
        return f"line {self.lines[row]}" if self.lines is not None else f"row {self.first + row}"

    def record(self, row: int) -> dict[str, Any]:
        """Return one row as Python values."""
        return {name: _value(column, row) for name, column in self.columns.items()}


def from_records(records: Sequence[Mapping[str, Any]], first: int = 1, lines: Sequence[int] | None = None) -> RawBatch:
    """Return Python rows as one batch; a row may lack any of the columns."""
    names = dict.fromkeys(name for record in records for name in record)
    check_columns(len(names))
    columns = {str(name): [record.get(name) for record in records] for name in names}
    return RawBatch(columns, len(records), first, lines)


def batched(rows: "Iterable[Mapping[str, Any] | RawBatch]") -> Iterator[RawBatch]:
    """Yield a parser's output as batches: rows are collected, batches pass unchanged."""
    waiting = RecordBuffer()
    for row in rows:
        if isinstance(row, RawBatch):
            yield row
        elif full := waiting.add(row):
            yield full
    yield from waiting.remaining()


class RecordBuffer:
    """Collect records until a batch is full: by rows, bytes or cells."""

    def __init__(self) -> None:
        self._first = 1
        self._records: list[Mapping[str, Any]] = []
        self._lines: list[int] = []
        self._names: dict[str, None] = {}
        self._size = 0

    def add(self, record: Mapping[str, Any], size: int = 0, line: int | None = None) -> RawBatch | None:
        """Add a record with its size in bytes; return a batch once it is full.

        Raises:
            ValueError: the records have too many columns.
        """
        self._records.append(record)
        self._names.update(dict.fromkeys(record))
        check_columns(len(self._names))
        self._size += size
        if line is not None:
            self._lines.append(line)
        rows = len(self._records)
        full = rows >= BATCH_ROWS or self._size >= BATCH_BYTES or rows * len(self._names) >= BATCH_CELLS
        return self._flush() if full else None

    def remaining(self) -> Iterator[RawBatch]:
        """Return what is left, if anything."""
        if self._records:
            yield self._flush()

    def _flush(self) -> RawBatch:
        batch = from_records(self._records, self._first, self._lines or None)
        self._first += len(self._records)
        self._records, self._lines, self._names, self._size = [], [], {}, 0
        return batch


def from_arrow(batch: "pa.RecordBatch", first: int = 1) -> RawBatch:
    """Return Arrow rows of a format that has types of its own.

    Raises:
        ValueError: two columns have the same name.
    """
    check_columns(batch.num_columns)
    if len({*batch.schema.names}) != batch.num_columns:
        raise ValueError(f"it has two columns of one name: {', '.join(batch.schema.names)}")
    return RawBatch(dict(zip(batch.schema.names, batch.columns, strict=True)), len(batch), first)


def _value(column: Any, row: int) -> Any:
    value = column[row]
    try:
        return value.as_py() if hasattr(value, "as_py") else value
    except (ValueError, OverflowError):  # a moment that Python has no date for
        return f"{getattr(value, 'value', 'a value')} as {value.type}"

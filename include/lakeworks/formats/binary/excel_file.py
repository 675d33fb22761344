"""Excel (.xlsx): the first sheet, its first row as header; every value as the text of its cell."""

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, BinaryIO

from lakeworks.formats.limits import BATCH_ROWS, check_columns
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch
from lakeworks.formats.text.csv_file import batch_of

# Limit of the unpacked parts: the texts of all cells are in memory at once.
_LARGEST = 1 << 30


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
    """Read a workbook's first sheet; see `Format.read`."""
    import openpyxl

    size = sum(item.file_size for item in zipfile.ZipFile(stream).infolist())
    if size > _LARGEST:
        raise ValueError(f"it has {size} bytes once it is decompressed, and a workbook may have {_LARGEST}")
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles that are not read
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    rows = enumerate(book.worksheets[0].iter_rows(values_only=True), start=1)
    names = list(options.columns) or [_text(cell) or "" for cell in _trimmed(next(rows, (0, ()))[1])]
    check_columns(len(names))
    if not names or len({*names}) != len(names) or "" in names:
        raise ValueError(f"row 1 must name every column once; it is {names[:20]}")
    yield batch_of(names, [], [], options)
    sheet_rows: list[list[str]] = []
    numbers: list[int] = []
    for number, row in rows:
        cells = [_text(cell) or "" for cell in _trimmed(row)]
        if len(cells) > len(names):
            raise ValueError(f"row {number} has {len(cells)} cells, the header {len(names)}")
        if cells:
            sheet_rows.append([*cells, *[""] * (len(names) - len(cells))])
            numbers.append(number)
        if len(sheet_rows) == BATCH_ROWS:
            yield batch_of(names, sheet_rows, numbers, options)
            sheet_rows, numbers = [], []
    if sheet_rows:
        yield batch_of(names, sheet_rows, numbers, options)


def _trimmed(row: Sequence[Any]) -> list[Any]:
    """Return the cells up to the last that is not empty."""
    cells = list(row)
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, datetime) and cell.time() == time():  # a date, as Excel keeps it
        return cell.date().isoformat()
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return repr(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1 << 53 else str(cell)

"""JSON Lines: one object a line; empty lines count for nothing."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from lakeworks.formats.json_values import parse_json
from lakeworks.formats.protocols import FormatOptions
from lakeworks.formats.raw_batch import BATCH_ROWS, RawBatch, from_records


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:  # noqa: ARG001 - every format has them
    """Read a file of JSON objects; see `Format.read`."""
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(stream, start=1):
        record = _record(line, number)
        if record is None:
            continue
        records.append(record)
        lines.append(number)
        if len(records) == BATCH_ROWS:
            yield from_records(records, lines=lines)
            records, lines = [], []
    if records:
        yield from_records(records, lines=lines)


def _record(line: bytes, number: int) -> dict[str, Any] | None:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"line {number} is not UTF-8 at byte {error.start}") from error
    if not text.strip():
        return None
    try:
        record = parse_json(text)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"line {number} is no object")  # noqa: TRY004 - a fault of the file, like the others
    return record

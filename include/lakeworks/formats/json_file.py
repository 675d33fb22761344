"""JSON: an array of objects, or one object."""

from collections.abc import Iterator
from typing import BinaryIO

from lakeworks.formats.json_values import parse_json
from lakeworks.formats.protocols import FormatOptions
from lakeworks.formats.raw_batch import BATCH_ROWS, RawBatch, from_records


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:  # noqa: ARG001 - every format has them
    """Read a JSON document; see `Format.read`."""
    try:
        text = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from error
    body = parse_json(text)
    rows = body if isinstance(body, list) else [body]
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise ValueError(f"item {number} is no object")  # noqa: TRY004 - a fault of the file, like the others
    for start in range(0, len(rows), BATCH_ROWS):
        yield from_records(rows[start : start + BATCH_ROWS], first=start + 1)

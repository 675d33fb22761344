"""JSON Lines: one object a line; empty lines are skipped."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any, BinaryIO

from lakeworks.formats.limits import RECORD_BYTES, check_record
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch, RecordBuffer
from lakeworks.formats.text.json_values import parse_json
from lakeworks.formats.text.text_stream import is_utf8, lines_of, text_of


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
    """Read a file of JSON objects; see `Format.read`."""
    buffer = RecordBuffer()
    read_line = _record if options.broken_lines == "refuse" else _kept
    for number, line in enumerate(_lines(stream, options.encoding), start=1):
        record = read_line(line, number)
        if record is not None and (full := buffer.add(record, len(line), number)):
            yield full
    yield from buffer.remaining()


def _kept(line: bytes | str, number: int) -> dict[str, Any] | None:
    """Return a line as a row, whatever it is."""
    try:
        return _record(line, number)
    except ValueError as error:
        plain = line.encode() if isinstance(line, str) else line
        return {"line_problem": str(error)[:200], "line_raw": b64encode(plain.rstrip(b"\r\n")).decode()}


def _lines(stream: BinaryIO, encoding: str) -> Iterator[bytes | str]:
    if not is_utf8(encoding):
        yield from lines_of(text_of(stream, encoding))
        return
    number = 0
    while line := stream.readline(RECORD_BYTES + 1):
        number += 1
        check_record(len(line), f"line {number}")
        yield line


def _record(line: bytes | str, number: int) -> dict[str, Any] | None:
    try:
        text = line if isinstance(line, str) else line.decode("utf-8-sig" if number == 1 else "utf-8")
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

"""Detection of a CSV file's options, for a person to put into a contract. The reader itself guesses nothing."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakeworks.errors import ConfigError
from lakeworks.formats.compression import plain
from lakeworks.formats.failures import problem
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.protocols import format_of
from lakeworks.formats.text.csv_file import read_text

_SAMPLE_BYTES = 1 << 20
_SAMPLE_LINES = 1000
_DELIMITERS = (",", ";", "\t", "|")
_NULL_WORDS = ("NULL", "null", "\\N", "NA", "N/A", "n/a", "None", "NaN", "nan", "-")
_COMMA_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_POINT_NUMBER = re.compile(r"[+-]?\d+\.\d+")
_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*")


@dataclass(frozen=True)
class DetectedOptions:
    """Options for `source_options` (those that differ from the defaults), and why, a line each."""

    options: dict[str, Any]
    reasons: tuple[str, ...]
    columns: tuple[str, ...]


def detect_options(path: Path) -> DetectedOptions:
    """Detect the options from the first megabyte of a file.

    Raises:
        ConfigError: it is no text, or cannot be read with the detected options; names the file and the line.
    """
    text, encoding = _decoded(path, _sample(path))
    delimiter, rows, skipped = _shape(text)
    if not rows:
        raise ConfigError(f"`{path}` has no lines. Nothing was detected.")
    detected: dict[str, Any] = {"encoding": encoding, "delimiter": delimiter, "skip_lines": skipped}
    cells = Counter(cell.strip() for row in rows[1:] for cell in row)
    detected["null_words"] = [word for word in _NULL_WORDS if cells[word]]
    commas, points = (
        sum(cells[cell] for cell in cells if known.fullmatch(cell)) for known in (_COMMA_NUMBER, _POINT_NUMBER)
    )
    detected["decimal_comma"] = bool(commas and not points)
    if any(_NUMBER.fullmatch(cell) for cell in rows[0]):
        detected |= {"header": False, "columns": [f"column_{number}" for number, _ in enumerate(rows[0], 1)]}
    options = {name: value for name, value in detected.items() if value != _default(path, name)}
    _read(path, text, options)
    names = tuple(detected.get("columns", rows[0]))
    return DetectedOptions(options, tuple(_reasons(options, rows, commas)), names)


def _sample(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return plain(file, format_of(path.name, FormatOptions(format="csv")).compression).read(_SAMPLE_BYTES)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"`{path}` cannot be read: {problem(error)}. Nothing was found.") from error


def _decoded(path: Path, sample: bytes) -> tuple[str, str]:
    """Return the text up to its last whole line, and its encoding."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        if b"\0" in sample:
            raise ConfigError(f"`{path}` is not text: it contains bytes of value zero. Nothing was detected.")
        encoding = "utf-8" if _is_utf8(sample) else "cp1252" if re.search(rb"[\x80-\x9f]", sample) else "latin-1"
    text = sample.decode(encoding, "ignore").removeprefix("\ufeff")
    complete_lines = text if len(sample) < _SAMPLE_BYTES else text[: text.rfind("\n") + 1]
    return complete_lines, encoding


def _is_utf8(sample: bytes) -> bool:
    try:
        sample[: len(sample) - 4 if len(sample) == _SAMPLE_BYTES else None].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def _shape(text: str) -> tuple[str, list[list[str]], int]:
    """Return the delimiter that gives most lines equally many fields, the rows, and the lines before the header."""
    best: tuple[float, int, str, list[list[str]]] = (0.0, 0, ",", [])
    for delimiter in _DELIMITERS:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row][:_SAMPLE_LINES]
        width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        share = count / len(rows) if rows else 0.0
        if (width > 1, share, width) > (best[1] > 1, best[0], best[1]):
            best = (share, width, delimiter, rows)
    _, width, delimiter, rows = best
    skipped = next((number for number, row in enumerate(rows) if len(row) == width), 0)
    return delimiter, rows[skipped:], skipped


def _default(path: Path, name: str) -> Any:
    if name == "delimiter":
        return "\t" if ".tsv" in path.name.lower() else ","
    default = FormatOptions.model_fields[name].default
    return list(default) if isinstance(default, tuple) else default


def _read(path: Path, text: str, options: dict[str, Any]) -> None:
    """Read the sample as the lake will."""
    try:
        for _ in read_text(
            io.StringIO(text, newline=""), FormatOptions(**{"delimiter": _default(path, "delimiter"), **options})
        ):
            pass
    except ValueError as error:
        raise ConfigError(
            f"`{path}` cannot be read with {options or 'the defaults'}: {problem(error)}. Correct it, or try other options."
        ) from error


def _reasons(options: dict[str, Any], rows: list[list[str]], commas: int) -> list[str]:
    said = {
        "encoding": "its bytes are no UTF-8",
        "delimiter": f"it cuts the lines into {len(rows[0])} fields each",
        "skip_lines": "the lines before have another number of fields",
        "null_words": "these occur as values",
        "decimal_comma": f"{commas} numbers have a comma and none a point",
        "header": "the first line has numbers in it: name the columns",
    }
    return [f"{name}: {said[name]}" for name in options if name in said]

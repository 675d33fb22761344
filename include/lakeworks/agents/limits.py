"""Limits of an answer: rows, bytes, characters of a value, seconds. An answer that is cut says so."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

# A larger integer loses digits in clients that read every number as a float.
_EXACT_INTEGER = 2**53


@dataclass(frozen=True)
class AnswerLimits:
    """The largest answer that a tool gives, and the longest time that a query may take."""

    rows: int = 200
    bytes: int = 60_000
    characters: int = 2_000
    seconds: float = 30


@dataclass(frozen=True)
class BoundedRows:
    """The first rows of a result. `cut` says why there are no more; empty if these are all."""

    rows: list[list[Any]]
    cut: str = ""


def bounded_rows(rows: Iterable[Sequence[Any]], limits: AnswerLimits) -> BoundedRows:
    """Return the first rows as JSON values, within the limits."""
    taken: list[list[Any]] = []
    room = limits.bytes
    for row in rows:
        if len(taken) == limits.rows:
            return BoundedRows(taken, f"more than {limits.rows} rows: aggregate, filter, or add LIMIT")
        values = [json_value(value, limits.characters) for value in row]
        room -= len(dumped(values))
        if room < 0:
            return BoundedRows(taken, f"more than {limits.bytes:,} bytes: choose fewer columns or rows")
        taken.append(values)
    return BoundedRows(taken)


def json_value(value: Any, characters: int) -> Any:
    """Return a value of the lake for JSON: exact decimals and large integers as text, long text cut.

    A list or struct with a text beyond the limit becomes text itself.
    """
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) <= _EXACT_INTEGER else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return _cut(value, characters)
        case Decimal() | timedelta():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return _cut(value.hex(), characters)
        case Mapping():
            return _small({str(key): json_value(item, characters) for key, item in value.items()}, characters)
        case list() | tuple():
            return _small([json_value(item, characters) for item in value], characters)
    return _cut(str(value), characters)


def dumped(document: Any) -> str:
    """Return JSON as short as it can be. Half of a pair, which a name may hold, is escaped."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":"), default=str)
    return text


def bounded_document(document: Mapping[str, Any], limits: AnswerLimits, order: Sequence[str]) -> dict[str, Any]:
    """Return the document without the first parts of `order` that make it too large; it names what was left out."""
    kept, left_out = dict(document), list[str]()
    for part in order:
        if len(dumped(kept).encode()) <= limits.bytes:
            break
        if kept.pop(part, None):
            left_out.append(part)
    return kept | ({"left_out": left_out} if left_out else {})


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}… ({len(text):,} characters)"


def _small(value: Any, characters: int) -> Any:
    text = dumped(value)
    return value if len(text) <= characters else _cut(text, characters)

"""JSON values that keep the text of every number, so that the contract's type decides how it is read."""

import json
from datetime import date, datetime, time
from typing import Any

# Deeper documents are refused: no column type of a lake is nested this deep, and Python's own limit is close.
MOST_LEVELS = 200
_LONGEST_WHOLE = 4000


class JsonNumber(float):
    """A number with its own text; arithmetic works as with any float."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "JsonNumber":
        """Read the nearest double and keep the text."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse_json(text: str) -> Any:
    """Return the document; whole numbers are exact integers, all others `JsonNumber`.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or holds half of a surrogate pair.
    """
    if text.count("[") + text.count("{") > MOST_LEVELS and _levels(text) > MOST_LEVELS:
        raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels")
    value = _DECODER.decode(text)
    if "\\u" in text:
        _check_encodable(value)
    return value


def decode_at(text: str, start: int) -> tuple[Any, int]:
    """Return the value that begins at a place of a text, and where it ends; numbers as in `parse_json`.

    Raises:
        json.JSONDecodeError: there is none, or it goes on beyond the text.
        ValueError: it is nested too deeply, or holds half of a surrogate pair.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels") from None
    own = text[start:end]
    if own.count("[") + own.count("{") > MOST_LEVELS and _levels(own) > MOST_LEVELS:
        raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels")
    if "\\u" in own:
        _check_encodable(value)
    return value, end


def own_text(value: Any) -> str | None:
    """Return a value as text: a number as it was written, an object or a list as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return _written(value)


def _written(value: Any) -> str:
    if isinstance(value, JsonNumber):
        return value.text
    if isinstance(value, dict):
        members = (f"{json.dumps(str(key), ensure_ascii=False)}: {_written(item)}" for key, item in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)


def _integer(text: str) -> "int | JsonNumber":
    # Python refuses longer integers, and an integer has no minus zero: both keep their text.
    return JsonNumber(text) if text == "-0" or len(text) > _LONGEST_WHOLE else int(text)


_DECODER = json.JSONDecoder(parse_float=JsonNumber, parse_int=_integer)


def _levels(text: str) -> int:
    """Return how deep brackets nest; those inside quoted text do not count."""
    deepest = level = 0
    quoted = escaped = False
    for char in text:
        if quoted:
            quoted, escaped = escaped or char != '"', not escaped and char == "\\"
        elif char == '"':
            quoted = True
        elif char in "[{":
            level += 1
            deepest = max(deepest, level)
        elif char in "]}":
            level -= 1
    return deepest


def _check_encodable(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            half = value[error.start].encode("utf-16-be", "surrogatepass").hex()
            raise ValueError(f"its text has half of a character, \\u{half}") from error
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_encodable(key)
            _check_encodable(item)
    elif isinstance(value, list):
        for item in value:
            _check_encodable(item)

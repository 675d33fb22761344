"""Trino literals of typed values. Athena takes the value of a parameter as the text of a literal, and guesses nothing."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError

# https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
LONGEST = 1024
_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
_DIGITS = 38
_TWO_DIGITS = {"month", "day", "hour"}


def literal(kind: LakeType, value: Any) -> str:
    """Return the literal of a value, as typed or as a Python value.

    Raises:
        ContractError: the value is none of the type, or Athena takes no literal of it.
    """
    write = _WRITERS.get(kind.kind)
    if write is None:
        raise ContractError(f"no value of type `{kind}` can be a parameter")
    if value is None:
        raise ContractError("a comparison with null is never true: write IS NULL")
    try:
        text = write(kind, value)
    except (ValueError, InvalidOperation) as error:
        raise ContractError(f"`{value}` is no {kind.kind}") from error
    if len(text) > LONGEST:
        raise ContractError(f"the value has {len(text)} characters, and Athena takes {LONGEST}")
    return text


def partition_value(key: str, value: Any) -> Any:
    """Return the text of a partition's time key, which has two digits: `3` of a month is `03`."""
    text = str(value)
    return text.zfill(2) if key in _TWO_DIGITS and text.isdecimal() else value


def quoted_text(text: str) -> str:
    """Return a text literal.

    Raises:
        ValueError: a character of it is in no text.
    """
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("no text")
    return "'" + text.replace("'", "''") + "'"


def _string(_: LakeType, value: Any) -> str:
    return quoted_text(value if isinstance(value, str) else _plain(value))


def _integer(kind: LakeType, value: Any) -> str:
    number = int(str(value).strip())
    if isinstance(value, bool) or not -(1 << _BITS[kind.kind] - 1) <= number < 1 << _BITS[kind.kind] - 1:
        raise ValueError("out of range")
    return str(number)


def _decimal(_: LakeType, value: Any) -> str:
    number = Decimal(str(value).strip())
    text = f"{number:f}" if number.is_finite() else ""
    if isinstance(value, bool) or not 0 < len(text.lstrip("-").replace(".", "")) <= _DIGITS:
        raise ValueError("no decimal")
    return f"DECIMAL '{text}'"


def _double(_: LakeType, value: Any) -> str:
    number = float(value)
    if isinstance(value, bool) or not isfinite(number):
        raise ValueError("not finite")
    return f"DOUBLE '{number!r}'"


def _boolean(_: LakeType, value: Any) -> str:
    return {"true": "true", "false": "false"}.get(str(value).strip().lower()) or _refuse()


def _date(_: LakeType, value: Any) -> str:
    if isinstance(value, datetime):
        raise ValueError("a timestamp is not a date")  # noqa: TRY004 - one class for every value that does not fit
    return f"DATE '{(value if isinstance(value, date) else date.fromisoformat(str(value).strip())).isoformat()}'"


def _timestamp(_: LakeType, value: Any) -> str:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    if moment.tzinfo:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return f"TIMESTAMP '{moment.isoformat(sep=' ', timespec='microseconds')}'"


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _refuse() -> str:
    raise ValueError("the value does not fit the type")


_WRITERS: Mapping[str, Callable[[LakeType, Any], str]] = {
    "string": _string, **dict.fromkeys(_BITS, _integer), "decimal": _decimal, "float": _double, "double": _double,
    "boolean": _boolean, "date": _date, "timestamp": _timestamp,
}  # fmt: skip

"""Parsing of values into the contract's types: exact, or refused with a reason. Numbers are parsed from their own text."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from lakeworks.formats.text.json_values import JsonNumber, own_text

if TYPE_CHECKING:
    import pyarrow as pa

Read = Callable[[Any], Any]
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)?(?:\.\d*)?(?:[eE][+-]?\d+)?")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.(\d+))?)?)\s?(Z|z|[+-]\d\d:?\d\d|UTC)?)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TRUTH = {"true": True, "false": False}
_NO_NUMBERS = {"nan", "inf", "-inf", "infinity", "-infinity"}
# Enough for every decimal of the lake.
_QUANTIZED = Context(prec=60)


class UnfitError(ValueError):
    """The value does not fit the wanted type; `str()` gives the reason."""


def reader_of(kind: "pa.DataType") -> Read:
    """Return the function that reads a value (as JSON or CSV has it) into a type; it raises `UnfitError`."""
    import pyarrow as pa

    checks: tuple[tuple[Callable[[Any], bool], Callable[[Any], Read]], ...] = (
        (pa.types.is_string, lambda _: own_text),
        (pa.types.is_boolean, lambda _: _truth),
        (pa.types.is_integer, _integer),
        (pa.types.is_floating, _real),
        (pa.types.is_decimal, _decimal),
        (pa.types.is_timestamp, lambda _: _moment),
        (pa.types.is_date32, lambda _: _day),
        (pa.types.is_struct, _struct),
        (pa.types.is_map, _map),
        (pa.types.is_list, _list),
    )
    for check, make in checks:
        if check(kind):
            return _or_null(make(kind))
    return _or_null(_nothing(kind))


def _or_null(read: Read) -> Read:
    return lambda value: None if value is None else read(value)


def _nothing(kind: Any) -> Read:
    def read(value: Any) -> Any:
        raise UnfitError(f"{_shown(value)} cannot be converted to {kind}")

    return read


def _truth(value: Any) -> bool:
    truth = value if isinstance(value, bool) else _TRUTH.get(str(value).lower()) if isinstance(value, str) else None
    if truth is None:
        raise UnfitError(f"{_shown(value)} is neither true nor false")
    return bool(truth)


def _number(value: Any) -> Decimal:
    """Return a number exactly as it was written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise UnfitError(f"{_shown(value)} is no number")
    if isinstance(value, str):
        if not re.search(r"\d", value) or not _NUMBER.fullmatch(value):
            zeros = re.fullmatch(r"-?0\d+(\.\d*)?", value)
            raise UnfitError(f"{_shown(value)} {'would lose its leading zeros' if zeros else 'is no number'}")
        text = value
    else:
        text = value.text if isinstance(value, JsonNumber) else str(value)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise UnfitError(f"{_shown(value)} is a number too large or too small to store") from None


def _integer(kind: Any) -> Read:
    limit = 1 << (kind.bit_width - 1)

    def read(value: Any) -> int:
        if not (isinstance(value, int) and not isinstance(value, bool)):
            number = _number(value)
            if not number.is_finite() or number.adjusted() > 20 or number != number.to_integral_value():
                raise UnfitError(f"{_shown(value)} is no whole number of {kind.bit_width} bits")
            value = int(number)
        if not -limit <= value < limit:
            raise UnfitError(f"{_shown(value)} is too large for {kind.bit_width} bits")
        return int(value)

    return read


def _real(kind: Any) -> Read:
    def read(value: Any) -> float:
        if isinstance(value, str) and value.lower() in _NO_NUMBERS:
            return float(value)
        if isinstance(value, float) and not isinstance(value, JsonNumber) and value * 0 != 0:
            return value  # NaN or infinite, as the sender wrote it
        number = _number(value)
        real = float(number)
        if kind.bit_width < 64:
            import numpy as np

            real = float(np.float32(real) if kind.bit_width == 32 else np.float16(real))
        if not _is_same(number, real, kind.bit_width):
            raise UnfitError(f"{_shown(value)} has more digits than a floating number of {kind.bit_width} bits")
        return real

    return read


def _is_same(number: Decimal, real: float, bits: int) -> bool:
    """Return whether the floating number, written with as many digits as the text has, is the text again."""
    if real * 0 != 0:
        return False
    digits = max(len(number.as_tuple().digits), 1)
    enough = {64: 17, 32: 9, 16: 5}[bits]
    exact = Decimal(real)
    return exact == number or (digits <= enough and Context(prec=digits).plus(exact) == number)


def _decimal(kind: Any) -> Read:
    def read(value: Any) -> Decimal:
        number = _number(value)
        if not number.is_finite():
            raise UnfitError(f"{_shown(value)} is no decimal number")
        if number and number.adjusted() >= kind.precision - kind.scale:
            raise UnfitError(f"{_shown(value)} has too many digits before the point for {kind}")
        rounded = number.quantize(Decimal(1).scaleb(-kind.scale), context=_QUANTIZED)
        if rounded != number:
            raise UnfitError(f"{_shown(value)} has too many digits after the point for {kind}")
        return rounded

    return read


def _moment(value: Any) -> datetime:
    """Return a moment of ISO 8601; one with an offset becomes UTC, one without means UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise UnfitError(f"{_shown(value)} is no moment like 2019-01-05T13:00:00Z")
    day, clock, fraction, zone = match.groups()
    if fraction and fraction[6:].strip("0"):
        raise UnfitError(f"{_shown(value)} has more digits than microseconds")
    if clock is not None and fraction:
        clock = clock[: len("00:00:00.") + 6]
    text = f"{day}T{clock or '00:00:00'}{'+00:00' if zone in ('Z', 'z', 'UTC', None) else zone}"
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise UnfitError(f"{_shown(value)} is no moment ({error})") from None


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise UnfitError(f"{_shown(value)} is no date like 2019-01-05")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise UnfitError(f"{_shown(value)} is no date ({error})") from None


def _struct(kind: Any) -> Read:
    members = {kind.field(place).name: reader_of(kind.field(place).type) for place in range(kind.num_fields)}
    lowered = {name.lower(): name for name in members}

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise UnfitError(f"{_shown(value)} is no object")
        fields: dict[str, Any] = {}
        for name, item in value.items():
            known = lowered.get(str(name).lower())
            if known is None:
                continue
            if fields.get(known) is not None and item is not None:
                raise UnfitError(f"its member `{name}` comes twice, in upper and lower case")
            fields[known] = _member(members[known], item, known) if item is not None else fields.get(known)
        return fields

    return read


def _list(kind: Any) -> Read:
    inner = reader_of(kind.value_type)

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise UnfitError(f"{_shown(value)} is no list")
        return [_member(inner, item, str(place)) for place, item in enumerate(value)]

    return read


def _map(kind: Any) -> Read:
    key_of, item_of = reader_of(kind.key_type), reader_of(kind.item_type)

    def read(value: Any) -> list[tuple[Any, Any]]:
        if not isinstance(value, Mapping | list):
            raise UnfitError(f"{_shown(value)} is no object")
        pairs = value.items() if isinstance(value, Mapping) else value
        return [(key_of(key), _member(item_of, item, str(key))) for key, item in pairs]

    return read


def _member(read: Read, value: Any, name: str) -> Any:
    try:
        return read(value)
    except UnfitError as error:
        raise UnfitError(f"its member `{name}`: {error}") from None


def _shown(value: Any) -> str:
    text = own_text(value) or ""
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"

"""Conversion of one arrived column to the contract's type, with reasons for values that do not fit and unknown members."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.arrival.casting import cast, fits, new_members
from lakeworks.arrival.text_values import UnfitError, reader_of
from lakeworks.formats.text.json_values import JsonNumber

# Arrow also reads the year 0, which Python and most readers do not have.
_DAY = r"(?:[1-9]\d{3}|0[1-9]\d\d|00[1-9]\d|000[1-9])-\d\d-\d\d"
# Arrow reads text of these shapes in one call and without loss. Other text is read value by value.
_PLAIN: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_integer, r"^-?(?:0|[1-9]\d{0,17})$"),
    (pa.types.is_decimal, r"^-?(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?$"),
    (pa.types.is_date32, rf"^{_DAY}$"),
    (pa.types.is_timestamp, rf"^{_DAY}[T ]\d\d:\d\d:\d\d(?:\.\d{{1,6}})?Z?$"),
)
_REAL = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$"
# At most 15 digits: every such number is a double's own text.
_SHORT_REAL = r"^-?(?:0|[1-9]\d{0,7})(?:\.\d{1,7})?$"
_FLAT = {str, int, JsonNumber}


@dataclass(frozen=True)
class Converted:
    """A column in the contract's type, null where a value does not fit; `unfit` says why, by place.

    `unknown` are the places of values in members that the type does not have, by the member's path.
    """

    values: pa.Array
    unfit: Mapping[int, str] = field(default_factory=dict)
    unknown: Mapping[str, Sequence[int]] = field(default_factory=dict)


def convert(values: "pa.Array | Sequence[Any]", kind: pa.DataType, *, is_text: bool = False) -> Converted:
    """Bring a column to a type, without loss."""
    if not isinstance(values, pa.Array):
        return _from_python(values, kind)
    if is_text and pa.types.is_string(values.type):
        return _from_text(values, kind)
    return _from_arrow(values, kind)


def _from_text(values: pa.Array, kind: pa.DataType) -> Converted:
    converted = _at_once(values, kind)
    return Converted(converted) if converted is not None else _one_by_one(values.to_pylist(), kind)


def _at_once(values: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Return text in a type, if all of it is of a shape that Arrow reads without loss."""
    if pa.types.is_string(kind):
        return values
    try:
        if pa.types.is_float64(kind):
            return _reals(values)
        for check, pattern in _PLAIN:
            if check(kind) and _all_true(pc.match_substring_regex(values, pattern)):
                return pc.cast(pc.utf8_rtrim(values, "Z") if pa.types.is_timestamp(kind) else values, kind)
    except pa.ArrowException:
        return None
    return None


def _reals(values: pa.Array) -> pa.Array | None:
    is_short = pc.match_substring_regex(values, _SHORT_REAL)
    if _all_true(is_short):
        return pc.cast(values, pa.float64())
    if not _all_true(pc.match_substring_regex(values, _REAL)):
        return None
    reals = pc.cast(values, pa.float64())
    return reals if _all_true(pc.or_(is_short, pc.equal(pc.cast(reals, pa.string()), values))) else None


def _all_true(truths: pa.Array) -> bool:
    return pc.all(truths, skip_nulls=True).as_py() is not False


def _from_python(values: Sequence[Any], kind: pa.DataType) -> Converted:
    kinds = {*map(type, values)} - {type(None)}
    if not kinds or (kinds == {str} and pa.types.is_string(kind)) or (kinds == {bool} and pa.types.is_boolean(kind)):
        return Converted(pa.array(values, kind))
    if kinds <= _FLAT:
        texts = [
            item if item is None or type(item) is str else getattr(item, "text", None) or str(item) for item in values
        ]
        flat = _at_once(pa.array(texts, pa.string()), kind)
        if flat is not None:
            return Converted(flat)
    return _one_by_one(values, kind)


def _one_by_one(values: Sequence[Any], kind: pa.DataType) -> Converted:
    read, unfit, converted = reader_of(kind), dict[int, str](), list[Any]()
    for place, value in enumerate(values):
        try:
            converted.append(read(value))
        except UnfitError as error:
            converted.append(None)
            unfit[place] = str(error)
    unknown: dict[str, list[int]] = {}
    if pa.types.is_nested(kind):
        for place, value in enumerate(values):
            for path in dict.fromkeys(_unknown(value, kind, "")):
                unknown.setdefault(path, []).append(place)
    return Converted(pa.array(converted, kind), unfit, unknown)


def _from_arrow(values: pa.Array, kind: pa.DataType) -> Converted:
    if values.null_count < len(values) and any(new_members(values.type, kind)):
        return _from_python(values.to_pylist(), kind)
    try:
        return Converted(cast(values, kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        unfit = {place: _reason(values[place : place + 1], kind) for place in _unfit(values, kind, 0)}
    if len(unfit) == len(values) - values.null_count:
        return Converted(pa.nulls(len(values), kind), unfit)
    kept = pc.if_else(
        pa.array([place not in unfit for place in range(len(values))]), values, pa.scalar(None, values.type)
    )
    return Converted(cast(kept, kind), unfit)


def _unfit(values: pa.Array, kind: pa.DataType, start: int) -> list[int]:
    """Return the positions of values that do not fit. Bisection makes a column that fits cost one check."""
    if not len(values) or fits(values, kind):
        return []
    if len(values) == 1:
        return [start]
    half = len(values) // 2
    return _unfit(values.slice(0, half), kind, start) + _unfit(values.slice(half), kind, start + half)


def _reason(value: pa.Array, kind: pa.DataType) -> str:
    try:
        cast(value, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        return str(error).splitlines()[0]
    return "another kind of value"


def _unknown(value: Any, kind: pa.DataType, path: str) -> Iterator[str]:
    """Return the paths of members with a value that the type does not have."""
    if isinstance(value, dict) and pa.types.is_struct(kind):
        known = {kind.field(place).name.lower(): kind.field(place) for place in range(kind.num_fields)}
        for name, item in value.items():
            member = known.get(str(name).lower())
            if member is not None:
                yield from _unknown(item, member.type, f"{path}{member.name}.")
            elif item is not None:
                yield f"{path}{name}"
    elif isinstance(value, list) and pa.types.is_list(kind):
        for item in value:
            yield from _unknown(item, kind.value_type, path)
    elif isinstance(value, dict) and pa.types.is_map(kind):
        for item in value.values():
            yield from _unknown(item, kind.item_type, path)

"""Casts that only change the width of a type. No value is rounded, truncated or read as another type."""

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.core.column_case import match_type

# Years of four digits: readers in Python, Java and SQL agree on these.
_CALENDAR = datetime.min, datetime.max


def cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the values in another type, without loss; of a struct, the contract's members (see `new_members`).

    Raises:
        pyarrow.ArrowInvalid: some value has none, or is of another kind.
    """
    if column.null_count == len(column):
        return pa.nulls(len(column), kind)
    if _family(column.type) not in ("null", _family(kind)) and not _is_plain_text(column.type, kind):
        raise pa.ArrowInvalid("another kind of value")
    casted = pc.cast(column, match_type(kind, column.type), safe=True)
    if _is_rounded(column, casted):
        raise pa.ArrowInvalid("a value would be rounded, or become infinite")
    if _is_outside_calendar(casted):
        raise pa.ArrowInvalid("a date before the year 1 or after 9999")
    return casted.view(kind)


def new_members(arrived: pa.DataType, kind: pa.DataType, path: str = "") -> Iterator[str]:
    """Yield members of nested values that the wanted type lacks. Arrow's cast drops them silently."""
    kind = match_type(kind, arrived)
    if pa.types.is_struct(arrived) and pa.types.is_struct(kind):
        known = {kind.field(place).name: kind.field(place).type for place in range(kind.num_fields)}
        for place in range(arrived.num_fields):
            member = arrived.field(place)
            if member.name in known:
                yield from new_members(member.type, known[member.name], f"{path}{member.name}.")
            else:
                yield f"{path}{member.name}"
    elif pa.types.is_list(kind) and hasattr(arrived, "value_type"):
        yield from new_members(arrived.value_type, kind.value_type, path)
    elif pa.types.is_map(kind) and pa.types.is_map(arrived):
        yield from new_members(arrived.item_type, kind.item_type, path)


def fits(column: pa.Array, kind: pa.DataType) -> bool:
    """Return whether every value fits that type without loss, every member of a struct included."""
    if column.null_count < len(column) and any(new_members(column.type, kind)):
        return False
    try:
        cast(column, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _is_rounded(before: pa.Array, after: pa.Array) -> bool:
    """Return whether a number changed. Arrow's safe cast allows lost fractions (1.239 to 1.24, 1e300 to infinity)."""
    old, new = before.type, after.type
    if old == new or before.null_count == len(before):
        return False  # a member that is null in every row arrives without a type, and so without members of its own
    if pa.types.is_struct(new):
        # flatten() makes the members of a missing struct missing; the memory below it has no valid values
        arrived = {old.field(place).name: values for place, values in enumerate(before.flatten())}
        kept = {new.field(place).name: values for place, values in enumerate(after.flatten())}
        return any(_is_rounded(arrived[name], values) for name, values in kept.items() if name in arrived)
    if hasattr(new, "value_type") and not pa.types.is_dictionary(old):
        return _is_rounded(before.flatten(), after.flatten())
    if pa.types.is_map(new):
        return _is_rounded(_items(before), _items(after))
    if not _may_round(old, new):
        return False
    if pa.types.is_decimal(new):
        return not _is_written_alike(before, after)
    return not _is_same(before, pc.cast(after, old, safe=False))


def _is_outside_calendar(values: pa.Array) -> bool:
    """Return whether a date or moment has no year of four digits, also inside structs, lists and maps."""
    kind = values.type
    if pa.types.is_struct(kind):
        return any(_is_outside_calendar(member) for member in values.flatten())
    if pa.types.is_list(kind):
        return _is_outside_calendar(values.flatten())
    if pa.types.is_map(kind):
        return _is_outside_calendar(_items(values))
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)) or not len(values):
        return False
    first, last = (pa.scalar(moment, pa.timestamp("us")).cast(kind) for moment in _CALENDAR)
    return bool(pc.any(pc.or_(pc.less(values, first), pc.greater(values, last)), skip_nulls=True).as_py())


def _is_plain_text(arrived: pa.DataType, kind: pa.DataType) -> bool:
    """Return whether text came without its annotation, as Impala writes it; the cast takes valid UTF-8 only."""
    is_binary = pa.types.is_binary(arrived) or pa.types.is_large_binary(arrived)
    return bool(is_binary and pa.types.is_string(kind))


def _items(maps: pa.MapArray) -> pa.Array:
    """Return the values of these maps: `items` alone is all of the memory that several batches share."""
    start, end = maps.offsets[0].as_py(), maps.offsets[-1].as_py()
    return maps.items[start:end]


def _may_round(old: pa.DataType, new: pa.DataType) -> bool:
    floats = pa.types.is_floating(old), pa.types.is_floating(new)
    decimals = pa.types.is_decimal(old), pa.types.is_decimal(new)
    if all(floats):
        return bool(new.bit_width < old.bit_width)
    return bool((floats[0] and decimals[1]) or (decimals[0] and floats[1]))


def _is_same(before: pa.Array, back: pa.Array) -> bool:
    same = pc.equal(before, back)
    if pa.types.is_floating(before.type):
        same = pc.or_(same, pc.and_(pc.is_nan(before), pc.is_nan(back)))
    return bool(pc.all(same, skip_nulls=True).as_py() is not False)


def _is_written_alike(before: pa.Array, after: pa.Array) -> bool:
    """Return whether each floating number, in its shortest text, is the decimal: 19.99 is, 0.1 + 0.2 is not 0.30."""
    try:
        exact = pc.cast(pc.cast(before, pa.string()), after.type)
    except pa.ArrowInvalid:
        return False
    return bool(pc.all(pc.equal(exact, after), skip_nulls=True).as_py() is not False)


def _family(kind: pa.DataType) -> str:
    """Return the kind of a type: a cast inside one kind only changes the width. Arrow would also cast between kinds."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    for name in ("null", "boolean", "timestamp", "date", "binary", "large_binary", "struct", "map"):
        if getattr(pa.types, f"is_{name}")(kind):
            return name.removeprefix("large_")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return "text"
    return "list" if pa.types.is_list(kind) or pa.types.is_large_list(kind) else str(kind)

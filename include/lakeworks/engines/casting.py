"""Casts that only change the width of a type: nothing is rounded, cut off or read as something else."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc


def cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values in another type, without loss; of a struct, the members that are wanted (see `new_members`).

    Raises:
        pyarrow.ArrowInvalid: some value has none, or is of another kind.
    """
    if column.null_count == len(column):
        return pa.nulls(len(column), kind)
    if _family(column.type) not in ("null", _family(kind)):
        raise pa.ArrowInvalid("another kind of value")
    return pc.cast(column, kind, safe=True)


def new_members(arrived: pa.DataType, kind: pa.DataType, path: str = "") -> Iterator[str]:
    """Members of nested values that the wanted type lacks: Arrow's cast leaves them out without a word."""
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
    """Whether every value can be had in that type without loss, every member of a struct included."""
    if column.null_count < len(column) and any(new_members(column.type, kind)):
        return False
    try:
        cast(column, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _family(kind: pa.DataType) -> str:
    """Types between which a cast only changes the width; Arrow would also turn text or truth into numbers."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    for name in ("null", "boolean", "timestamp", "date", "binary", "large_binary", "struct", "map"):
        if getattr(pa.types, f"is_{name}")(kind):
            return name.removeprefix("large_")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return "text"
    return "list" if pa.types.is_list(kind) or pa.types.is_large_list(kind) else str(kind)

"""Casts that only change the width of a type: nothing is rounded, cut off, read as something else, or dropped."""

import pyarrow as pa
import pyarrow.compute as pc


def cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values in another type, without loss.

    Raises:
        pyarrow.ArrowInvalid: some value has none, or is of another kind.
    """
    if column.null_count == len(column):
        return pa.nulls(len(column), kind)
    if _family(column.type) not in ("null", _family(kind)):
        raise pa.ArrowInvalid("another kind of value")
    _keep_members(column.type, kind)
    return pc.cast(column, kind, safe=True)


def _keep_members(arrived: pa.DataType, kind: pa.DataType) -> None:
    """Arrow's cast drops a member that the wanted struct lacks, without a word."""
    if pa.types.is_struct(arrived) and pa.types.is_struct(kind):
        known = {kind.field(place).name: kind.field(place).type for place in range(kind.num_fields)}
        for place in range(arrived.num_fields):
            member = arrived.field(place)
            if member.name not in known:
                raise pa.ArrowInvalid(f"member `{member.name}` is not in the contract")
            _keep_members(member.type, known[member.name])
    elif pa.types.is_list(kind) and hasattr(arrived, "value_type"):
        _keep_members(arrived.value_type, kind.value_type)
    elif pa.types.is_map(kind) and pa.types.is_map(arrived):
        _keep_members(arrived.item_type, kind.item_type)


def fits(column: pa.Array, kind: pa.DataType) -> bool:
    """Whether every value can be had in that type without loss."""
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

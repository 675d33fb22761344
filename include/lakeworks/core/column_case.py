"""Matching of names in any case: Glue has lower case, files keep the spelling in which they arrived."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def match_names(names: Iterable[str], present: Iterable[str]) -> dict[str, str]:
    """Return the spelling in `present` of each name. A missing name keeps its spelling; an exact match comes first."""
    present = list(present)
    exact, lowered = set(present), {name.lower(): name for name in reversed(present)}
    return {name: name if name in exact else lowered.get(name.lower(), name) for name in names}


def match_type(kind: "pa.DataType", present: "pa.DataType") -> "pa.DataType":
    """Return the type `kind`, its struct members spelled as in `present`; the memory layout is the same."""
    import pyarrow as pa

    if pa.types.is_struct(kind) and pa.types.is_struct(present):
        members = {present.field(place).name: present.field(place).type for place in range(present.num_fields)}
        fields = [kind.field(place) for place in range(kind.num_fields)]
        names = match_names((field.name for field in fields), members)
        return pa.struct(
            [
                field.with_name(name).with_type(match_type(field.type, members.get(name, field.type)))
                for field in fields
                for name in [names[field.name]]
            ]
        )
    if pa.types.is_list(kind) and hasattr(present, "value_type"):
        return pa.list_(kind.value_field.with_type(match_type(kind.value_type, present.value_type)))
    if pa.types.is_map(kind) and pa.types.is_map(present):
        return pa.map_(kind.key_type, kind.item_field.with_type(match_type(kind.item_type, present.item_type)))
    return kind

"""Matching of names in any case: Glue has lower case, files keep the spelling in which they arrived."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def match_names(wanted: Iterable[str], found: Iterable[str]) -> dict[str, str]:
    """Return the spelling in `found` of each wanted name. A missing name keeps its spelling; an exact match comes first."""
    found = list(found)
    exact, lowered = set(found), {name.lower(): name for name in reversed(found)}
    return {name: name if name in exact else lowered.get(name.lower(), name) for name in wanted}


def match_type(wanted: "pa.DataType", found: "pa.DataType") -> "pa.DataType":
    """Return the wanted type, its struct members spelled as in `found`; the memory layout is the same."""
    import pyarrow as pa

    if pa.types.is_struct(wanted) and pa.types.is_struct(found):
        members = {found.field(place).name: found.field(place).type for place in range(found.num_fields)}
        fields = [wanted.field(place) for place in range(wanted.num_fields)]
        names = match_names((field.name for field in fields), members)
        return pa.struct(
            [
                field.with_name(name).with_type(match_type(field.type, members.get(name, field.type)))
                for field in fields
                for name in [names[field.name]]
            ]
        )
    if pa.types.is_list(wanted) and hasattr(found, "value_type"):
        return pa.list_(wanted.value_field.with_type(match_type(wanted.value_type, found.value_type)))
    if pa.types.is_map(wanted) and pa.types.is_map(found):
        return pa.map_(wanted.key_type, wanted.item_field.with_type(match_type(wanted.item_type, found.item_type)))
    return wanted

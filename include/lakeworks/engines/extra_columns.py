"""Columns that arrive without being in the contract: one type in every published file, so that the catalog can say one."""

import pyarrow as pa

from lakeworks.contract.evolution import wider
from lakeworks.core.types import LakeType, from_arrow
from lakeworks.engines.casting import new_members
from lakeworks.errors import ContractError, SchemaDrift

NAME_IT = (
    "It is not in the contract, and files published before have it in that type. If the source really changed, name the "
    "column in the contract with the type it has now, and run the older partitions again."
)


def settle(file: str, field: pa.Field, before: LakeType | None) -> tuple[LakeType | None, list[tuple[str, str]]]:
    """Which type an unnamed column is kept in, and what to tell of it, by kind of drift; None: there is nothing to keep.

    `before` is its type in published files. A wider one follows; in any other the values have to fit it.

    Raises:
        SchemaDrift: no type of the lake holds its values.
    """
    if pa.types.is_null(field.type):  # a type guessed now would contradict the values of a later month
        return None, [("column", f"`{field.name}` is new and holds nothing yet, kept in landing only")]
    try:
        arrived = from_arrow(field.type)
    except ContractError as error:
        raise SchemaDrift(f"Column `{field.name}` of `{file}`: {error}") from error
    kept = wider(before, arrived) if before else arrived
    told = [("column", f"`{field.name}` is new ({kept})")]
    if before and before != arrived:
        told.append(("type", f"`{field.name}` came as {arrived}, kept as {kept}; published before as {before}"))
    lost = new_members(field.type, kept.arrow)
    return kept, told + [("column", f"`{field.name}.{name}` is new, kept in landing only") for name in lost]

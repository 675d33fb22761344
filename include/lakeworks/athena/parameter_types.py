"""Types of parameters: a parameter has the type of what it is compared with, as the contracts say, or of the CAST around it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakeworks.athena.literals import literal, partition_value
from lakeworks.athena.marks import NOTHING, Mark
from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError

if TYPE_CHECKING:
    from sqlglot import exp

_KINDS = {
    "BOOLEAN": "boolean", "TINYINT": "tinyint", "SMALLINT": "smallint", "INT": "int", "BIGINT": "bigint", "FLOAT": "float",
    "DOUBLE": "double", "VARCHAR": "string", "TEXT": "string", "CHAR": "string", "DATE": "date", "TIMESTAMP": "timestamp",
    "TIMESTAMPNTZ": "timestamp",
}  # fmt: skip


def parameter_literals(places: "Sequence[exp.Placeholder]", values: Sequence[Any], marks: Sequence[Mark]) -> list[str]:
    """Return the literal of each parameter.

    Raises:
        ContractError: a parameter is compared with nothing that has a type, or its value does not fit.
    """
    literals = []
    for number, (place, value, mark) in enumerate(zip(places, values, marks, strict=True), 1):
        shown = f"Parameter {number} (`{mark}`)"
        partner = _partner(place)
        kind = _lake_type(partner)
        if partner is None or kind is None:
            raise ContractError(
                f"{shown} is compared with nothing whose type a contract gives. {NOTHING} Give it one: CAST({mark} AS "
                "DATE), or BIGINT, DECIMAL(18, 2), TIMESTAMP, VARCHAR"
            )
        try:
            keyed = partition_value(partner.name, value) if kind.kind == "string" else value
            literals.append(literal(kind, keyed))
        except ContractError as error:
            raise ContractError(f"{shown}, compared with `{partner.sql('trino')}`: {error}. {NOTHING}") from error
    return literals


def _partner(place: "exp.Expression") -> "exp.Expression | None":
    """Return the expression that gives a parameter its type: a cast's target, or the other side of a comparison."""
    from sqlglot import exp

    above, below = place.parent, place
    while isinstance(above, exp.Paren | exp.Neg):
        above, below = above.parent, above
    if isinstance(above, exp.Cast):
        return above
    if isinstance(above, exp.In | exp.Between):
        return above.this if above.this is not below else None
    if isinstance(above, exp.Predicate) and isinstance(above, exp.Binary):
        other = above.expression if above.this is below else above.this
        return other if isinstance(other, exp.Expression) else None
    return None


def _lake_type(partner: "exp.Expression | None") -> LakeType | None:
    kind = partner.type if partner is not None else None
    if kind is None:
        return None
    name = kind.this.name
    return (
        LakeType("decimal", precision=38) if name == "DECIMAL" else LakeType(_KINDS[name]) if name in _KINDS else None
    )

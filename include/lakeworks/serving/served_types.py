"""Columns that a contract serves, with their PostgreSQL types."""

from lakeworks.contract import Contract
from lakeworks.core.types import LakeType

_NESTED = ("list", "struct", "map")


def served_columns(contract: Contract) -> dict[str, str]:
    """Return the served columns with their PostgreSQL types."""
    personal = contract.serving is not None and contract.serving.postgres.include_personal
    return {
        name: served_type(column.type) for name, column in contract.columns.items() if personal or not column.protected
    }


def served_type(kind: LakeType) -> str:
    """Return a column's PostgreSQL type. Lists of lists are JSON, because PostgreSQL's arrays must be rectangular."""
    if kind.kind == "list" and kind.members[0][1].kind in _NESTED:
        return "jsonb"
    return kind.postgres

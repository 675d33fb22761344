"""Rows for COPY as CSV: a null is an empty field, empty text is `""`, arrays and JSON are in PostgreSQL's notation."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.contract import Contract
from lakeworks.core.types import LakeType
from lakeworks.errors import ServingRefused
from lakeworks.formats.text.arrow_json import plain

_NESTED = ("list", "struct", "map")
# A NUL in JSON, and not a text of a backslash and `u0000`, whose backslash is doubled there.
_JSON_NUL = r"(^|[^\\])(\\\\)*\\u0000"


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


def copied(batch: pa.RecordBatch, kinds: dict[str, str], where: str) -> pa.RecordBatch:
    """Return the batch with text in place of values whose plain CSV form PostgreSQL does not accept.

    Raises:
        ServingRefused: a text has a NUL character, which PostgreSQL cannot store.
    """
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        copied_column = _copied(column, kinds[name])
        if pa.types.is_string(copied_column.type) and pc.any(pc.match_substring(copied_column, "\0")).as_py():
            _refuse_nul(name, where)
        if kinds[name] == "jsonb" and pc.any(pc.match_substring_regex(copied_column, _JSON_NUL)).as_py():
            _refuse_nul(name, where)
        columns.append(copied_column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _copied(column: pa.Array, kind: str) -> pa.Array:
    if kind == "jsonb":
        values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in plain(column)]
        return pa.array(values, pa.string())
    if kind.endswith("[]"):
        return pa.array([None if value is None else _array(value, kind) for value in column.to_pylist()], pa.string())
    if kind == "bytea":
        values = [None if value is None else f"\\x{value.hex()}" for value in column.to_pylist()]
        return pa.array(values, pa.string())
    return column


def _array(values: list[Any], kind: str) -> str:
    def item(value: Any) -> str:
        if value is None:
            return "NULL"
        text = f"\\x{value.hex()}" if kind == "bytea[]" else str(value)
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    return "{" + ",".join(map(item, values)) + "}"


def _refuse_nul(name: str, where: str) -> None:
    raise ServingRefused(
        f"{where}: `{name}` has a text with a NUL, which PostgreSQL cannot store. Rows served earlier are "
        "unchanged. Remove it in the transform (`replace(…, chr(0), '')`), or do not serve the column."
    )

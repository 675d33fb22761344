"""Queries of a person: one SELECT over the lake's tables, checked by the engine's own parser.

The engine's own syntax tree decides, so that no text can mean one thing to the check and another to the engine. Behind it the
session has no files, no secrets and no settings to change (`DuckDbEngine.confined_session`).
"""

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from lakeworks.core.names import TableName
from lakeworks.engines.error_messages import explain
from lakeworks.errors import ContractError

# Functions that generate rows. All other table functions read files, run text as SQL, or show the engine's state.
TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
# Functions that show or change the session's settings, variables, logs or hidden views, or plan a text as SQL.
_REFUSED_FUNCTIONS = frozenset(
    {"current_setting", "getenv", "getvariable", "json_serialize_plan", "pg_get_viewdef", "write_log"}
)
_NOTHING = "Nothing was run."


def tables_of_select(sql: str) -> list[TableName]:
    """Return the tables that a query reads, sorted.

    Raises:
        ContractError: it is not one SELECT over tables of the lake.
    """
    try:
        return sorted(set(_tables(_syntax_tree(sql), frozenset())))
    except RecursionError as error:
        raise ContractError(f"The query is nested too deeply. {_NOTHING}") from error


def _syntax_tree(sql: str) -> dict[str, Any]:
    # The engine ends a text at its first NUL, so a person could read text after it as part of the query.
    if "\0" in sql or any("\ud800" <= letter <= "\udfff" for letter in sql):
        raise ContractError(
            f"The query has a character that is not allowed in text (NUL, or half of a pair). {_NOTHING}"
        )
    try:
        with duckdb.connect(config={"enable_external_access": "false", "lock_configuration": "true"}) as parser:
            statements = parser.extract_statements(sql)
            if len(statements) != 1:
                raise ContractError(f"The query is {len(statements)} statements, not one SELECT. {_NOTHING}")
            serialized = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    except duckdb.Error as error:
        raise explain(error, "The query") from error
    document = json.loads(serialized[0]) if serialized else {}
    if document.get("error", True) or len(document["statements"]) != 1:
        raise ContractError(
            f"The query is {_kind(statements[0], sql)}, not a SELECT: `lakeworks sql` only reads. {_NOTHING}"
        )
    (statement,) = document["statements"]
    if statement["named_param_map"]:
        raise ContractError(f"The query has parameters without values. Write the values into the query. {_NOTHING}")
    return dict(statement["node"])


def _kind(statement: duckdb.Statement, sql: str) -> str:
    """Return the engine's word for a statement; the first one of the text where that is SELECT (of a PRAGMA it is)."""
    name = str(statement.type.name)
    return name if name != "SELECT" else sql.split()[0].upper()


def _tables(node: Any, named: frozenset[str]) -> Iterator[TableName]:
    """Yield the tables below a node; `named` are the common table expressions it can see, in lower case."""
    if isinstance(node, list):
        for item in node:
            yield from _tables(item, named)
        return
    if not isinstance(node, dict):
        return
    _refuse_function(node)
    if node.get("type") == "BASE_TABLE" and (table := _table(node, named)):
        yield table
    if node.get("type") == "RECURSIVE_CTE_NODE":
        named |= {str(node["cte_name"]).lower()}
    # Each expression sees those before it; only a recursive one sees itself.
    for entry in (node.get("cte_map") or {}).get("map", ()):
        yield from _tables(entry["value"], named)
        named |= {str(entry["key"]).lower()}
    for key, value in node.items():
        if key != "cte_map":
            yield from _tables(value, named)


def _refuse_function(node: dict[str, Any]) -> None:
    kind, name = node.get("type"), str(node.get("function_name", "")).lower()
    if kind == "SHOW_REF":
        raise ContractError(
            f"The query is a DESCRIBE, SHOW or SUMMARIZE, not a SELECT. {_NOTHING} Columns: lakeworks show"
        )
    if kind == "TABLE_FUNCTION":
        name = str((node.get("function") or {}).get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            raise ContractError(
                f"`{name}` cannot be read. A query reads tables of the lake, and the table functions "
                f"{', '.join(sorted(TABLE_FUNCTIONS))}. {_NOTHING}"
            )
    if node.get("class") == "FUNCTION" and name in _REFUSED_FUNCTIONS:
        raise ContractError(f"`{name}` shows or changes the session, which a query may not. {_NOTHING}")


def _table(node: dict[str, Any], named: frozenset[str]) -> TableName | None:
    catalog, schema, table = (str(node.get(key) or "") for key in ("catalog_name", "schema_name", "table_name"))
    if not catalog and not schema and table.lower() in named:
        return None
    written = ".".join(part for part in (catalog, schema, table) if part)
    hint = "A query names tables <layer>_<domain>.<table>. List them: lakeworks tables"
    if catalog:
        hint = f"In SQL write `{catalog}_{schema}.{table}`."
    elif schema:
        try:
            return TableName.from_sql(schema.lower(), table.lower())
        except ContractError:
            pass
    raise ContractError(f"`{written}` is no table of this lake. {hint} {_NOTHING}")

"""Column origins: the upstream columns of each column of a table, from its SQL and its `transform.py`."""

from collections.abc import Callable
from functools import lru_cache

from lakeworks.contract import Contract
from lakeworks.core.names import TableName
from lakeworks.transform.group_functions import load_function
from lakeworks.transform.sql import upstream

Origin = tuple[str, str]  # table, column


def column_lineage(contract: Contract, sql: str, load: Callable[[str], Contract]) -> dict[str, tuple[Origin, ...]]:
    """Return the upstream columns by output column, sorted. A column without any (a constant, `count(*)`) has an empty tuple.

    Filters and join conditions are left out, because they make no value: OpenLineage calls this direct lineage. The origins
    of columns that `transform.py` computes are the SQL columns in its `MADE_OF`.
    """
    inputs = tuple(sorted((str(name), tuple(load(str(name)).columns)) for name in upstream(sql)))
    traced = _traced(sql, inputs)
    function = load_function(contract)
    for name, columns in function.made_of.items() if function else ():
        origins = {origin for column in columns for origin in traced.get(column.lower(), ())}
        traced = {**traced, name.lower(): tuple(sorted(origins))}
    return {name: traced.get(name.lower(), ()) for name in contract.columns}


@lru_cache(maxsize=256)
def _traced(sql: str, inputs: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, tuple[Origin, ...]]:
    from sqlglot import exp
    from sqlglot.lineage import Node, lineage

    schema: dict[str, dict[str, dict[str, str]]] = {}
    spelled: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
    for name, columns in inputs:
        table = TableName.parse(name)
        schema.setdefault(table.database, {})[table.table] = dict.fromkeys(columns, "VARCHAR")
        spelled[(table.database, table.table)] = (name, {column.lower(): column for column in columns})

    def origins(node: Node) -> tuple[Origin, ...]:
        sources = set()
        for leaf in node.walk():
            source = leaf.expression
            if isinstance(source, exp.Table) and (source.db, source.name) in spelled:
                name, columns = spelled[(source.db, source.name)]
                column = leaf.name.rpartition(".")[2].strip('"')
                sources.add((name, columns.get(column.lower(), column)))
        return tuple(sorted(sources))

    # trimmed queries are only for display, and take three quarters of the time
    traced = lineage(None, sql, schema, dialect="duckdb", trim_selects=False)
    assert isinstance(traced, dict)  # noqa: S101 - without a column it returns them all
    return {name.lower(): origins(node) for name, node in traced.items()}

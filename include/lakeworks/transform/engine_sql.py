"""A transform's SQL for another engine: that engine's dialect, with the table names and types that it needs there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakeworks.core.names import TableName
from lakeworks.errors import ContractError
from lakeworks.transform.sql import LANDING, parse, read_columns, table_of

if TYPE_CHECKING:
    from sqlglot import exp


def spark_sql(sql: str, views: Mapping[TableName, str]) -> str:
    """Return a bound transform for Spark, over one view for each table: a view's name has no database."""
    from sqlglot import exp

    return str(_over(parse(sql), {name: exp.to_table(view) for name, view in views.items()}).sql("spark", pretty=True))


def athena_sql(sql: str, sources: Mapping[TableName, str]) -> str:
    """Return a bound transform for Athena, over one subquery for each table, with microseconds in every timestamp.

    Athena writes timestamps with milliseconds, so the result has them as text.

    Raises:
        ContractError: a column has timestamps inside lists, structs or maps.
    """
    import sqlglot
    from sqlglot import exp

    tree = parse(sql)
    columns = [_as_text_if_timestamp(item) for item in _projections(tree)]
    trees = {name: sqlglot.parse_one(text, read="trino") for name, text in sources.items()}
    subqueries = {name: exp.Subquery(this=one) for name, one in trees.items()}
    for kind in tree.find_all(exp.DataType):
        if _is_timestamp(kind) and not kind.expressions:
            kind.set("expressions", [exp.DataTypeParam(this=exp.Literal.number(6))])
    built = _over(tree, subqueries).sql("trino", pretty=True)
    return f"SELECT {', '.join(columns)}\nFROM (\n{built}\n) AS built"


def columns_named(sql: str) -> set[str] | None:
    """Return the name of every column that a transform mentions, in lower case; None if it reads all of a table by `*`."""
    names = read_columns(_inner(parse(sql)).sql("duckdb"))
    return None if names is None else {name.lower() for name in names}


def _inner(tree: "exp.Expression") -> "exp.Expression":
    """Return the query below `SELECT *` over a subquery: a run with `late_data` is limited that way."""
    from sqlglot import exp

    while isinstance(tree, exp.Select) and tree.is_star and (inner := tree.find(exp.Subquery)):
        tree = inner.this
    return tree


def _projections(tree: "exp.Expression") -> "list[exp.Expression]":
    from sqlglot import exp

    query = _inner(tree)
    if not isinstance(query, exp.Query):
        raise ContractError("The transform is not one SELECT. Nothing was built.")
    return list(query.selects)


def _as_text_if_timestamp(item: "exp.Expression") -> str:
    from sqlglot import exp

    name = '"' + item.alias_or_name.replace('"', '""') + '"'
    cast = item.unalias()
    kind = cast.to if isinstance(cast, exp.Cast) else None
    timestamps = [] if kind is None else [one for one in kind.find_all(exp.DataType) if _is_timestamp(one)]
    if kind is not None and timestamps and timestamps[0] is not kind:
        raise ContractError(
            f"`{item.alias_or_name}` has timestamps inside {kind.sql('duckdb')}, which Athena cuts to milliseconds. Nothing "
            "was built. Use `engine: duckdb` or `engine: spark`."
        )
    return f"CAST({name} AS VARCHAR) AS {name}" if timestamps else name


def _is_timestamp(kind: "exp.DataType") -> bool:
    return str(kind.this.value).startswith("TIMESTAMP")


def _over(tree: "exp.Expression", relations: Mapping[TableName, "exp.Expression"]) -> "exp.Expression":
    """Replace every table of the lake; columns keep naming it by its alias or its old name."""
    from sqlglot import exp

    own = {cte.alias_or_name for cte in tree.find_all(exp.CTE)} | {LANDING}
    for table in list(tree.find_all(exp.Table)):
        if not table.db and table.name in own:
            continue
        relation = relations[table_of(table)].copy()
        relation.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias_or_name)))
        table.replace(relation)
    return tree

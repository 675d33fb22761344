"""Subqueries that read exactly the planned partitions of a table, by its partition keys alone: Athena opens no other."""

from collections import defaultdict
from collections.abc import Iterable

from lakeworks.core.names import TableName
from lakeworks.core.tenant import Tenant, database_of
from lakeworks.ledger.build_plan import PlannedInput

Pair = tuple[str, str | None]


def source_select(table: PlannedInput, tenant: Tenant | None = None) -> str:
    """Return a SELECT of the contract's columns, in Trino's SQL, over the planned partitions."""
    name = TableName.parse(table.name)
    columns = ", ".join(_column(table, column, kind) for column, kind in table.columns.items())
    if not table.partitions:
        empty = ", ".join(f"CAST(NULL AS {_trino(kind)}) AS {_quoted(name)}" for name, kind in table.columns.items())
        return f"SELECT {empty} WHERE FALSE"
    condition = _any_of([list(item.parsed.pairs) for item in table.partitions])
    where = f" WHERE {condition}" if condition else ""
    return f"SELECT {columns} FROM {_quoted(database_of(tenant, name.database))}.{_quoted(name.table)}{where}"


def _column(table: PlannedInput, name: str, kind: str) -> str:
    """Return a column in its contract's type: in Glue every partition key is text."""
    lower = _quoted(name.lower())
    value = f"CAST({lower} AS {_trino(kind)})" if name in table.path_columns else lower
    return f"{value} AS {_quoted(name)}"


def _any_of(partitions: list[list[Pair]]) -> str:
    """Return the condition for partitions with the same keys: `year = '2019' AND month IN ('01', '02')`, grouped by parent."""
    partitions = [pairs for pairs in partitions if pairs]
    if not partitions:
        return ""
    days: dict[tuple[Pair, ...], list[str | None]] = defaultdict(list)
    for pairs in partitions:
        days[tuple(pairs[:-1])].append(pairs[-1][1])
    last = partitions[0][-1][0]
    return " OR ".join(
        "(" + " AND ".join([*(_is(key, [value]) for key, value in parent), _is(last, values)]) + ")"
        for parent, values in days.items()
    )


def _is(key: str, values: Iterable[str | None]) -> str:
    name, listed = _quoted(key.lower()), list(values)
    known = ", ".join("'" + value.replace("'", "''") + "'" for value in listed if value is not None)
    null = f"{name} IS NULL"
    if not known:
        return null
    return f"({name} IN ({known}) OR {null})" if None in listed else f"{name} IN ({known})"


def _trino(kind: str) -> str:
    from sqlglot import exp

    return str(exp.DataType.build(kind, dialect="hive").sql("trino"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""The SQL around a transform: candidates with the rules they break, duplicates, and the two sorted outcomes."""

from collections.abc import Sequence
from datetime import datetime

from lakeworks.contract import Column, Contract, RowRule

# The engine's variable with the deployment's salt: a statement names it, so no statement, log or error holds it.
SALT = "lakeworks_pii_salt"


def quoted(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def candidates(contract: Contract, sql: str, rules: Sequence[RowRule]) -> str:
    """Materialise the transform's rows once, each with the list of rules it breaks (null for a good row).

    Every rule is evaluated once for all rows; only broken rows pay for their list.
    """
    columns = ", ".join(f"{_value(name, column)} AS {quoted(name)}" for name, column in contract.columns.items())
    good = " AND ".join(f"coalesce(({rule.sql}), FALSE)" for rule in rules) or "TRUE"
    names = ", ".join(f"CASE WHEN NOT coalesce(({rule.sql}), FALSE) THEN '{rule.name}' END" for rule in rules)
    listed = (
        f"CASE WHEN NOT ({good}) THEN list_filter([{names}], lambda x: x IS NOT NULL) END"
        if rules
        else "NULL::VARCHAR[]"
    )
    return (
        f"CREATE TABLE _candidates AS SELECT *, {listed} AS _broken_rules "
        f"FROM (SELECT {columns} FROM ({sql.rstrip().rstrip(';')}\n))"
    )


def touched(contract: Contract, relation: str) -> str:
    """The starts of the partitions that the rows of a relation fall into, earliest first; null for rows without a time."""
    assert contract.rebuilds  # noqa: S101 - the caller asks for tables with it only
    if not contract.rebuilds.dated_by:
        return f"SELECT DISTINCT NULL::TIMESTAMP FROM {relation}"
    moment, grain = f"CAST({contract.rebuilds.dated_by} AS TIMESTAMP)", contract.partition_by[0].transform
    return f"SELECT DISTINCT date_trunc('{grain}', {moment}) AS start FROM {relation} ORDER BY start"


def limited(contract: Contract, sql: str, starts: Sequence[datetime | None]) -> str:
    """The transform with no rows but those of the partitions with these starts."""
    if not contract.partition_by:
        return sql
    field = contract.partition_by[0]
    start = f"date_trunc('{field.transform}', CAST({quoted(str(field.column))} AS TIMESTAMP))"
    known = ", ".join(f"TIMESTAMP '{item:%Y-%m-%d %H:%M:%S}'" for item in starts if item)
    listed = f"coalesce({start} IN ({known}), FALSE)" if known else "FALSE"
    within = f"{listed} OR {quoted(str(field.column))} IS NULL" if None in starts else listed
    return f"SELECT * FROM ({sql.rstrip().rstrip(';')}\n) WHERE {within}"


def _value(name: str, column: Column) -> str:
    plain = f"CAST({quoted(name)} AS {column.type.duckdb})"
    return f"sha256(getvariable('{SALT}') || {plain})" if column.masking else plain


def typed_columns(contract: Contract) -> str:
    """The contract's columns as a column list of DDL."""
    return ", ".join(f"{quoted(name)} {column.type.duckdb}" for name, column in contract.columns.items())


def inside_period(contract: Contract) -> str:
    """What is true of a row of the run's period: its time partition's column lies in it."""
    times = [item.column for item in contract.partition_by if item.transform != "identity" and item.column]
    return " AND ".join(f"{quoted(n)} >= $partition_start AND {quoted(n)} < $partition_end" for n in times) or "TRUE"


def duplicate_count(contract: Contract) -> str:
    """Whether any grain comes twice: by hash, so that the common case (none) is one cheap aggregate."""
    return (
        f"SELECT count(*) FROM (SELECT 1 FROM _candidates WHERE _broken_rules IS NULL "
        f"GROUP BY {_grain_hash(contract)} HAVING count(*) > 1)"
    )


def duplicates(contract: Contract) -> str:
    """The row ids that lose against an earlier row of the same grain; all columns break ties, so the winner is fixed."""
    grain = ", ".join(map(quoted, contract.grain))
    order = [*(contract.deduplicate_by or ()), *map(quoted, contract.columns)]
    hashed = _grain_hash(contract)
    return (
        "CREATE TABLE _duplicates AS SELECT row_id FROM ("
        f"SELECT rowid AS row_id, row_number() OVER (PARTITION BY {grain} ORDER BY {', '.join(order)}) AS place "
        f"FROM _candidates WHERE _broken_rules IS NULL AND {hashed} IN ("
        f"SELECT {hashed} FROM _candidates WHERE _broken_rules IS NULL GROUP BY 1 HAVING count(*) > 1)) WHERE place > 1"
    )


def broken_counts() -> str:
    """Rows per broken rule, sorted by rule."""
    return (
        "SELECT rule, count(*) FROM (SELECT unnest(_broken_rules) AS rule FROM _candidates "
        "WHERE _broken_rules IS NOT NULL) GROUP BY rule ORDER BY rule"
    )


def staged(contract: Contract) -> str:
    """The good rows in publishing order."""
    columns = ", ".join(map(quoted, contract.columns))
    return (
        f"SELECT {columns} FROM _candidates WHERE _broken_rules IS NULL "
        f"AND rowid NOT IN (SELECT row_id FROM _duplicates) ORDER BY {', '.join(publishing_order(contract))}"
    )


def quarantined(contract: Contract, rules: Sequence[RowRule]) -> str:
    """The broken rows, with the reasons of every rule they break in one text."""
    reasons = " ".join(f"WHEN '{rule.name}' THEN '{_text(rule.reason)}'" for rule in rules)
    reason = f"list_transform(_broken_rules, lambda x: CASE x {reasons} END)" if rules else "_broken_rules"
    columns = ", ".join(map(quoted, contract.columns))
    return (
        f"SELECT {columns}, _broken_rules, array_to_string({reason}, ' ') AS _reason FROM _candidates "
        f"WHERE _broken_rules IS NOT NULL ORDER BY _broken_rules, {columns}"
    )


def publishing_order(contract: Contract) -> list[str]:
    """Partition first, then grain; a table without a grain is sorted by everything, so that its order is fixed too."""
    order = []
    for item in contract.partition_by:
        if item.column is None:
            continue
        name = quoted(item.column)
        order.append(name if item.transform == "identity" else f"date_trunc('{item.transform}', {name})")
    return [*order, *map(quoted, contract.grain or contract.columns)]


def _grain_hash(contract: Contract) -> str:
    return f"hash({', '.join(map(quoted, contract.grain))})"


def _text(value: str) -> str:
    return value.replace("'", "''")

"""The SQL around a transform: row rules, publishing order, duplicates, quarantine."""

from collections.abc import Sequence
from datetime import datetime

from lakeworks.contract import Contract, RowRule
from lakeworks.contract.storability import ordering
from lakeworks.core.lake_limits import time_rule

# The engine's variable with the deployment's salt: a statement names it, so no statement, log or error holds it.
SALT = "lakeworks_pii_salt"

# Rules a mask column holds: a BIGINT without its sign.
_MASK_BITS = 62


def quoted(name: str) -> str:
    """Return a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def mask_columns(rules: Sequence[RowRule]) -> list[str]:
    """Return the columns with the rules that a row breaks, one bit each; all are 0 for a good row."""
    return [f"_broken_{number}" for number in range(-(-len(rules) // _MASK_BITS))]


def judged(contract: Contract, sql: str, rules: Sequence[RowRule]) -> str:
    """Return the transform's rows in the contract's types, with the masks of the rules they break.

    Every rule is evaluated once for all rows. Only broken rows need masks. A mask is one number, because rows are
    sorted with it and a list would make the sort larger.
    """
    columns = ", ".join(f"{_value(contract, name)} AS {quoted(name)}" for name in contract.columns)
    good = " AND ".join(f"coalesce(({rule.sql}), FALSE)" for rule in rules)
    masks = "".join(
        f", CAST(CASE WHEN {good} THEN 0 ELSE {_mask(rules, number)} END AS BIGINT) AS {name}"
        for number, name in enumerate(mask_columns(rules))
    )
    return f"SELECT *{masks} FROM (SELECT {columns} FROM ({sql.rstrip().rstrip(';')}\n))"


def affected_starts(contract: Contract, relation: str) -> str:
    """Return SQL for the starts of the partitions that the rows of a relation fall into, earliest first.

    It is null for rows without a time, and for times that the table cannot have (`plausible_times`).
    """
    assert contract.late_data  # noqa: S101 - the caller asks for tables with it only
    if not contract.late_data.partition_time:
        return f"SELECT DISTINCT NULL::TIMESTAMP FROM {relation}"
    moment, grain = f"CAST({contract.late_data.partition_time} AS TIMESTAMP)", contract.partition_by[0].transform
    possible = time_rule(moment, contract.plausible_times.first, contract.plausible_times.last)
    start = f"CASE WHEN {possible} THEN date_trunc('{grain}', {moment}) END"
    return f"SELECT DISTINCT {start} AS start FROM {relation} ORDER BY start"


def limited(contract: Contract, sql: str, starts: Sequence[datetime | None]) -> str:
    """Return the transform, limited to the partitions with these starts."""
    if not contract.partition_by:
        return sql
    field = contract.partition_by[0]
    start = f"date_trunc('{field.transform}', CAST({quoted(str(field.column))} AS TIMESTAMP))"
    known = ", ".join(f"TIMESTAMP '{item:%Y-%m-%d %H:%M:%S}'" for item in starts if item)
    listed = f"coalesce({start} IN ({known}), FALSE)" if known else "FALSE"
    times = contract.plausible_times
    possible = time_rule(quoted(str(field.column)), times.first, times.last)
    within = f"{listed} OR {quoted(str(field.column))} IS NULL OR NOT ({possible})" if None in starts else listed
    return f"SELECT * FROM ({sql.rstrip().rstrip(';')}\n) WHERE {within}"


def _value(contract: Contract, name: str) -> str:
    column = contract.columns[name]
    plain = f"CAST({quoted(name)} AS {column.type.duckdb})"
    return publishable(contract, name, f"sha256(getvariable('{SALT}') || {plain})" if column.masking else plain)


def publishable(contract: Contract, name: str, value: str) -> str:
    """Return the value as readers see it: Hive has one folder for null and empty text, which reads as null.

    As two values, they would be sorted to different ends, and `required` would accept empty text.
    """
    text = contract.columns[name].type.kind == "string"
    return f"nullif({value}, '')" if text and name in contract.identity_columns else value


def typed_columns(contract: Contract) -> str:
    """Return the contract's columns as a column list of DDL."""
    return ", ".join(f"{quoted(name)} {column.type.duckdb}" for name, column in contract.columns.items())


def inside_period(contract: Contract) -> str:
    """Return the condition that a row belongs to the run's period."""
    times = [item.column for item in contract.time_fields if item.column]
    return " AND ".join(f"{quoted(n)} >= $partition_start AND {quoted(n)} < $partition_end" for n in times) or "TRUE"


def ordered(contract: Contract, rules: Sequence[RowRule], source: str) -> str:
    """Return checked rows: the good ones in publishing order, then the broken ones."""
    first, *remaining = publishing_order(contract)
    if rules:
        first = f"CASE WHEN {is_good(rules)} THEN {first} END"
    columns = ", ".join([*map(quoted, contract.columns), *mask_columns(rules)])
    return f"SELECT {columns} FROM ({source}) ORDER BY {', '.join([first, *remaining])}"


def is_good(rules: Sequence[RowRule]) -> str:
    """Return the condition that is true for a checked row without a broken rule."""
    return " AND ".join(f"{name} = 0" for name in mask_columns(rules)) or "TRUE"


def publishing_order(contract: Contract) -> list[str]:
    """Return the sort keys: partition, `storage.sort_by`, grain. A table without a grain is sorted by all columns.

    If the last partition field is the day (month, hour) of a grain column, that column also gives the day. The sort
    then has one key less, its first key is nearly unique, and files are sorted by time. `sort_by` prevents that, unless it
    begins with that column.
    """
    keys = list(dict.fromkeys([*contract.storage.sort_by, *(contract.grain or contract.columns)]))
    by_time = contract.storage.sort_by[:1] or keys
    order = []
    for number, item in enumerate(contract.partition_by, 1):
        if item.column is None:
            continue
        if not item.is_time or (number == len(contract.partition_by) and item.column in by_time):
            order.append(quoted(item.column))
        else:
            order.append(f"date_trunc('{item.transform}', {quoted(item.column)})")
    return [*order, *(quoted(name) for name in keys if quoted(name) not in order)]


def duplicates_meet(contract: Contract) -> bool:
    """Return True if publishing order brings rows of one grain together: in one partition, with equal keys side by side."""
    columns = {item.column for item in contract.partition_by if item.column}
    kinds = {contract.columns[name].type.kind for name in contract.grain}
    first = columns | set(contract.storage.sort_by)
    return first <= set(contract.grain) and not kinds & {
        "float",
        "double",
        "list",
        "struct",
        "map",
    }


def duplicate_count(contract: Contract, rules: Sequence[RowRule]) -> str:
    """Return True if any grain comes twice: by hash, so that the common case (none) is one cheap aggregate."""
    return (
        f"SELECT count(*) FROM (SELECT 1 FROM _candidates WHERE {is_good(rules)} "
        f"GROUP BY {_grain_hash(contract)} HAVING count(*) > 1)"
    )


def duplicates(contract: Contract, rules: Sequence[RowRule]) -> str:
    """Return the row ids that lose against an earlier row of the same grain."""
    grain, hashed = ", ".join(map(quoted, contract.grain)), _grain_hash(contract)
    return (
        "CREATE TABLE _duplicates AS SELECT row_id FROM ("
        f"SELECT rowid AS row_id, row_number() OVER (PARTITION BY {grain} ORDER BY {winning_order(contract)}) AS place "
        f"FROM _candidates WHERE {is_good(rules)} AND {hashed} IN ("
        f"SELECT {hashed} FROM _candidates WHERE {is_good(rules)} GROUP BY 1 HAVING count(*) > 1)) WHERE place > 1"
    )


def winning_order(contract: Contract) -> str:
    """Return the order in which the first row of a grain wins; all columns break ties, so the winner is fixed."""
    first = (ordering(entry) for entry in contract.deduplicate_by or ())
    return ", ".join(
        [*(f"{quoted(name)} {direction}".rstrip() for name, direction in first), *map(quoted, contract.columns)]
    )


def broken_counts(rules: Sequence[RowRule]) -> str:
    """Return the query for rows per broken rule among the quarantined rows, sorted by rule."""
    return (
        f"SELECT rule, count(*) FROM (SELECT unnest({_broken_rules(rules)}) AS rule FROM _quarantined) "
        "GROUP BY rule ORDER BY rule"
    )


def quarantined(contract: Contract, rules: Sequence[RowRule]) -> str:
    """Return the query for the quarantined rows, with the reasons of all broken rules in one text."""
    reasons = " ".join(f"WHEN '{rule.name}' THEN '{_text(rule.reason)}'" for rule in rules)
    reason = f"list_transform(_broken_rules, lambda x: CASE x {reasons} END)" if rules else "_broken_rules"
    columns = ", ".join(map(quoted, contract.columns))
    return (
        f"SELECT {columns}, _broken_rules, array_to_string({reason}, ' ') AS _reason "
        f"FROM (SELECT *, {_broken_rules(rules)} AS _broken_rules FROM _quarantined) ORDER BY _broken_rules, {columns}"
    )


def _mask(rules: Sequence[RowRule], number: int) -> str:
    some = rules[number * _MASK_BITS : (number + 1) * _MASK_BITS]
    bits = (f"CASE WHEN coalesce(({rule.sql}), FALSE) THEN 0 ELSE {1 << bit} END" for bit, rule in enumerate(some))
    return "(" + " + ".join(bits) + ")"


def _broken_rules(rules: Sequence[RowRule]) -> str:
    """Return the names of a checked row's broken rules, in the rules' order."""
    if not rules:
        return "NULL::VARCHAR[]"
    names = (
        f"CASE WHEN _broken_{index // _MASK_BITS} & {1 << index % _MASK_BITS} <> 0 THEN '{rule.name}' END"
        for index, rule in enumerate(rules)
    )
    return f"list_filter([{', '.join(names)}], lambda x: x IS NOT NULL)"


def _grain_hash(contract: Contract) -> str:
    return f"hash({', '.join(map(quoted, contract.grain))})"


def _text(value: str) -> str:
    return value.replace("'", "''")

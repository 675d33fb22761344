"""Partition advice from a query log: the columns that queries filter by, compared with the table's partitions.

A query log is one JSON object a line with `sql` and, if known, `scanned_bytes` (Athena's `DataScannedInBytes`).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.contract import Contract
from lakeworks.core.names import TableName
from lakeworks.errors import ConfigError, ContractError

if TYPE_CHECKING:
    from sqlglot import exp

_MB = 1 << 20
SMALL_PARTITION_BYTES = 16 * _MB  # below this, opening a file costs more than skipping one saves
_OFTEN = 0.3  # a column in fewer queries is not worth a partition key


@dataclass(frozen=True)
class Query:
    """One query of the log."""

    sql: str
    scanned_bytes: int = 0


@dataclass(frozen=True)
class TableFacts:
    """Facts of a table from ledger and data; `distinct` where values were counted."""

    partitions: int
    bytes: int
    distinct: Mapping[str, int]


@dataclass(frozen=True)
class FilterUse:
    """A column's use in filters, and the advice about it."""

    table: str
    column: str
    queries: int
    share: float
    scanned_bytes: int
    is_partition: bool
    advice: str


def read_log(lines: Iterable[str]) -> Iterator[Query]:
    """Parse a query log.

    Raises:
        ConfigError: a line is no JSON object with `sql`; names the line.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item: Any = json.loads(line)
            yield Query(str(item["sql"]), int(item.get("scanned_bytes") or 0))
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f'Line {number} of the query log is not {{"sql": "…", "scanned_bytes": 123}}: {error!r}. Nothing was computed.'
            ) from error


def filters(sql: str) -> dict[TableName, set[str]]:
    """Return the columns that WHERE filters each table by (`=`, IN, BETWEEN, <); empty if the query does not parse."""
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(sql, read="athena")
    except sqlglot.errors.SqlglotError:
        return {}
    filtered: dict[TableName, set[str]] = {}
    for select in tree.find_all(exp.Select):
        sources = [select.args.get("from_") or select.args.get("from"), *select.args.get("joins", [])]
        tables = dict(_tables([source.this for source in sources if source]))
        for name in tables.values():
            filtered.setdefault(name, set())
        where = select.args.get("where")
        for column in _compared(where) if where else ():
            # A column without a table name belongs to the only source. With several sources, only the catalog knows.
            alone = next(iter(tables.values()), None) if len(sources) == 1 else None
            owner = tables.get(column.table) if column.table else alone
            if owner:
                filtered[owner].add(column.name.lower())
    return filtered


def advise_partitions(
    queries: Iterable[Query], contract_of: Callable[[str], Contract], facts_of: Callable[[str], TableFacts]
) -> list[FilterUse]:
    """Return one line per table and filtered column, and one per table scanned without its partition filter."""
    runs: Counter[str] = Counter()
    scanned: Counter[tuple[str, str]] = Counter()
    used: Counter[tuple[str, str]] = Counter()
    for query in queries:
        for name, columns in filters(query.sql).items():
            runs[str(name)] += 1
            for column in columns or {""}:
                used[str(name), column] += 1
                scanned[str(name), column] += query.scanned_bytes
    proposals = []
    for (table, column), count in sorted(used.items(), key=lambda item: (item[0][0], -item[1], item[0][1])):
        try:
            contract = contract_of(table)
        except ContractError:  # not a table of this lake
            continue
        share = count / runs[table]
        advice = _advice(contract, column, share, facts_of(table))
        cut = column in _partition_columns(contract)
        proposals.append(FilterUse(table, column or "(none)", count, share, scanned[table, column], cut, advice))
    return proposals


def _advice(contract: Contract, column: str, share: float, table_facts: TableFacts) -> str:
    cut_by = _partition_columns(contract)
    if not column:
        return f"{share:.0%} of queries read every partition: filter by {' or '.join(sorted(cut_by)) or 'any column'}"
    if column in cut_by:
        size = table_facts.bytes / max(table_facts.partitions, 1)
        if size < SMALL_PARTITION_BYTES and table_facts.partitions > 1:
            return (
                f"partitions are skipped, but hold {size / _MB:.1f} MB on average: coarser partitions open fewer files"
            )
        return "partitions are skipped"
    if share < _OFTEN:
        return "too seldom for a partition key; Parquet statistics help if rows are sorted by it"
    count = table_facts.distinct.get(column)
    if count is None:
        return "count its values first (SELECT count(DISTINCT …)); few values and large partitions make a partition key"
    size = table_facts.bytes / max(table_facts.partitions, 1) / max(count, 1)
    if size < SMALL_PARTITION_BYTES:
        return (
            f"{count} values would make partitions of {size / _MB:.2f} MB: sort by it (grain order) instead of "
            "partitioning by it"
        )
    return f"add it to partition_by: {count} values, partitions of {size / _MB:.0f} MB"


def _partition_columns(contract: Contract) -> set[str]:
    named = {item.column.lower() for item in contract.partition_by if item.column}
    return named | {key.lower() for key in contract.partition_keys}


def _tables(sources: "Iterable[exp.Expression]") -> Iterator[tuple[str, TableName]]:
    from sqlglot import exp

    for table in sources:
        if isinstance(table, exp.Table) and table.db:
            try:
                yield table.alias_or_name, TableName.from_sql(table.db.rpartition("__")[2], table.name)
            except ContractError:
                continue


def _compared(where: "exp.Expression") -> Iterator["exp.Column"]:
    from sqlglot import exp

    kinds = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
    for comparison in where.find_all(*kinds):
        sides = [comparison.this, comparison.args.get("expression")]
        yield from (side for side in sides if isinstance(side, exp.Column))

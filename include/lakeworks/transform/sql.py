"""Transforms: one portable SQL text per table. This module reads its upstreams, lints it, and renders it in other dialects.

`$partition_start` and `$partition_end` (exclusive) are the run's period as timestamps, `$partition_date` its first day. The
relation `landing` is the raw file of a source table. Why each construct is banned: docs/adr/0005-portable-sql.md.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from lakeworks.contract import Contract
from lakeworks.core.names import TableName, suggestion
from lakeworks.core.partition import Period
from lakeworks.errors import ContractError
from lakeworks.transform.group_functions import has_function

if TYPE_CHECKING:
    from sqlglot import exp

LANDING = "landing"
PARAMETERS = {
    "partition_start": "First moment of the run's period, a timestamp (UTC).",
    "partition_end": "First moment after the run's period, a timestamp.",
    "partition_date": "First day of the run's period, a date.",
}
_PARAMETER = re.compile(r"\$(\w+)")
# Different on Spark or Athena (silently or with an error), or not repeatable.
_CLOCKS = {"now", "transaction_timestamp", "get_current_timestamp", "current_localtimestamp", "nextval"}
_BANNED = {
    "DateDiff": "date_diff counts boundaries in one engine and full units in another: subtract epochs",
    "DayOfWeek": "dayofweek starts at 0 or 1",
    "PercentileCont": "quantile_cont/percentile_cont is spelled differently everywhere",
    "Quantile": "quantile is not portable",
    "Median": "median is not portable",
    "CurrentDate": "a transform must not know what time it is",
    "CurrentTimestamp": "a transform must not know what time it is",
    "Localtimestamp": "a transform must not know what time it is",
    "Localtime": "a transform must not know what time it is",
    "CurrentTime": "a transform must not know what time it is",
    "Rand": "random numbers make a re-run differ",
    "Uuid": "random identifiers make a re-run differ",
}


def load_sql(contract: Contract) -> str | None:
    """Load the table's `transform.sql`; None for a table that takes its source unchanged."""
    path = contract.folder / "transform.sql"
    return path.read_text() if path.is_file() else None


def bind(sql: str, period: Period) -> str:
    """Return the text with the period's parameters as literals.

    Raises:
        ContractError: it uses a parameter that does not exist.
    """
    values = {
        "partition_start": f"TIMESTAMP '{period.start:%Y-%m-%d %H:%M:%S}'",
        "partition_end": f"TIMESTAMP '{period.end:%Y-%m-%d %H:%M:%S}'",
        "partition_date": f"DATE '{period.start:%Y-%m-%d}'",
    }

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ContractError(f"`${match[1]}` is no parameter of a transform. {suggestion(match[1], PARAMETERS)}")
        return values[match[1]]

    return _PARAMETER.sub(value, sql)


def has_parameters(sql: str) -> bool:
    """Return whether the text depends on the run's period."""
    return bool(_PARAMETER.search(sql))


def upstream(sql: str) -> list[TableName]:
    """Return the tables that a transform reads, sorted, without `landing` and its own CTEs.

    Raises:
        ContractError: the text does not parse, or a table is not written `<layer>_<domain>.<table>`.
    """
    return list(_upstream(sql))


@lru_cache(maxsize=256)  # called several times per run, and a parse takes 25 ms
def _upstream(sql: str) -> tuple[TableName, ...]:
    from sqlglot import exp

    tree = parse(sql)
    own = {cte.alias_or_name for cte in tree.find_all(exp.CTE)} | {LANDING}
    names = set()
    for table in tree.find_all(exp.Table):
        if table.db or table.name not in own:
            names.add(table_of(table))
    return tuple(sorted(names))


def table_of(table: "exp.Table", reader: str = "A transform") -> TableName:
    """Return the name of a table in a parsed query.

    Raises:
        ContractError: it is not written `<layer>_<domain>.<table>`.
    """
    written = ".".join(part.name for part in table.parts)
    if len(table.parts) == 2:
        try:
            return TableName.from_sql(table.db, table.name)
        except ContractError:
            pass
    hint = f"{reader} names tables <layer>_<domain>.<table>{', or `landing`' if reader == 'A transform' else ''}."
    if len(table.parts) == 3:
        hint = f"In SQL write `{'_'.join(written.split('.')[:2])}.{table.name}`."
    raise ContractError(f"`{written}` is no table of this lake. {hint}")


def read_columns(sql: str) -> list[str] | None:
    """Return the name of every column that a transform mentions; None if it has a `*` other than that of COUNT(*)."""
    from sqlglot import exp

    tree = parse(sql)
    if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)):
        return None
    return sorted({column.name for column in tree.find_all(exp.Column)})


def render(sql: str, dialect: str) -> str:
    """Return the text in another engine's dialect (`athena`, `spark`)."""
    import sqlglot

    return str(sqlglot.transpile(sql, read="duckdb", write=dialect, pretty=True)[0])


def lint(sql: str, contract: Contract) -> list[str]:
    """Return the reasons why a transform is not portable or repeatable; empty if there are none."""
    from sqlglot import exp

    tree = parse(sql)
    problems = [why for name, why in _BANNED.items() if any(tree.find_all(getattr(exp, name)))]
    if clocks := sorted({call.name.lower() for call in tree.find_all(exp.Anonymous)} & _CLOCKS):
        problems.append(f"a transform must not know what time it is: {', '.join(clocks)}")
    if any(with_.args.get("recursive") for with_ in tree.find_all(exp.With)):
        problems.append("WITH RECURSIVE stops at 100 levels on Spark")
    if contract.late_data and has_parameters(sql):
        problems.append(
            "a table with `late_data` builds partitions outside the run's period: it cannot depend on $partition_…"
        )
    if any(group.args.get("all") for group in tree.find_all(exp.Group)):
        problems.append("GROUP BY ALL is not portable: list the expressions")
    if unread := sorted(set(contract.inputs) - {str(name) for name in upstream(sql)}):
        problems.append(f"the contract's `inputs` name what is not read: {', '.join(unread)}")
    return problems + _projection_problems(tree, contract)


def _projection_problems(tree: "exp.Expression", contract: Contract) -> list[str]:
    from sqlglot import exp

    if not isinstance(tree, exp.Query):
        return ["a transform is one SELECT"]
    problems = []
    names = [projection.alias_or_name for projection in tree.selects]
    if names != list(contract.columns) and not has_function(contract):
        problems.append(f"the columns are {names}, the contract has {list(contract.columns)}")
    for projection in tree.selects:
        if not isinstance(projection.unalias(), exp.Cast):  # TRY_CAST is a Cast too
            problems.append(f"`{projection.alias_or_name}` is not CAST to its contract type")
    return problems


def parse(sql: str) -> "exp.Expression":
    """Return the syntax tree of a text in the dialect of transforms.

    Raises:
        ContractError: it does not parse.
    """
    import sqlglot

    try:
        return sqlglot.parse_one(sql, read="duckdb")
    except sqlglot.errors.ParseError as error:
        raise ContractError(f"The transform does not parse: {str(error).splitlines()[0]}") from error

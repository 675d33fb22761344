"""Tables that a query reads whole: without a condition on their partition keys Athena scans every partition.

A condition on the column that a table is cut by skips nothing: of `day(order_date)` the keys are year, month and day.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lakeworks.athena.select import Select
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

_MOMENT = re.compile(r"(?:DATE|TIMESTAMP) '([^']+)'")


def unfiltered_tables(select: Select, literals: Sequence[str], named: str) -> Iterator[str]:
    """Yield a sentence for each table that is read whole, with the condition to add.

    `named` is the pattern of the parameters' names in the tree.
    """
    by_name = {named.format(number): text for number, text in enumerate(literals)}
    for scope in select.scopes():
        for alias, source in scope.sources.items():
            contract = select.contract_of(source)
            if contract and contract.partition_keys and not _is_filtered(scope, alias, contract):
                keys = ", ".join(contract.partition_keys)
                yield (
                    f"`{contract.name}` is read whole: the query has no condition on its partition keys {keys}. Add "
                    f"`{_condition(scope, alias, contract, by_name)}`."
                )


def _is_filtered(scope: "Scope", alias: str, contract: Contract) -> bool:
    keys = {key.lower() for key in contract.partition_keys}
    return any(column.table == alias and column.name.lower() in keys for column in _columns(scope))


def _columns(scope: "Scope") -> "Iterator[exp.Column]":
    from sqlglot import exp

    if where := scope.expression.args.get("where"):
        yield from where.find_all(exp.Column)


def _condition(scope: "Scope", alias: str, contract: Contract, by_name: dict[str, str]) -> str:
    """Return the condition, with values where the query names the day itself."""
    day = _named_period(scope, alias, contract, by_name)
    pairs = dict(Partition.of_period(day).pairs) if day else {}
    return " AND ".join(f"{key.lower()} = '{pairs.get(key) or '…'}'" for key in contract.partition_keys)


def _named_period(scope: "Scope", alias: str, contract: Contract, by_name: dict[str, str]) -> Period | None:
    from sqlglot import exp

    cut_by = {str(field.column).lower(): field.transform for field in contract.time_fields if field.column}
    for column in _columns(scope):
        equal = column.parent
        if column.table != alias or column.name.lower() not in cut_by or not isinstance(equal, exp.EQ):
            continue
        other = equal.expression if equal.this is column else equal.this
        text = by_name.get(other.name) if isinstance(other, exp.Placeholder) else f"DATE '{other.name}'"
        if match := _MOMENT.fullmatch(text or ""):
            try:
                return Period.containing(datetime.fromisoformat(match[1]), cut_by[column.name.lower()])
            except ValueError:
                return None
    return None

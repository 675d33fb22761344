"""A statement for Athena: one SELECT over the lake's tables, whose parameters have the types of what they are compared with.

All of it is decided before anything is sent, because Athena charges for what it scans.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lakeworks.athena.marks import NOTHING, Mark, marks_of, replaced, tokens_of, values_in_order
from lakeworks.athena.parameter_types import parameter_literals
from lakeworks.athena.partition_filter import unfiltered_tables
from lakeworks.athena.personal_data import check_protection
from lakeworks.athena.select import Select, parsed_select
from lakeworks.contract import Contract
from lakeworks.core.tenant import Tenant, database_of
from lakeworks.errors import ContractError

if TYPE_CHECKING:
    from sqlglot import exp

# In UTF-8: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
LONGEST_BYTES = 262_144
_NAMED = "lakeworks_{}"


@dataclass(frozen=True)
class AthenaStatement:
    """The text and the values that are sent; `unfiltered` says which tables would be read whole, and what would help."""

    sql: str
    values: tuple[str, ...] = ()
    unfiltered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readership:
    """The rights of a query's reader: contracts of its tables, the tenant whose share it reads, personal data or none."""

    contract: Callable[[str], Contract]
    tenant: Tenant | None = None
    include_personal: bool = False


def prepared(sql: str, given: Sequence[Any] | Mapping[str, Any], reader: Readership) -> AthenaStatement:
    """Return the statement to send.

    Raises:
        ContractError: it is not one SELECT over tables of the lake, or it reads protected columns. Or a parameter is where
            Athena takes none, has no type, or has a value of another type.
    """
    marks = marks_of(sql)
    values = values_in_order(marks, given)
    select = parsed_select(replaced(sql, marks, [f":{_NAMED.format(n)}" for n in range(len(marks))]), reader.contract)
    if not reader.include_personal:
        check_protection(select)
    literals = parameter_literals([_placeholder(select, n, mark) for n, mark in enumerate(marks)], values, marks)
    text = _in_databases(replaced(sql, marks, ["?"] * len(marks)), select, reader.tenant).strip().rstrip(";").rstrip()
    if len(text.encode()) > LONGEST_BYTES:
        raise ContractError(f"The query has more than {LONGEST_BYTES:,} bytes, Athena's limit. {NOTHING}")
    return AthenaStatement(text, tuple(literals), tuple(unfiltered_tables(select, literals, _NAMED)))


def _placeholder(select: Select, number: int, mark: Mark) -> "exp.Placeholder":
    """Return a parameter's place in the tree. A copy in ORDER BY or GROUP BY is no second place."""
    from sqlglot import exp

    name = _NAMED.format(number)
    placeholders = [place for place in select.tree.find_all(exp.Placeholder) if place.name == name]
    if not placeholders or not all(_is_in_where(place) for place in placeholders):
        raise ContractError(
            f"Parameter {number + 1} (`{mark}`) is not in a WHERE, the only place where Athena takes one. {NOTHING} "
            "Instead of HAVING, sum in a WITH and compare in the WHERE below it."
        )
    return placeholders[0]


def _is_in_where(place: "exp.Placeholder") -> bool:
    from sqlglot import exp

    return isinstance(place.find_ancestor(exp.Where, exp.Select), exp.Where)


def _in_databases(sql: str, select: Select, tenant: Tenant | None) -> str:
    """Return the text with the tenant's databases in place of the lake's."""
    from sqlglot.tokens import TokenType

    if tenant is None:
        return sql
    databases = {contract.table.database for contract in select.contracts.values()}
    tokens = tokens_of(sql)
    places = [
        Mark(token.start, token.end, token.text.lower())
        for token, following in pairwise(tokens)
        if token.text.lower() in databases
        and token.token_type in (TokenType.VAR, TokenType.IDENTIFIER)
        and following.token_type is TokenType.DOT
    ]
    return replaced(sql, places, [f'"{database_of(tenant, place.name)}"' for place in places])

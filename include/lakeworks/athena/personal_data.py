"""Protected columns of a query. Athena cannot withhold them, so a query that reads them is refused unless it asks for them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lakeworks.athena.marks import NOTHING
from lakeworks.athena.select import Select
from lakeworks.contract.protection import ASK, protected_columns
from lakeworks.errors import ContractError

if TYPE_CHECKING:
    from sqlglot.optimizer.scope import Scope


def check_protection(select: Select) -> None:
    """Refuse a query that mentions a protected column, or has a `*` that includes one.

    Raises:
        ContractError: it does.
    """
    if read := sorted({item for scope in select.scopes() for item in _protected(select, scope)}):
        names = ", ".join(f"{column} of {table}" for table, column in read)
        raise ContractError(
            f"The query reads personal or confidential columns: {names} (`*` is every column). {NOTHING} To leave "
            f"them out, name the other columns. If you may have them: {ASK}"
        )


def _protected(select: Select, scope: "Scope") -> Iterator[tuple[str, str]]:
    contracts = {alias: select.contract_of(source) for alias, source in scope.sources.items()}
    tables = {alias: contract for alias, contract in contracts.items() if contract}
    hidden = {alias: {name.lower() for name in protected_columns(contract)} for alias, contract in tables.items()}
    for column in scope.columns:
        # A column that could not be resolved may be any table's.
        owners = [column.table] if column.table in scope.sources else list(tables)
        for owner in owners:
            if column.name.lower() in hidden.get(owner, ()):
                yield tables[owner].name, column.name.lower()

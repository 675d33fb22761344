"""A parsed SELECT: its tables with their contracts, every column with its table and type."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.athena.marks import NOTHING
from lakeworks.contract import Contract
from lakeworks.core.names import TableName
from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError
from lakeworks.transform.sql import table_of

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope


@dataclass(frozen=True)
class Select:
    """The tree with columns resolved and types inferred; `contracts` by the table's name."""

    tree: "exp.Expression"
    contracts: dict[TableName, Contract]

    def scopes(self) -> "Iterator[Scope]":
        """Yield every SELECT of the query with its sources."""
        from sqlglot.optimizer.scope import traverse_scope

        yield from traverse_scope(self.tree)

    def contract_of(self, source: Any) -> Contract | None:
        """Return the contract of a scope's source; None for a WITH or a subquery."""
        from sqlglot import exp

        if not isinstance(source, exp.Table) or not source.db:
            return None
        return self.contracts.get(TableName.from_sql(source.db.lower(), source.name.lower()))


def parsed_select(sql: str, contract_of: Callable[[str], Contract]) -> Select:
    """Return the query's tree.

    Raises:
        ContractError: it does not parse, is not one SELECT, or reads what is no table of the lake.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.optimizer.annotate_types import annotate_types
    from sqlglot.optimizer.qualify import qualify

    try:
        trees = [tree for tree in sqlglot.parse(sql, read="trino") if tree]
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            raise ContractError(f"The query is not one SELECT. Lakeworks sends only a SELECT to Athena. {NOTHING}")
        contracts = {name: contract_of(str(name)) for name in _tables(trees[0])}
        schema = _schema(contracts)
        tree = qualify(
            trees[0], schema=schema, dialect="trino", validate_qualify_columns=False, quote_identifiers=False
        )
        return Select(annotate_types(tree, schema=schema, dialect="trino"), contracts)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise ContractError(
            f"The query does not parse: {(str(error) or 'nested too deeply').splitlines()[0]} {NOTHING}"
        ) from error


def _tables(tree: "exp.Expression") -> set[TableName]:
    from sqlglot import exp

    own = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    tables = set()
    for table in tree.find_all(exp.Table):
        if not table.db and table.name.lower() in own:
            continue
        try:
            tables.add(table_of(table, "A query"))
        except ContractError as error:
            raise ContractError(f"{error} {NOTHING}") from error
    return tables


def _schema(contracts: dict[TableName, Contract]) -> dict[str, dict[str, dict[str, str]]]:
    """Return the columns as Athena sees them: partition keys are text, whatever the contract's type."""
    columns_of: dict[str, dict[str, dict[str, str]]] = {}
    for name, contract in contracts.items():
        columns = {column: _trino(item.type) for column, item in contract.file_columns.items()}
        keys = dict.fromkeys(contract.partition_keys, "VARCHAR")
        columns_of.setdefault(name.database, {})[name.table] = {
            k.lower(): kind for k, kind in {**columns, **keys}.items()
        }
    return columns_of


def _trino(kind: LakeType) -> str:
    plain = {"string": "VARCHAR", "int": "INTEGER", "float": "REAL", "binary": "VARBINARY"}
    if kind.kind == "struct":
        return f"ROW({', '.join(f'{name} {_trino(inner)}' for name, inner in kind.members)})"
    if kind.members:
        return f"{'ARRAY' if kind.kind == 'list' else 'MAP'}({', '.join(_trino(inner) for _, inner in kind.members)})"
    return plain.get(kind.kind, str(kind).upper())

"""`lakeworks tables` and `lakeworks show`: tables, columns and rules from the contracts."""

import typer

from lakeworks.cli.arguments import AsJson, TableArgument
from lakeworks.cli.cell_text import joined
from lakeworks.cli.column_choice import every_column
from lakeworks.cli.output import Layout, emit
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import ContractError

_COLUMNS = Layout(extra=("limits",))
_TABLES = Layout(extra=("grain",), one_line=("description",))


def list_tables(as_json: AsJson = False) -> None:
    """List every table of the project.

    A wrong contract does not hide other tables: its problems go to stderr, and the exit code is 1.
    """
    rows, wrong = [], list[ContractError]()
    for name in all_tables():
        try:
            rows.append(_table(load_contract(name)))
        except ContractError as error:
            wrong.append(error)
    if as_json or every_column():
        rows = [{**row, "from": _inputs(load_contract(str(row["table"])))} for row in rows]
    emit(rows, as_json=as_json, title="Tables", layout=_TABLES)
    for refused in wrong:
        typer.echo(str(refused), err=True)
    if wrong:
        raise typer.Exit(1)


def _table(contract: Contract) -> dict[str, object]:
    return {
        "table": contract.name,
        "description": contract.description,
        "partitioned by": joined(contract.partition_by) or "-",
        "grain": joined(contract.grain) or "as received",
    }


def _inputs(contract: Contract) -> str:
    """Return what the table is built from; parsing its SQL takes a while."""
    from lakeworks.transform.sql import load_sql, upstream

    return contract.source or joined(upstream(load_sql(contract) or ""))


def show_table(table: TableArgument, as_json: AsJson = False) -> None:
    """Show a table's columns and rules."""
    contract = load_contract(table)
    rows = [
        {
            "column": name,
            "type": str(column.type),
            "required": column.required,
            "description": column.description,
            "limits": _limits(column.minimum, column.maximum, column.allowed),
        }
        for name, column in contract.columns.items()
    ]
    emit(rows, as_json=as_json, title=f"{table} {contract.version}: {contract.description}", layout=_COLUMNS)
    if not as_json and contract.rows:
        rules = [{"row rule": rule.name, "sql": rule.sql, "reason": rule.reason} for rule in contract.rows]
        emit(rules, as_json=False, title="Row rules")


def _limits(low: object, high: object, allowed: tuple[object, ...] | None) -> str:
    if allowed:
        return joined(allowed)
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low} to {high}" if high is not None else f"from {low}"

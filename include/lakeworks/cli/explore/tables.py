"""`lakeworks tables` and `lakeworks show`: what the contracts say."""

from typing import Annotated

import typer

from lakeworks.cli.output import AsJson, emit, joined
from lakeworks.contract import all_tables, load_contract
from lakeworks.transform.sql import load_sql, upstream

TableArgument = Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)]


def list_tables(as_json: AsJson = False) -> None:
    """List every table of the project."""
    rows = []
    for name in all_tables():
        contract = load_contract(name)
        sql = load_sql(contract)
        rows.append(
            {
                "table": name,
                "grain": joined(contract.grain) or "as received",
                "partitioned by": joined(contract.partition_by),
                "from": contract.source or joined(upstream(sql or "")),
                "description": contract.description,
            }
        )
    emit(rows, as_json=as_json, title="Tables")


def show_table(table: TableArgument, as_json: AsJson = False) -> None:
    """Show a table's columns and rules."""
    contract = load_contract(table)
    rows = [
        {
            "column": name,
            "type": str(column.type),
            "required": column.required,
            "limits": _limits(column.minimum, column.maximum, column.allowed),
            "description": column.description,
        }
        for name, column in contract.columns.items()
    ]
    emit(rows, as_json=as_json, title=f"{table} {contract.version}: {contract.description}")
    if not as_json and contract.rows:
        rules = [{"row rule": rule.name, "sql": rule.sql, "otherwise": rule.reason} for rule in contract.rows]
        emit(rules, as_json=False, title="Row rules")


def _limits(low: object, high: object, allowed: tuple[object, ...] | None) -> str:
    if allowed:
        return joined(allowed)
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low} to {high}" if high is not None else f"from {low}"

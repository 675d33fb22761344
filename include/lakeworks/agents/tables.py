"""Tables as an assistant sees them: the list, and one table with contract, lineage, freshness and what is published."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from lakeworks.agents.query import age_of
from lakeworks.contract import Column, Contract, all_tables, load_contract
from lakeworks.errors import ContractError, LakeError
from lakeworks.lake import Lake
from lakeworks.ledger.ledger import leave_out
from lakeworks.quality.rules import row_rules
from lakeworks.transform.column_origins import column_lineage
from lakeworks.transform.sql import load_sql, upstream

# The parts of a table that go first if it is too large for an answer.
DISPENSABLE = ("transform_sql", "column_lineage", "row_rules", "checks", "columns")


def list_tables(words: str, most: int) -> dict[str, Any]:
    """Return the tables whose name, description, tags or columns have each word; all without words."""
    rows, faults = list[dict[str, Any]](), list[str]()
    for name in all_tables():
        try:
            contract = load_contract(name)
        except ContractError as error:
            faults.append(str(error))
            continue
        text = " ".join((name, contract.description, *contract.tags, *contract.columns)).lower()
        if all(word in text for word in words.lower().split()):
            rows.append(_line(contract))
    answer: dict[str, Any] = {"tables": rows[:most], "count": len(rows)}
    return answer | ({"wrong_contracts": faults} if faults else {})


def describe_table(lake: Lake, name: str, now: datetime) -> dict[str, Any]:
    """Return a table's contract, lineage, freshness, and how much of it is published.

    Raises:
        ContractError: there is no such table, or its contract is wrong.
    """
    contract = load_contract(name)
    sql = load_sql(contract)
    live = lake.ledger.live_partitions(contract.table, on_unreadable=leave_out)
    partitions = sorted(live, key=lambda partition: partition.path)
    return {
        **_line(contract),
        "team": contract.team,
        "status": contract.status,
        "contract_version": contract.version,
        "published": {
            "partitions": len(live),
            "rows": sum(entry.rows for entry in live.values()),
            "bytes": sum(entry.size for entry in live.values()),
            **({"first": str(partitions[0]), "last": str(partitions[-1])} if partitions else {}),
        },
        "freshness": age_of(lake, contract, now) or "the contract promises none",
        "built_from": [contract.source] if contract.source else [str(item) for item in upstream(sql or "")],
        "read_by": readers_of(name),
        "columns": {key: described(column) for key, column in contract.columns.items()},
        "row_rules": {rule.name: rule.reason for rule in row_rules(contract)},
        "checks": [_check(check.expectation, check.severity, check.kwargs) for check in contract.checks],
        "column_lineage": origins_of(contract),
        "transform_sql": sql or "none: the rows are as the source delivered them",
    }


def described(column: Column) -> dict[str, Any]:
    """Return a column's promises, without those it does not make."""
    limits = {"minimum": column.minimum, "maximum": column.maximum, "pattern": column.pattern}
    return {
        "type": str(column.type),
        "description": column.description,
        **({"required": True} if column.required else {}),
        **({"withheld": "personal or confidential data"} if column.protected else {}),
        **({"allowed": list(column.allowed)} if column.allowed else {}),
        **{key: str(value) for key, value in limits.items() if value is not None},
    }


def origins_of(contract: Contract) -> dict[str, list[str]] | str:
    """Return the upstream columns of each column, or why they are unknown."""
    sql = load_sql(contract)
    if sql is None:
        return f"each column as `{contract.source}` delivered it"
    try:
        traced = column_lineage(contract, sql, load_contract)
    except LakeError as error:
        return f"unknown: {error}"
    return {name: [f"{table}.{column}" for table, column in origins] for name, origins in traced.items()}


def readers_of(name: str) -> list[str]:
    """Return the tables whose SQL reads a table. A table whose SQL cannot be read is left out."""
    return [other for other in all_tables() if name in _inputs(other)]


def _inputs(name: str) -> Iterable[str]:
    try:
        return {str(item) for item in upstream(load_sql(load_contract(name)) or "")}
    except LakeError:
        return ()


def _line(contract: Contract) -> dict[str, Any]:
    return {
        "table": contract.name,
        "sql_name": contract.table.sql,
        "one_row_is": contract.description,
        "grain": list(contract.grain),
        "partitioned_by": [str(item) for item in contract.partition_by],
    }


def _check(expectation: str, severity: str, kwargs: dict[str, Any]) -> str:
    arguments = ", ".join(f"{key}={value}" for key, value in kwargs.items())
    return f"{expectation}({arguments}), severity {severity}"

"""All tables as dbt sources: one source a database, with types, keys and allowed values as dbt's own data tests."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import yaml

from lakeworks.contract import Column, Contract
from lakeworks.documentation.odcs_columns import number


def sources_yaml(contracts: Iterable[Contract]) -> str:
    """Return `sources.yml`; the same contracts give the same text."""
    ordered = sorted(contracts, key=lambda one: (one.table.database, one.table.table))
    sources = [
        {"name": database, "schema": database, "tables": [_table(one) for one in some]}
        for database, some in groupby(ordered, key=lambda one: one.table.database)
    ]
    return yaml.safe_dump({"version": 2, "sources": sources}, sort_keys=False, allow_unicode=True, width=120)


def _table(contract: Contract) -> dict[str, Any]:
    meta: dict[str, Any] = {"contract": contract.name, "version": contract.version, "owner": contract.team}
    if contract.freshness:
        meta["max_age_hours"] = contract.freshness.max_age_hours
    return {
        "name": contract.table.table,
        "description": contract.description,
        "config": {"meta": meta, "tags": [contract.table.layer, *contract.tags]},
        "columns": [_column(contract, name, column) for name, column in contract.columns.items()],
    }


def _column(contract: Contract, name: str, column: Column) -> dict[str, Any]:
    tests: list[Any] = [
        *(["not_null"] if column.required else []),
        *(["unique"] if list(contract.grain) == [name] else []),
        *([_accepted(column)] if column.allowed else []),
    ]
    meta = {"classification": column.classification, **({"pii": True} if column.pii else {})}
    return {
        "name": name,
        "description": column.description,
        "data_type": column.type.glue,
        "config": {"meta": meta},
        **({"data_tests": tests} if tests else {}),
    }


def _accepted(column: Column) -> dict[str, Any]:
    """Return a test with quotes switched off unless the values are text: by default dbt quotes all values."""
    arguments: dict[str, Any] = {"values": [number(value) for value in column.allowed or ()]}
    if column.type.kind != "string":
        arguments["quote"] = False
    return {"accepted_values": {"arguments": arguments}}

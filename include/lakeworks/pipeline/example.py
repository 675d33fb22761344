"""Runs a table's examples on the engine a run uses."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from lakeworks.contract import Contract, load_contract
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.examples import Example, Outcome, inputs, normal
from lakeworks.names import TableName
from lakeworks.partition import Period
from lakeworks.quality.rules import row_rules
from lakeworks.sql import LANDING, load_sql


def run_example(example: Example, engine: DuckDbEngine) -> Outcome:
    """Build the example's table from its given rows; rows come back in publishing order, quarantined ones by rule."""
    contract = load_contract(example.table)
    sql = load_sql(contract) or _passthrough(contract)
    with engine.session() as session:
        for name in inputs(contract):
            rows = example.given.get(name, [])
            if name == LANDING:
                session.attach(LANDING, pa.Table.from_pylist([dict(row) for row in rows]))
            else:
                session.attach(TableName.parse(name), given_table(load_contract(name), rows), len(rows))
        built = session.build(contract, sql, _rules_for(contract), Period.parse(example.period))
        staged = built.staged().read_all().to_pylist()
        quarantined = [row["_broken_rules"] for row in built.quarantined().read_all().to_pylist()]
    return Outcome([{key: normal(value) for key, value in row.items()} for row in staged], quarantined)


def given_table(contract: Contract, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Given rows with the contract's types; a column that is not given is null."""
    columns = {}
    for name, column in contract.columns.items():
        values = [normal(row.get(name)) for row in rows]
        whole = column.type.kind in ("tinyint", "smallint", "int", "bigint")
        real = column.type.kind in ("float", "double")
        convert = int if whole else float if real else None
        columns[name] = pa.array([convert(v) if convert and v is not None else v for v in values], column.type.arrow)
    return pa.table(columns)


def _passthrough(contract: Contract) -> str:
    """What a source table without SQL does, as SQL: every column by its name, whatever its case; provenance stays null."""
    names = [name for name in contract.columns if not name.startswith("_")]
    return f"SELECT {', '.join(_null_or(name) for name in contract.columns)} FROM ({_by_name(names)})"


def _null_or(name: str) -> str:
    return f'NULL AS "{name}"' if name.startswith("_") else f'"{name}"'


def _by_name(names: Sequence[str]) -> str:
    return "SELECT * FROM landing"

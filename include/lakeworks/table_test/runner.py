"""Runs a table's examples on the engine a run uses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.contract import Contract, load_contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.engines.conform import conform, open_landed_file
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.quality.rules import row_rules
from lakeworks.transform.examples import Example, Outcome, inputs, normal
from lakeworks.transform.group_functions import load_function
from lakeworks.transform.sql import LANDING, load_sql

# Public on purpose, so that anyone can check the hashes that examples expect.
EXAMPLE_SALT = "lakeworks-examples"


def run_example(example: Example, engine: DuckDbEngine) -> Outcome:
    """Build the example's table from its given rows; rows come back in publishing order, quarantined ones by rule."""
    contract = load_contract(example.table)
    sql = load_sql(contract)
    if sql is None:
        return _received(example, contract, engine.scratch)
    with replace(engine, pii_salt=EXAMPLE_SALT).session() as session:
        for name in inputs(contract):
            rows = example.given.get(name, [])
            if name == LANDING:
                session.attach(LANDING, pa.Table.from_pylist([dict(row) for row in rows]))
            else:
                session.attach(TableName.parse(name), given_table(load_contract(name), rows), len(rows))
        built = session.build(contract, sql, row_rules(contract), Period.parse(example.period), load_function(contract))
        staged = built.staged().read_all().to_pylist()
        quarantined = [row["_broken_rules"] for row in built.quarantined().read_all().to_pylist()]
    return Outcome([{key: normal(value) for key, value in row.items()} for row in staged], quarantined)


def _received(example: Example, contract: Contract, scratch: Path) -> Outcome:
    """A table that takes its source as it is: the given rows become a landed Parquet file."""
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as folder:
        path = Path(folder) / "example.parquet"
        pq.write_table(pa.Table.from_pylist([dict(row) for row in example.given[LANDING]]), path)
        constants = {name: None for name in contract.columns if name.startswith("_")}
        rows = conform(open_landed_file(path), contract, constants).reader.read_all().to_pylist()
    return Outcome([{key: normal(value) for key, value in row.items()} for row in rows], [])


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

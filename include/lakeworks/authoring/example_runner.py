"""Runs a table's examples on the engine a run uses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from lakeworks.arrival.contract_rows import conform
from lakeworks.contract import Contract, load_contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.formats.raw_batch import RawBatch, batched
from lakeworks.quality.rules import row_rules
from lakeworks.transform.examples import Example, Outcome, inputs, normal, typed
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
                session.attach(LANDING, landed_table(rows))
            else:
                session.attach(TableName.parse(name), given_table(load_contract(name), rows), len(rows))
        built = session.build(contract, sql, row_rules(contract), Period.parse(example.period), load_function(contract))
        staged = built.staged().read_all().to_pylist()
        quarantined = [row["_broken_rules"] for row in built.quarantined().read_all().to_pylist()]
    return Outcome([{key: normal(value) for key, value in row.items()} for row in staged], quarantined)


@dataclass(frozen=True)
class _GivenRows:
    """An example's rows as a landed answer has them."""

    rows: Sequence[Mapping[str, Any]]
    constants: Mapping[str, Any]
    name: str = "the example"

    def batches(self) -> Iterator[RawBatch]:
        yield from batched(self.rows)


def _received(example: Example, contract: Contract, scratch: Path) -> Outcome:
    """Read the given rows by the contract: a table that takes its source as it is."""
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as folder:
        given = _GivenRows(
            example.given.get(LANDING, []), {name: None for name in contract.columns if name.startswith("_")}
        )
        rows = conform([given], contract, Path(folder)).reader.read_all().to_pylist()
    return Outcome([{key: normal(value) for key, value in row.items()} for row in rows], [])


def given_table(contract: Contract, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return given rows with the contract's types; a column that is not given is null."""
    return pa.table(
        {
            name: pa.array([typed(column.type, row.get(name)) for row in rows], column.type.arrow)
            for name, column in contract.columns.items()
        }
    )


def landed_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return given rows of a landing file with every column that any row names (Arrow alone would take the first row's)."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})

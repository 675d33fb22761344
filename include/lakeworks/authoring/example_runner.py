"""Runs a table's examples on the engine a run uses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakeworks.arrival.contract_rows import conform
from lakeworks.contract import Contract, load_contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.core.scratch import scratch_folder
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ContractError
from lakeworks.formats.raw_batch import RawBatch, batched
from lakeworks.quality.rules import row_rules
from lakeworks.sources import FetchRequest, Rows, parser_of
from lakeworks.sources.response import SourceResponse
from lakeworks.transform.examples import RESPONSE, Example, ExampleOutcome, inputs, normal, typed
from lakeworks.transform.group_functions import load_function
from lakeworks.transform.sql import LANDING, load_sql

# Public on purpose, so that anyone can check the hashes that examples expect.
EXAMPLE_SALT = "lakeworks-examples"


def run_example(example: Example, engine: DuckDbEngine) -> ExampleOutcome:
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
    return ExampleOutcome([{key: normal(value) for key, value in row.items()} for row in staged], quarantined)


@dataclass(frozen=True)
class _GivenRows:
    """An example's rows as a landed answer has them."""

    rows: Rows
    constants: Mapping[str, Any]
    name: str = "the example"

    def batches(self) -> Iterator[RawBatch]:
        yield from batched(self.rows)


def _received(example: Example, contract: Contract, scratch: Path) -> ExampleOutcome:
    """Read the given rows or recorded answers by the contract: a table that takes its source as it is."""
    scratch.mkdir(parents=True, exist_ok=True)
    constants = {name: None for name in contract.columns if name.startswith("_")}
    given = [_GivenRows(example.given.get(LANDING, []), constants)]
    if RESPONSE in example.given:
        given = [_GivenRows(rows, constants, name) for name, rows in _parsed(example, contract)]
    with scratch_folder(scratch) as folder:
        rows = conform(given, contract, folder).reader.read_all().to_pylist()
    return ExampleOutcome([{key: normal(value) for key, value in row.items()} for row in rows], [])


def _parsed(example: Example, contract: Contract) -> Iterator[tuple[str, Rows]]:
    """Yield recorded answers, parsed by the source's own `parse`."""
    name, _, dataset = str(contract.source).partition(".")
    parse, request = parser_of(name), FetchRequest(dataset, Period.parse(example.period), contract.source_options)
    if parse is None:
        raise ContractError(
            f"`{contract.name}`: the source `{name}` has no `parse`. Nothing was run. Give `landing` rows instead "
            "of a `response`."
        )
    for item in example.given[RESPONSE]:
        body = (contract.folder / item["file"]).read_bytes()
        facts = {key: str(value) for key, value in item.get("facts", {}).items()}
        answer = SourceResponse(body, f"example:{item['file']}", item.get("status", 200), {}, datetime.now(UTC), facts)
        try:
            rows = list(parse(request, answer))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ContractError(
                f"`{contract.name}`: `parse` of the source `{name}` cannot read `{item['file']}`: {error!r}"
            ) from error
        yield item["file"], rows


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

"""A query of an assistant: one confined SELECT, cut at the limits, with contract and freshness of each table it read."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pyarrow as pa

from lakeworks.agents.limits import AnswerLimits, bounded_rows
from lakeworks.contract import Contract
from lakeworks.engines.duckdb import DuckDbSession
from lakeworks.errors import ContractError
from lakeworks.exports.lake_query import opened_query
from lakeworks.freshness.table_age import freshness
from lakeworks.lake import Lake

_BATCH_ROWS = 100
# Each session may use the engine's whole memory limit, so queries wait for each other.
_ONE_AT_A_TIME = threading.Lock()


def answer_query(lake: Lake, sql: str, now: datetime, limits: AnswerLimits) -> dict[str, Any]:
    """Run one SELECT over published tables. Columns of personal or confidential data are not there.

    Raises:
        ContractError: it is no SELECT over tables of the lake, or it takes too long.
        LakeNotFound: a table has nothing published.
    """
    with (
        _ONE_AT_A_TIME,
        opened_query(lake, sql) as query,
        _stopped_after(query.session, limits.seconds),
        query.explained(),
    ):
        reader = query.session.reader(sql, most=limits.rows + 1, batch_rows=_BATCH_ROWS)
        columns = [{"name": field.name, "type": str(field.type)} for field in reader.schema]
        kept = bounded_rows(_rows(reader), limits)
    return {
        "columns": columns,
        "rows": kept.rows,
        "row_count": len(kept.rows),
        "complete": not kept.cut,
        **({"cut": kept.cut} if kept.cut else {}),
        "tables": [_context(lake, contract, now, query.withheld[contract.name]) for contract in query.contracts],
        "read_at": now.isoformat(timespec="seconds"),
    }


def age_of(lake: Lake, contract: Contract, now: datetime) -> dict[str, Any] | None:
    """Return a table's freshness; None if its contract promises none."""
    age = next(freshness(lake, [contract], now), None)
    return {key: value for key, value in age.as_dict(now).items() if key != "table" and value} if age else None


def _context(lake: Lake, contract: Contract, now: datetime, withheld: list[str]) -> dict[str, Any]:
    return {
        "table": contract.name,
        "one_row_is": contract.description,
        "grain": list(contract.grain),
        "contract_version": contract.version,
        "withheld_columns": withheld,
        "freshness": age_of(lake, contract, now) or "the contract promises none",
    }


def _rows(reader: pa.RecordBatchReader) -> Iterator[tuple[Any, ...]]:
    """Yield rows by position: two columns may have one name."""
    for batch in reader:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@contextmanager
def _stopped_after(session: DuckDbSession, seconds: float) -> Iterator[None]:
    """Interrupt the engine after a while.

    Raises:
        ContractError: it was interrupted.
    """
    over = threading.Event()

    def stop() -> None:
        over.set()
        session.connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        yield
    except ContractError as error:
        if not over.is_set():
            raise
        raise ContractError(
            f"The query ran for {seconds:g} s and was stopped. Nothing was changed. Filter by the partition columns, or run "
            "it with `lakeworks sql`, which has no such limit."
        ) from error
    finally:
        timer.cancel()

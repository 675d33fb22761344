"""Explanation of a number: the publication it was read from, the run, the inputs, the quarantined rows and the lineage."""

from collections.abc import Iterator
from typing import Any

from lakeworks.agents.tables import described, origins_of
from lakeworks.contract import Contract, load_contract
from lakeworks.errors import ContractError, LakeNotFound, LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import RunRecord, load_run_record
from lakeworks.quality.rules import row_rules
from lakeworks.quarantine.quarantined_rows import rows_of, without_protected
from lakeworks.quarantine.replays import quarantined_by
from lakeworks.transform.sql import load_sql

# The parts that go first if an explanation is too large.
DISPENSABLE = ("transform_sql", "quarantined_rows", "inputs", "publications", "column")
_HISTORY, _INPUTS, _DEPTH, _STEPS = 10, 50, 8, 100
# More quarantined rows than this are not searched for those of one partition.
_SEARCHED = 200_000


def explain_number(lake: Lake, table: str, partition: str, column: str, samples: int) -> dict[str, Any]:
    """Return the facts behind the rows of one partition, and behind one of its columns if it is named.

    Raises:
        ContractError: there is no such table or column.
        PartitionKeyError: the table is not partitioned like that.
        LakeNotFound: nothing was ever published there.
    """
    contract = load_contract(table)
    if column and column not in contract.columns:
        raise ContractError(f"`{table}` has no column `{column}`. It has: {', '.join(contract.columns)}.")
    chosen = lake.find_partition(contract, partition or "all")
    history = lake.ledger.history(contract.table, chosen)
    if not history:
        raise LakeNotFound(f"`{table}` {chosen} was never published. Look at its partitions: partition_states.")
    newest = next((entry for entry in reversed(history) if entry.is_live), None)
    record = _record(lake, newest)
    answer: dict[str, Any] = {
        "table": table,
        "partition": str(chosen),
        "contract_version_now": contract.version,
        "publication": _publication(newest) if newest else "none is complete: nothing of it can be read",
        "run": _run(record) if record else "its record is gone, or a person acted",
        "rows": _balance(contract, record),
        "inputs": list(_inputs(record)),
        "publications": [_publication(entry) for entry in history[::-1][:_HISTORY]],
        "quarantined_rows": _quarantined(lake, contract, record, newest, samples),
        "transform_sql": load_sql(contract) or "none: the rows are as the source delivered them",
    }
    if column:
        answer["column"] = {
            "name": column,
            **described(contract.columns[column]),
            "lineage": list(_steps(contract, column)),
        }
    return answer


def _record(lake: Lake, entry: LedgerEntry | None) -> RunRecord | None:
    if entry is None or not entry.run_record:
        return None
    try:
        return load_run_record(lake.store, entry.run_record)
    except (LakeNotFound, LedgerCorrupt):
        return None


def _publication(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "publication": entry.seq,
        "kind": entry.kind,
        "state": entry.state,
        "rows": entry.rows,
        "bytes": entry.size,
        "published_at": (entry.published_at or entry.reserved_at).isoformat(timespec="seconds"),
        "run": entry.run.id,
        "contract_version": entry.contract_version,
        "audit": entry.audit,
    }


def _run(record: RunRecord) -> dict[str, Any]:
    return {
        "id": record.run.id,
        "attempt": record.run.attempt,
        "started_at": record.run.started_at.isoformat(timespec="seconds"),
        "period": record.period,
        "engine": record.engine,
        "seconds": record.seconds,
        "schema_drift": list(record.drift),
    }


def _balance(contract: Contract, record: RunRecord | None) -> dict[str, Any]:
    """Return the run's row balance, with the reason of each broken rule."""
    if record is None:
        return {}
    reasons = {rule.name: rule.reason for rule in row_rules(contract)}
    balance = record.balance
    return {
        "of": f"the whole run of {record.period}",
        "read": balance.read,
        "published": balance.staged,
        "quarantined": balance.quarantined,
        "deduplicated": balance.deduplicated,
        "broken_rules": [
            {"rule": rule, "rows": count, "reason": reasons.get(rule, "the rule is no longer in the contract")}
            for rule, count in sorted(balance.broken.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _inputs(record: RunRecord | None) -> Iterator[dict[str, Any]]:
    inputs = record.inputs if record else ()
    for item in inputs[:_INPUTS]:
        place = {"partition": item.partition or "all", "publication": item.seq} if item.seq else {}
        yield {"read": item.name, **place}
    if len(inputs) > _INPUTS:
        yield {"read": f"{len(inputs) - _INPUTS} more"}


def _quarantined(
    lake: Lake, contract: Contract, record: RunRecord | None, entry: LedgerEntry | None, samples: int
) -> list[dict[str, Any]]:
    """Return the first quarantined rows of the partition, without protected values."""
    quarantined = quarantined_by(record) if record else None
    if quarantined is None or entry is None or quarantined.rows > _SEARCHED:
        return []
    first = rows_of(lake, contract, quarantined, entry.parsed, samples).first
    return [without_protected(row, contract) for row in first]


def _steps(contract: Contract, column: str) -> Iterator[dict[str, Any]]:
    """Yield the columns that a column is made of, nearest first, down to the sources."""
    open_columns, seen = [(contract.name, column, 0)], {(contract.name, column)}
    while open_columns and len(seen) < _STEPS:
        table, name, depth = open_columns.pop(0)
        traced = origins_of(load_contract(table))
        if isinstance(traced, str):
            yield {"column": f"{table}.{name}", "made_of": traced}
            continue
        origins = traced.get(name, [])
        yield {"column": f"{table}.{name}", "made_of": origins or "no column: a constant or a count of rows"}
        for origin in origins:
            upper, _, part = origin.rpartition(".")
            if (upper, part) not in seen and depth < _DEPTH:
                seen.add((upper, part))
                open_columns.append((upper, part, depth + 1))

"""Comparison of the relations `before` and `after` inside the engine: the result is counts and a few samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lakeworks.engines.build_sql import quoted
from lakeworks.engines.duckdb import DuckDbSession

_SAMPLES = 10


@dataclass(frozen=True)
class ComparedRows:
    """Rows by grain: only in `after`, only in `before`, in both with other values (0 without a grain).

    `only_lineage` are rows in both that differ only in lineage columns.
    """

    added: int
    removed: int
    changed: int
    only_lineage: int
    samples: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Statistic:
    """One column: rows, nulls, smallest and largest value, and the sum where it is a number."""

    column: str
    rows: int
    nulls: int
    smallest: Any
    largest: Any
    total: Any


def compare_rows(
    session: DuckDbSession, grain: Sequence[str], columns: Sequence[str], lineage: Sequence[str] = ()
) -> ComparedRows:
    """Compare rows by `columns`; without a grain, whole rows are counted (a changed row is one removed and one added).

    A difference in `lineage` columns alone is no change; such rows are counted separately.
    """
    if not grain:
        return _whole_rows(session, columns, lineage)
    key = ", ".join(map(quoted, grain))
    measures = [name for name in columns if name not in grain]
    side = f"SELECT {key}, {_packed(measures)} AS _values, {_packed(lineage)} AS _lineage, TRUE AS _there FROM"
    joined = f"({side} before) AS b FULL JOIN ({side} after) AS a USING ({key})"
    case = (
        "CASE WHEN b._there IS NULL THEN 'added' WHEN a._there IS NULL THEN 'removed' "
        "WHEN a._values IS DISTINCT FROM b._values THEN 'changed' "
        "WHEN a._lineage IS DISTINCT FROM b._lineage THEN 'only lineage' END"
    )
    compared = f"SELECT {case} AS difference, {key}, b._values AS before, a._values AS after FROM {joined}"
    counts = session.query(
        f"SELECT difference, count(*) AS rows FROM ({compared}) WHERE difference IS NOT NULL GROUP BY 1"
    )
    by_kind = {row["difference"]: row["rows"] for row in counts.to_pylist()}
    samples = session.query(
        f"SELECT * FROM ({compared}) WHERE difference <> 'only lineage' ORDER BY difference, {key} LIMIT {_SAMPLES}"
    )
    return ComparedRows(
        by_kind.get("added", 0), by_kind.get("removed", 0), by_kind.get("changed", 0), by_kind.get("only lineage", 0),
        tuple(_only_changes(row) for row in samples.to_pylist()),
    )  # fmt: skip


def _packed(columns: Sequence[str]) -> str:
    return f"{{{', '.join(f'{quoted(n)}: {quoted(n)}' for n in columns)}}}" if columns else "0"


def _whole_rows(session: DuckDbSession, columns: Sequence[str], lineage: Sequence[str]) -> ComparedRows:
    def count(first: str, second: str, names: Sequence[str]) -> int:
        listed = ", ".join(map(quoted, names))
        sql = f"SELECT count(*) AS rows FROM (SELECT {listed} FROM {first} EXCEPT ALL SELECT {listed} FROM {second})"
        return int(session.query(sql).to_pylist()[0]["rows"])

    added, removed = count("after", "before", columns), count("before", "after", columns)
    # Rows that find no equal in the other publication by all columns, but do so without lineage.
    only_lineage = count("after", "before", [*columns, *lineage]) - added if lineage else 0
    return ComparedRows(added, removed, 0, only_lineage, ())


def _only_changes(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the difference: a changed row has the changed columns, an added or removed one has all."""
    before, after = row["before"], row["after"]
    if isinstance(before, dict) and isinstance(after, dict):
        names = [name for name in after if after[name] != before[name]]
        return {**row, "before": {n: before[n] for n in names}, "after": {n: after[n] for n in names}}
    return row


def statistics(session: DuckDbSession, relation: str, schema: pa.Schema) -> dict[str, Statistic]:
    """Return the statistics of each column of an attached relation."""
    parts = []
    for number, item in enumerate(schema):
        name, kind = quoted(item.name), item.type
        plain = not pa.types.is_nested(kind)
        numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        parts += [
            f"count(*) - count({name}) AS n{number}",
            f"{f'min({name})' if plain else 'NULL'} AS s{number}",
            f"{f'max({name})' if plain else 'NULL'} AS l{number}",
            f"{f'sum({name})' if numeric else 'NULL'} AS t{number}",
        ]
    (row,) = session.query(f"SELECT count(*) AS rows, {', '.join(parts)} FROM {quoted(relation)}").to_pylist()
    return {
        item.name: Statistic(item.name, row["rows"], row[f"n{n}"], row[f"s{n}"], row[f"l{n}"], row[f"t{n}"])
        for n, item in enumerate(schema)
    }


def checksum(session: DuckDbSession, relation: str, columns: Sequence[str]) -> tuple[int, str]:
    """Return the row count and an order-free hash of the rows; a missing, doubled or changed row changes it."""
    listed = ", ".join(map(quoted, columns))
    sql = f"SELECT count(*) AS rows, CAST(sum(hash({listed})) AS VARCHAR) AS hash FROM {quoted(relation)}"
    (row,) = session.query(sql).to_pylist()
    return int(row["rows"]), str(row["hash"])


def changed_columns(session: DuckDbSession, grain: Sequence[str], columns: Sequence[str]) -> dict[str, int]:
    """Return how many rows of both relations have another value in a column; columns without a difference are left out."""
    measures = [name for name in columns if name not in grain]
    if not grain or not measures:
        return {}
    counts = ", ".join(
        f"count(*) FILTER (b.{quoted(name)} IS DISTINCT FROM a.{quoted(name)}) AS c{number}"
        for number, name in enumerate(measures)
    )
    key = ", ".join(map(quoted, grain))
    (row,) = session.query(f"SELECT {counts} FROM before AS b JOIN after AS a USING ({key})").to_pylist()
    return {name: row[f"c{number}"] for number, name in enumerate(measures) if row[f"c{number}"]}

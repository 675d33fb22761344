"""Execution engine for Great Expectations over Arrow: a suite's metrics from one pass over each column.

GX's engines build a graph of metrics for each expectation and resolve it round by round, with copies of every configuration.
This engine gives an expectation the metrics that its own `_validate` reads, at once. GX still decides: it compares counts with
`mostly`, metrics with limits, and makes the result.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.quality.arrow_conditions import CONDITIONS, NotComputable
from lakeworks.quality.audited_rows import AuditedColumn, AuditedRows
from lakeworks.quality.grain_uniqueness import repeated_rows

# GX's own number of examples in a result of format SUMMARY.
EXAMPLES = 20
_COMPOUND = "compound_columns.unique"


class ArrowEngine:
    """Metrics of expectations over Arrow columns."""

    def resolve_metrics(self, expectation: Any, rows: AuditedRows) -> dict[str, Any]:
        """Return the metrics that an expectation needs, by GX's names.

        Raises:
            NotComputable: GX's pandas engine has to compute it.
        """
        if getattr(expectation, "row_condition", None) is not None:
            raise NotComputable
        metric: str | None = getattr(expectation, "map_metric", None)
        if metric is not None and metric in CONDITIONS:
            return _of_column(metric, expectation, rows)
        if metric == _COMPOUND:
            return _of_columns(expectation, rows)
        names = expectation.metric_dependencies
        if metric is not None or not names or any(name not in _TABLE and name not in _AGGREGATES for name in names):
            raise NotComputable
        return {name: self._metric(name, expectation, rows) for name in names}

    def _metric(self, name: str, expectation: Any, rows: AuditedRows) -> Any:
        if name in _TABLE:
            return _TABLE[name](rows)
        return _AGGREGATES[name](_column(expectation.column, rows))


def _column(name: str, rows: AuditedRows) -> AuditedColumn:
    if name not in rows.names:  # GX words the error
        raise NotComputable
    return rows.column(name)


def _of_column(metric: str, expectation: Any, rows: AuditedRows) -> dict[str, Any]:
    column = _column(expectation.column, rows)
    mask = CONDITIONS[metric](column, expectation)
    places: Any = [] if mask is None else pc.indices_nonzero(mask)
    shown = places[:EXAMPLES]
    nulls = {"column_values.nonnull.unexpected_count": column.values.null_count}
    values = column.values.take(shown).to_pylist() if len(shown) else []
    return {**nulls, **_unexpected(metric, rows, len(places), shown, values)}


def _of_columns(expectation: Any, rows: AuditedRows) -> dict[str, Any]:
    names = list(expectation.column_list)
    places, considered = repeated_rows([_column(name, rows) for name in names], expectation.ignore_row_if)
    shown = pa.array(places[:EXAMPLES])
    values = pa.table({name: rows.column(name).values.take(shown) for name in names}).to_pylist()
    filtered = {f"{_COMPOUND}.filtered_row_count": considered}
    return {**filtered, **_unexpected(_COMPOUND, rows, len(places), shown, values)}


def _unexpected(metric: str, rows: AuditedRows, count: int, shown: Any, values: list[Any]) -> dict[str, Any]:
    return {
        "table.row_count": rows.count,
        f"{metric}.unexpected_count": count,
        f"{metric}.unexpected_values": values,
        f"{metric}.unexpected_index_list": shown.to_pylist() if len(shown) else [],
        f"{metric}.unexpected_index_query": None,
    }


def _number(column: AuditedColumn) -> AuditedColumn:
    if not (pa.types.is_integer(column.kind) or pa.types.is_floating(column.kind)):
        raise NotComputable
    return column


def _mean(column: AuditedColumn) -> float | None:
    """Return the mean, added up in pandas' order: in another, the last digit may differ."""
    values = np.asarray(_number(column).values.drop_null())
    return float(values.sum(dtype=np.float64) / len(values)) if len(values) else None


def _distinct(column: AuditedColumn) -> int:
    if pa.types.is_nested(column.kind):
        raise NotComputable
    return column.distinct


_TABLE: Mapping[str, Callable[[AuditedRows], Any]] = {
    "table.row_count": lambda rows: rows.count,
    "table.columns": lambda rows: list(rows.names),
    "table.column_count": lambda rows: len(rows.names),
}
_AGGREGATES: Mapping[str, Callable[[AuditedColumn], Any]] = {
    "column.min": lambda column: _number(column).limits[0],
    "column.max": lambda column: _number(column).limits[1],
    "column.mean": _mean,
    "column.distinct_values.count": _distinct,
}

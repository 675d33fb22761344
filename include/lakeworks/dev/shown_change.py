"""A comparison of tables with what is live, as people and programs may see it: values of protected columns are withheld."""

from typing import Any

from lakeworks.contract import Contract
from lakeworks.dev.comparison import TableChange
from lakeworks.engines.comparison import Statistic

WITHHELD = "(withheld)"


def summary(change: TableChange) -> dict[str, Any]:
    """Return one table's counts."""
    totals = change.totals
    return {
        "table": change.contract.name,
        "partitions": len(change.partitions),
        "same": change.same,
        "rows live": totals["before"],
        f"rows {change.side}": totals["after"],
        "added": totals["added"],
        "removed": totals["removed"],
        "changed": totals["changed"],
    }


def partitions(change: TableChange) -> list[dict[str, Any]]:
    """Return the partitions that differ."""
    return [
        {
            "partition": item.partition,
            "rows live": item.before,
            f"rows {change.side}": item.after,
            "added": item.added,
            "removed": item.removed,
            "changed": item.changed,
        }
        for item in change.partitions
        if not item.is_same
    ]


def columns(change: TableChange) -> list[dict[str, Any]]:
    """Return the columns that differ: changed rows, type, and the distribution before and after."""
    kinds = {name: (old, new) for name, old, new in change.schema}
    figures = {(old or new).column: (old, new) for old, new in change.figures if old or new}  # type: ignore[union-attr]
    names = list(dict.fromkeys([*change.columns, *kinds, *figures]))
    return [_column(change, name, kinds.get(name), figures.get(name, (None, None))) for name in names]


def samples(change: TableChange) -> list[dict[str, Any]]:
    """Return the first rows that differ."""
    private = _protected(change.contract)
    return [{key: _withheld(key, value, private) for key, value in row.items()} for row in change.samples]


def document(change: TableChange) -> dict[str, Any]:
    """Return everything of one table for programs."""
    return {
        **summary(change),
        "by partition": partitions(change),
        "columns": columns(change),
        "samples": samples(change),
        "sql": change.sql,
    }


def _column(
    change: TableChange,
    name: str,
    kinds: tuple[str | None, str | None] | None,
    figures: tuple[Statistic | None, Statistic | None],
) -> dict[str, Any]:
    is_private = name in _protected(change.contract)
    row: dict[str, Any] = {
        "column": name,
        "changed": change.columns.get(name, 0),
        "type": _pair(*kinds) if kinds else "",
    }
    for what in ("nulls", "smallest", "largest", "total"):
        before, after = (getattr(side, what) if side else None for side in figures)
        row[what] = WITHHELD if is_private and what != "nulls" else _pair(before, after)
    return row


def _pair(before: Any, after: Any) -> str:
    if before == after:
        return "" if before is None else str(before)
    return f"{'-' if before is None else before} -> {'-' if after is None else after}"


def _protected(contract: Contract) -> set[str]:
    return {name for name, column in contract.columns.items() if column.protected}


def _withheld(key: str, value: Any, private: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: WITHHELD if name in private else item for name, item in value.items()}
    return WITHHELD if key in private else value

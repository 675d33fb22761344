"""A comparison of two publications as people may see it: values of protected columns are withheld."""

from typing import Any

from lakeworks.contract import Contract
from lakeworks.engines.comparison import Statistic
from lakeworks.publications.comparison import PublicationDiff

WITHHELD = "(withheld)"


def summary(diff: PublicationDiff) -> dict[str, Any]:
    """Return the counts of a comparison."""
    return {
        "before": diff.before.seq,
        "after": diff.after.seq,
        "rows before": diff.before.rows,
        "rows after": diff.after.rows,
        "added": diff.added,
        "removed": diff.removed,
        "changed": diff.changed,
        "only lineage": diff.only_lineage,
    }


def columns(diff: PublicationDiff) -> list[dict[str, Any]]:
    """Return the columns that came, went, or changed their type."""
    return [{"column": name, "before": old, "after": new} for name, old, new in diff.columns]


def figures(diff: PublicationDiff, contract: Contract) -> list[dict[str, Any]]:
    """Return the statistics that differ. A protected column has its count of nulls only: a minimum is a person's value."""
    private = _protected(contract)
    return [_figure(old or new, old, new, private) for old, new in diff.statistics]


def samples(diff: PublicationDiff, contract: Contract) -> list[dict[str, Any]]:
    """Return the first rows that differ."""
    private = _protected(contract)
    return [_withheld(row, private) for row in diff.samples]


def _protected(contract: Contract) -> set[str]:
    return {name for name, column in contract.columns.items() if column.protected}


def _figure(named: Any, old: Statistic | None, new: Statistic | None, private: set[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"column": named.column}
    for what in ("nulls", "smallest", "largest", "total"):
        before, after = (getattr(side, what) if side else None for side in (old, new))
        row[what] = str(before) if before == after else f"{before} -> {after}"
        if named.column in private and what != "nulls":
            row[what] = WITHHELD
    return row


def _withheld(row: dict[str, Any], private: set[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            shown[key] = {name: WITHHELD if name in private else item for name, item in value.items()}
        else:
            shown[key] = WITHHELD if key in private else value
    return shown

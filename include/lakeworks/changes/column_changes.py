"""Changes between two codes of one table, column by column."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lakeworks.changes.table_code import TableCode
from lakeworks.contract.evolution import ContractChange, changes

# The gravest first. values: readers find other values or rows. checks: the same rows, judged by other checks.
Kind = Literal["breaking", "values", "widening", "addition", "checks", "cosmetic"]
_ROWS = ""  # in place of a column: the set of rows
_OF_JUDGEMENT = ("checks", "preserves_rows", "quarantine")
_OF_WORDS = ("schema_policy", "freshness", "retention")


@dataclass(frozen=True)
class CodeChange:
    """One change. `column` is empty if it is one of the rows as a whole."""

    kind: Kind
    column: str
    what: str


@dataclass(frozen=True)
class Reach:
    """The columns in which published values may differ; `every` if rows may come, go or change as a whole."""

    columns: frozenset[str] = frozenset()
    every: bool = False

    def __bool__(self) -> bool:
        """Return whether any value may differ."""
        return self.every or bool(self.columns)


def code_changes(old: TableCode, new: TableCode) -> list[CodeChange]:
    """Return every change from the old to the new code, the gravest first."""
    changes = [*_of_contract(old, new), *_of_sql(old, new)]
    if old.python != new.python:
        changes.append(CodeChange("values", _ROWS, "transform.py computes otherwise"))
    order = ("breaking", "values", "widening", "addition", "checks", "cosmetic")
    return sorted(dict.fromkeys(changes), key=lambda change: (order.index(change.kind), change.column))


def reach_of(changes: list[CodeChange], code: TableCode) -> Reach:
    """Return the columns that the changes reach."""
    moved = [change for change in changes if change.kind not in ("checks", "cosmetic")]
    return widened(code, Reach(frozenset(change.column.lower() for change in moved), any(not c.column for c in moved)))


def widened(code: TableCode, reach: Reach) -> Reach:
    """Return the reach with all columns if a reached column decides which rows there are: rules, grain, partitions."""
    return Reach(reach.columns, every=reach.every or bool(reach.columns & _deciding(code)))


def _deciding(code: TableCode) -> set[str]:
    """Return the columns that decide which rows are published, and where."""
    contract = code.contract
    named = {name for name, c in contract.columns.items() if c.required or c.allowed or c.pattern}
    named |= {name for name, c in contract.columns.items() if c.minimum is not None or c.maximum is not None}
    named |= set(contract.grain) | {field.column for field in contract.partition_by if field.column}
    named |= {item.partition(" ")[0] for item in contract.deduplicate_by or ()}
    named |= {name for rule in contract.rows for name in contract.columns if name.lower() in rule.sql.lower()}
    return {name.lower() for name in named}


def _of_contract(old: TableCode, new: TableCode) -> Iterator[CodeChange]:
    columns = {*old.contract.columns, *new.contract.columns}
    for change in changes(old.contract, new.contract):
        yield _of_column(change, old, new) if change.where in columns else _of_section(change)
    masked = {name: column.masking for name, column in old.contract.columns.items()}
    for name, column in new.contract.columns.items():
        if name in masked and masked[name] != column.masking:
            yield CodeChange("values", name, f"masking {masked[name] or 'none'} to {column.masking or 'none'}")
    if old.contract.late_data != new.contract.late_data:
        yield CodeChange("values", _ROWS, "late_data changed")
    if old.contract.landing != new.contract.landing:
        yield CodeChange("values", _ROWS, f"landing {old.contract.landing} to {new.contract.landing}")


def _of_column(change: ContractChange, old: TableCode, new: TableCode) -> CodeChange:
    name = change.where
    if change.effect == "documentation" or change.what.startswith("classification"):
        return CodeChange("cosmetic", name, change.what)
    if change.effect == "breaking":
        return CodeChange("breaking", name, change.what)
    if name not in old.contract.columns:
        return CodeChange("addition", name, change.what)
    if old.contract.columns[name].type != new.contract.columns[name].type and " to " in change.what:
        return CodeChange("widening", name, change.what)
    return CodeChange("values", _ROWS, f"`{name}` {change.what}: other rows may be quarantined")


def _of_section(change: ContractChange) -> CodeChange:
    where = change.where.partition(".")[0]
    if change.effect == "documentation" or where in _OF_WORDS or where == "storage":
        return CodeChange("cosmetic", _ROWS, f"{change.where} {change.what}")
    if where in _OF_JUDGEMENT:
        return CodeChange("checks", _ROWS, f"{change.where}: {change.what}")
    kind: Kind = "breaking" if change.effect == "breaking" else "values"
    return CodeChange(kind, _ROWS, f"{change.where}: {change.what}")


def _of_sql(old: TableCode, new: TableCode) -> Iterator[CodeChange]:
    before, after = old.forms, new.forms
    if before is None or after is None:
        if (before is None) != (after is None):
            yield CodeChange("values", _ROWS, "transform.sql was added" if after else "transform.sql was removed")
        return
    if before.rows.text != after.rows.text or bool(before.columns) != bool(after.columns):
        yield CodeChange("values", _ROWS, "SQL: other rows, groups or joins")
        return
    for name, form in after.columns.items():
        if name in before.columns and before.columns[name].text != form.text:
            if new.functions:  # what the function makes of it is its own affair
                yield CodeChange("values", _ROWS, f"SQL: `{name}` is another input of transform.py")
            else:
                yield CodeChange("values", name, "SQL: computed otherwise")

"""Row rules of a contract. A row that breaks a rule goes to quarantine and is not published."""

from decimal import Decimal

from lakeworks.contract import Column, Contract, RowRule
from lakeworks.contract.constraints import REAL
from lakeworks.contract.storability import storage_rules
from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError


def row_rules(contract: Contract) -> tuple[RowRule, ...]:
    """Return every rule, generated from the columns or written in the contract: SQL that is true for a good row.

    Optional columns pass if they are null. A written rule whose result is null counts as broken.

    Raises:
        ContractError: two rules have the same name, so their counts could not be distinguished.
    """
    generated = [rule for name, column in contract.columns.items() for rule in _column_rules(name, column)]
    rules = (*generated, *storage_rules(contract), *contract.rows)
    names = [rule.name for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ContractError(
            f"`{contract.name}`: two row rules are named {', '.join(twice)}. Rename the rule or the column."
        )
    return rules


def _column_rules(name: str, column: Column) -> list[RowRule]:
    quoted = '"' + name.replace('"', '""') + '"'
    key = name.strip("_").lower()
    # NaN counts as a missing number, as in Great Expectations; to DuckDB it is the greatest number.
    missing = f"{quoted} IS NULL" + (f" OR isnan({quoted})" if column.type.kind in REAL else "")
    rules = []
    if column.required:
        present = f"{quoted} IS NOT NULL" + (f" AND NOT isnan({quoted})" if column.type.kind in REAL else "")
        rules.append(RowRule(name=f"{key}_required", sql=present, reason=f"`{name}` is missing."))
    values = ", ".join(literal(value, column.type) for value in column.allowed or ())
    shown = ", ".join(
        literal(value, column.type) if isinstance(value, str) else str(value) for value in column.allowed or ()
    )
    checks = {
        "minimum": (
            column.minimum,
            f"{quoted} >= {literal(column.minimum, column.type)}",
            f"is below {column.minimum}",
        ),
        "maximum": (
            column.maximum,
            f"{quoted} <= {literal(column.maximum, column.type)}",
            f"is above {column.maximum}",
        ),
        "allowed": (column.allowed, f"{quoted} IN ({values})", f"is not one of {shown}"),
        "pattern": (
            column.pattern,
            f"regexp_matches({quoted}, {literal(column.pattern, column.type)})",
            "has another form",
        ),
    }
    for kind, (limit, sql, says) in checks.items():
        if limit is not None:
            rules.append(RowRule(name=f"{key}_{kind}", sql=f"{missing} OR {sql}", reason=f"`{name}` {says}."))
    return rules


def literal(value: str | bool | int | Decimal | None, kind: LakeType) -> str:
    """Return a value as an SQL literal of the column's own type: a comparison must not convert it."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return str(value).upper()
    if kind.kind in REAL:
        text = repr(float(value))
        double = text if "e" in text else f"{text}e0"  # without exponent it would be a decimal
        return f"CAST({double} AS FLOAT)" if kind.kind == "float" else double
    return f"CAST({value:f} AS {kind.duckdb})" if isinstance(value, Decimal) else str(value)

"""The row rules of a contract: what a row must keep to be published; a row that breaks one goes to quarantine."""

from lakeworks.contract import Column, Contract, RowRule
from lakeworks.errors import ContractError


def row_rules(contract: Contract) -> tuple[RowRule, ...]:
    """Every rule, generated from the columns or written in the contract; SQL over one row that is true for good rows.

    Optional columns pass when they are null; a written rule that is null counts as broken.

    Raises:
        ContractError: two rules have one name, so their counts could not be told apart.
    """
    generated = [rule for name, column in contract.columns.items() for rule in _column_rules(name, column)]
    rules = (*generated, *contract.rows)
    names = [rule.name for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ContractError(
            f"`{contract.name}`: two row rules are named {', '.join(twice)}. Rename the rule or the column."
        )
    return rules


def _column_rules(name: str, column: Column) -> list[RowRule]:
    quoted = '"' + name.replace('"', '""') + '"'
    key = name.strip("_").lower()
    rules = []
    if column.required:
        rules.append(RowRule(name=f"{key}_required", sql=f"{quoted} IS NOT NULL", reason=f"`{name}` is missing."))
    checks = {
        "minimum": (column.minimum, f"{quoted} >= {column.minimum}", f"is below {column.minimum}"),
        "maximum": (column.maximum, f"{quoted} <= {column.maximum}", f"is above {column.maximum}"),
        "allowed": (column.allowed, f"{quoted} IN ({_literals(column)})", f"is not one of {_literals(column)}"),
        "pattern": (column.pattern, f"regexp_matches({quoted}, {_text(column.pattern or '')})", "has another form"),
    }
    for kind, (limit, sql, says) in checks.items():
        if limit is not None:
            rule = f"{quoted} IS NULL OR {sql}"
            rules.append(RowRule(name=f"{key}_{kind}", sql=rule, reason=f"`{name}` {says}."))
    return rules


def _literals(column: Column) -> str:
    return ", ".join(_text(value) if isinstance(value, str) else str(value) for value in column.allowed or ())


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

"""Quality rules of an Open Data Contract Standard document as row rules and checks of a contract."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.authoring.odcs_columns import is_not_null, valid_values
from lakeworks.documentation.custom_properties import from_custom
from lakeworks.documentation.odcs_quality import ENGINE

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality, SchemaObject

_WARNINGS = ("info", "warning", "warn", "low", "minor")


@dataclass(frozen=True)
class Rules:
    """Row rules and checks as contract.yml writes them, and the names of rules that are neither."""

    rows: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    left_out: list[str]


def to_rules(table: "SchemaObject") -> Rules:
    """Return the rules of a table and of its properties."""
    rules = Rules([], [], [])
    for rule in table.quality or ():
        if row := from_custom(rule.customProperties).get("row_rule"):
            rules.rows.append({"name": rule.name, "sql": row, "reason": rule.description or f"{rule.name} is broken."})
        elif check := _check(rule):
            rules.checks.append(check)
        else:
            rules.left_out.append(f"quality: {rule.name or rule.description or rule.type}")
    for item in table.properties or ():
        for rule in item.quality or ():
            if not is_not_null(rule) and valid_values(rule) is None:
                rules.left_out.append(f"{item.name}: quality: {rule.name or rule.metric or rule.type}")
    return rules


def _check(rule: "DataQuality") -> dict[str, Any] | None:
    expectation = from_custom(rule.customProperties).get("expectation") or _implementation(rule) or _metric(rule)
    if expectation is None:
        return None
    return {
        "expectation": expectation["type"],
        "kwargs": expectation.get("kwargs", {}),
        "severity": "warn" if (rule.severity or "").lower() in _WARNINGS else "error",
        "description": rule.description or "",
    }


def _implementation(rule: "DataQuality") -> dict[str, Any] | None:
    if (rule.engine or "").lower() != ENGINE or not isinstance(rule.implementation, dict):
        return None
    document: dict[str, Any] = rule.implementation
    return document if "type" in document else None


def _metric(rule: "DataQuality") -> dict[str, Any] | None:
    """Return a check for one of the standard's metrics about a whole table; None for another metric."""
    if rule.metric == "rowCount" and (bounds := _bounds(rule)):
        return {"type": "expect_table_row_count_to_be_between", "kwargs": bounds}
    columns = (rule.arguments or {}).get("properties")
    if rule.metric == "duplicateValues" and rule.mustBe == 0 and columns:
        if len(columns) == 1:
            return {"type": "expect_column_values_to_be_unique", "kwargs": {"column": columns[0]}}
        return {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": list(columns)}}
    return None


def _bounds(rule: "DataQuality") -> dict[str, Any]:
    low, high = rule.mustBeBetween or (None, None)
    if rule.mustBe is not None:
        low = high = rule.mustBe
    low = rule.mustBeGreaterOrEqualTo if low is None else low
    high = rule.mustBeLessOrEqualTo if high is None else high
    if rule.mustBeGreaterThan is not None:
        low = int(rule.mustBeGreaterThan) + 1
    if rule.mustBeLessThan is not None:
        high = int(rule.mustBeLessThan) - 1
    return {key: value for key, value in (("min_value", low), ("max_value", high)) if value is not None}

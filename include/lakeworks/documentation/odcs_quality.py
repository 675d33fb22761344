"""Row rules and checks as quality rules of an Open Data Contract Standard document.

A rule gets a form that any tool can run, if one exists. A custom property has the contract's own form.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakeworks.contract import Contract, RowRule, TableCheck
from lakeworks.documentation.custom_properties import to_custom

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality

ENGINE = "great-expectations"
SEVERITIES = {"error": "error", "warn": "warning"}
# Only a run has values for these parameters; other tools have none.
_PARAMETER = re.compile(r"\$[a-z_]+")


def row_quality(contract: Contract, rule: RowRule) -> "DataQuality":
    """Return a row rule as a count of the rows that break it, or as text if it looks at the run's period."""
    from open_data_contract_standard.model import DataQuality

    own = to_custom({"row_rule": rule.sql})
    if _PARAMETER.search(rule.sql):
        return DataQuality(name=rule.name, type="text", description=rule.reason, customProperties=own, severity="error")
    query = f"SELECT count(*) FROM {contract.table.table} WHERE NOT coalesce(({rule.sql}), FALSE)"
    return DataQuality(
        name=rule.name,
        type="sql",
        description=rule.reason,
        query=query,
        mustBe=0,
        unit="rows",
        severity="error",
        customProperties=own,
    )


def check_quality(contract: Contract, check: TableCheck) -> "DataQuality":
    """Return a check as a metric or a query of the standard, or as an expectation where it has neither."""
    from open_data_contract_standard.model import DataQuality

    own = {"type": check.expectation, "kwargs": dict(check.kwargs)}
    common = {
        "name": check.expectation,
        "description": check.description or None,
        "severity": SEVERITIES[check.severity],
    }
    if form := _runnable(contract, check):
        return DataQuality(**common, **form, customProperties=to_custom({"expectation": own}))
    return DataQuality(**common, type="custom", engine=ENGINE, implementation=own)


def _runnable(contract: Contract, check: TableCheck) -> dict[str, Any] | None:
    """Return the check in the standard's words; None if these would mean something else for all published rows.

    For example, each run's row count may be below a maximum while the total is above it. Uniqueness is similar.
    """
    kwargs = dict(check.kwargs)
    column = kwargs.pop("column", None)
    bounds = {key: value for key, value in kwargs.items() if key in ("min_value", "max_value")}
    if set(kwargs) != set(bounds):
        return None
    is_unpartitioned = not contract.partition_by
    table = contract.table.table
    quoted = f'"{column}"'
    match check.expectation:
        case "expect_table_row_count_to_be_between" if bounds and (is_unpartitioned or "max_value" not in bounds):
            return {"type": "library", "metric": "rowCount", **_between(bounds)}
        case "expect_column_values_to_be_unique" if is_unpartitioned:
            return {"type": "library", "metric": "duplicateValues", "arguments": {"properties": [column]}, "mustBe": 0}
        case "expect_column_values_to_not_be_null":
            return {"type": "sql", "query": f"SELECT count(*) FROM {table} WHERE {quoted} IS NULL", "mustBe": 0}
        case "expect_column_values_to_be_between" if bounds:
            outside = " OR ".join(
                f"{quoted} {'<' if key == 'min_value' else '>'} {value}" for key, value in bounds.items()
            )
            return {"type": "sql", "query": f"SELECT count(*) FROM {table} WHERE {outside}", "mustBe": 0}
        case "expect_column_mean_to_be_between" if bounds:
            return {"type": "sql", "query": f"SELECT avg({quoted}) FROM {table}", **_between(bounds)}
    return None


def _between(bounds: Mapping[str, Any]) -> dict[str, Any]:
    if len(bounds) == 2:
        return {"mustBeBetween": [bounds["min_value"], bounds["max_value"]]}
    return {
        {"min_value": "mustBeGreaterOrEqualTo", "max_value": "mustBeLessOrEqualTo"}[key]: value
        for key, value in bounds.items()
    }

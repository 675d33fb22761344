"""Results of an audit, one per check: Great Expectations' findings of all chunks, added up."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from lakeworks.contract import TableCheck
from lakeworks.quality.findings import AuditReport

CheckOutcome = Literal["passed", "warn", "failed"]
_SAMPLES = 5


@dataclass(frozen=True)
class CheckResult:
    """One check over all rows of an audit; `shown` is its observed value, or examples of unexpected ones."""

    expectation: str
    columns: tuple[str, ...]
    arguments: str
    outcome: CheckOutcome
    rows: int
    unexpected: int
    shown: str


def results_of(report: AuditReport) -> list[CheckResult]:
    """Return the results of a report, failed checks first, otherwise in the suite's order."""
    by_check: dict[str, list[Any]] = {}
    for item in (item for page in report.pages for item in page.results):
        by_check.setdefault(_identity(item), []).append(item)
    results = [_result(items) for items in by_check.values()]
    order: tuple[CheckOutcome, ...] = ("failed", "warn", "passed")
    return sorted(results, key=lambda result: order.index(result.outcome))


def _identity(item: Any) -> str:
    config = item.expectation_config
    return json.dumps([config.type, _arguments(config.kwargs)], default=str, sort_keys=True)


def _arguments(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the check's arguments from the contract, without GX's own additions."""
    return {name: value for name, value in kwargs.items() if name != "batch_id" and value is not None}


def _result(items: list[Any]) -> CheckResult:
    config, details = items[0].expectation_config, [item.result for item in items]
    check = TableCheck(expectation=config.type, kwargs=dict(config.kwargs))
    severe: CheckOutcome = "warn" if (config.meta or {}).get("severity") == "warn" else "failed"
    arguments = {key: value for key, value in _arguments(config.kwargs).items() if key not in ("column", "column_list")}
    return CheckResult(
        expectation=config.type,
        columns=tuple(sorted(check.columns)),
        arguments=", ".join(f"{name} {value}" for name, value in arguments.items()),
        outcome="passed" if all(item.success for item in items) else severe,
        rows=sum(detail.get("element_count") or 0 for detail in details),
        unexpected=sum(detail.get("unexpected_count") or 0 for detail in details),
        shown=_shown(details),
    )


def _shown(details: Iterable[dict[str, Any]]) -> str:
    observed = [str(detail["observed_value"]) for detail in details if detail.get("observed_value") is not None]
    unexpected = [str(value) for detail in details for value in detail.get("partial_unexpected_list") or []]
    return ", ".join(observed or list(dict.fromkeys(unexpected))[:_SAMPLES])

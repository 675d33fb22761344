"""Validation of expectations on Arrow columns: the engine computes, each expectation of Great Expectations judges."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from lakeworks.quality.arrow_conditions import NotComputable
from lakeworks.quality.arrow_engine import ArrowEngine
from lakeworks.quality.audited_rows import AuditedRows

RESULT_FORMAT = "SUMMARY"


class ArrowValidation:
    """Results of the expectations that Arrow computes; the others are left out."""

    def __init__(self, engine: ArrowEngine | None = None) -> None:
        self._engine = engine or ArrowEngine()

    def results(self, table: str, expectations: Mapping[int, Any], rows: AuditedRows) -> dict[int, Any]:
        """Return GX's results by the expectations' numbers."""
        from great_expectations.core import ExpectationValidationResult
        from great_expectations.core.result_format import ResultFormat
        from great_expectations.expectations.expectation import parse_result_format

        runtime = {"result_format": parse_result_format(ResultFormat(RESULT_FORMAT))}
        results: dict[int, Any] = {}
        for number, expectation in expectations.items():
            try:
                metrics = self._engine.resolve_metrics(expectation, rows)
            except (NotComputable, pa.ArrowNotImplementedError):
                continue
            judged = expectation._validate(metrics=metrics, runtime_configuration=runtime)
            result = (
                judged if isinstance(judged, ExpectationValidationResult) else ExpectationValidationResult(**judged)
            )
            result.expectation_config = expectation.configuration
            results[number] = result
        return results

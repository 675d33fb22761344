"""References inside a contract: columns that must exist."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lakeworks.contract.constraints import check_columns, check_pattern, expectation_problems
from lakeworks.contract.parquet_settings import storage_problems
from lakeworks.core.names import suggestion

if TYPE_CHECKING:
    from lakeworks.contract.contract import Contract


def unknown_columns(contract: "Contract") -> Iterator[str]:
    """Yield a problem for each name in grain, partitions and storage that is no suitable column."""
    named = [*contract.grain, *(field.column for field in contract.partition_by if field.column)]
    if missing := sorted({name for name in named if name not in contract.columns}):
        likely = suggestion(missing[0], contract.columns)
        yield f"grain or partition_by name no column: {', '.join(missing)}. {likely}"
    yield from storage_problems(contract)
    if optional := [
        name for name in contract.grain if name in contract.columns and not contract.columns[name].required
    ]:
        yield f"grain columns must be `required: true`: {', '.join(optional)}"
    lowered = [name.lower() for name in contract.columns]
    if len(set(lowered)) != len(lowered):
        yield "two columns differ only in case, and Glue and Athena do not distinguish them"


def check_problems(contract: "Contract") -> Iterator[str]:
    """Yield a problem for each check with an unknown expectation or column, or a pattern that DuckDB or Python refuses."""
    for number, check in enumerate(contract.checks):
        for text in expectation_problems(check.expectation, check.kwargs):
            yield f"`checks.{number}`: {text}"
        try:
            check_columns(check.columns, contract.file_columns)
            for pattern in [check.kwargs.get("regex"), *check.kwargs.get("regex_list", ())]:
                check_pattern(str(pattern or ""))
        except ValueError as error:
            yield f"`checks.{number}` ({check.expectation}): {error}"

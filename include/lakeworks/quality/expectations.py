"""A contract as a Great Expectations suite: the checks that staged rows must pass before they are published."""

import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from lakeworks.contract import Column, Contract, TableCheck
from lakeworks.contract.constraints import REAL
from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations import Expectation

# lakeworks' additions to GX: a row count relative to the median of the table's earlier publications, or to the live rows.
SHARE_OF_MEDIAN = "min_share_of_median"
SHARE_OF_LIVE = "min_share_of_live"
# GX converts limits to floats. Where that loses digits, this subclass of its check keeps them exact.
EXACTLY_BETWEEN = "expect_column_values_to_be_exactly_between"
FLOAT_DIGITS = 15  # decimal digits that a float keeps exactly
_FLOAT_EXACT = 2**53  # a float keeps whole numbers up to here exactly


def checks(contract: Contract) -> Iterator[TableCheck]:
    """Return every check of a contract, generated from its columns or written in it."""
    names = list(contract.file_columns)
    if contract.schema_policy == "freeze":
        yield TableCheck(expectation="expect_table_columns_to_match_ordered_list", kwargs={"column_list": names})
    else:  # extra columns that arrived are kept
        arguments = {"column_set": names, "exact_match": False}
        yield TableCheck(expectation="expect_table_columns_to_match_set", kwargs=arguments)
    for name, column in contract.file_columns.items():
        yield from _column_checks(name, column)
    grain = [name for name in contract.grain if name in contract.file_columns]
    if len(grain) == 1:
        yield TableCheck(expectation="expect_column_values_to_be_unique", kwargs={"column": grain[0]})
    elif grain:
        yield TableCheck(expectation="expect_compound_columns_to_be_unique", kwargs={"column_list": grain})
    yield from contract.checks


def _column_checks(name: str, column: Column) -> Iterator[TableCheck]:
    if column.required:
        yield TableCheck(expectation="expect_column_values_to_not_be_null", kwargs={"column": name})
    limits = {"min_value": column.minimum, "max_value": column.maximum}
    if given := {key: as_compared(value, column.type) for key, value in limits.items() if value is not None}:
        exact = all(isinstance(v, float) or (isinstance(v, int) and abs(v) <= _FLOAT_EXACT) for v in given.values())
        between = "expect_column_values_to_be_between" if exact else EXACTLY_BETWEEN
        yield TableCheck(expectation=between, kwargs={"column": name, **given})
    if column.allowed is not None:
        values = [value if isinstance(value, str) else as_compared(value, column.type) for value in column.allowed]
        allowed = {"column": name, "value_set": values}
        yield TableCheck(expectation="expect_column_values_to_be_in_set", kwargs=allowed)
    if column.pattern is not None:
        pattern = {"column": name, "regex": column.pattern}
        yield TableCheck(expectation="expect_column_values_to_match_regex", kwargs=pattern)


def as_compared(value: int | Decimal, kind: LakeType) -> int | float | Decimal:
    """Return a limit in the type in which the audit compares the column, so that the comparison gives the database's result."""
    if kind.kind == "float":  # the nearest 32-bit float
        return float(struct.unpack("f", struct.pack("f", float(value)))[0])
    if kind.kind in REAL or (kind.kind == "decimal" and kind.precision <= FLOAT_DIGITS):
        return float(value)
    if kind.kind == "decimal":
        return float(value) if Decimal(float(value)) == value else Decimal(value)
    return bool(value) if isinstance(value, bool) else int(value)


def expectation(contract: Contract, check: TableCheck, median: float | None = None) -> "Expectation":
    """Return one check as a GX expectation; `median` is the median of earlier row counts.

    Raises:
        ContractError: there is no such expectation, or its arguments are wrong.
    """
    from great_expectations import expectations as known
    from pydantic.v1 import ValidationError

    name = "".join(word.capitalize() for word in check.expectation.split("_"))
    kwargs = dict(check.kwargs)
    kwargs.pop(SHARE_OF_LIVE, None)
    share = kwargs.pop(SHARE_OF_MEDIAN, None)
    if share is not None and median is not None:
        kwargs["min_value"] = max(int(share * median), kwargs.get("min_value", 0))
    kind = _exactly_between() if check.expectation == EXACTLY_BETWEEN else getattr(known, name, None)
    if kind is None:
        raise ContractError(
            f"`{contract.name}`: Great Expectations has no expectation `{check.expectation}`. Nothing was "
            "audited. Correct `checks` in the contract."
        )
    try:
        return kind(**kwargs, meta={"severity": check.severity, "notes": check.description})
    except (ValidationError, TypeError) as error:
        raise ContractError(f"`{contract.name}`: check `{check.expectation}` with {check.kwargs}: {error}") from error


def is_of_single_rows(kind: "Expectation", name: str) -> bool:
    """Return True if each row passes or fails by itself. Then a partition can be checked piece by piece.

    Return False for uniqueness, order, aggregates, and checks that let a share of the rows fail.
    """
    from great_expectations.expectations import expectation as kinds

    by_row = (kinds.ColumnMapExpectation, kinds.ColumnPairMapExpectation, kinds.MulticolumnMapExpectation)
    related = any(word in name for word in ("unique", "increasing", "decreasing"))
    return isinstance(kind, by_row) and not related and getattr(kind, "mostly", 1) == 1


@cache
def _exactly_between() -> "type[Expectation]":
    from great_expectations.expectations import ExpectColumnValuesToBeBetween

    class ExpectColumnValuesToBeExactlyBetween(ExpectColumnValuesToBeBetween):  # type: ignore[misc]
        """Great Expectations' own check, with limits that stay whole numbers or decimals."""

        min_value: Any = None
        max_value: Any = None

    return ExpectColumnValuesToBeExactlyBetween


def suite(contract: Contract, median: float | None = None) -> "ExpectationSuite":
    """Return the contract's whole suite; other tools read its `.to_json_dict()`.

    Raises:
        ContractError: a check of the contract does not exist or has wrong arguments.
    """
    from great_expectations import ExpectationSuite

    return ExpectationSuite(
        name=contract.name, expectations=[expectation(contract, c, median) for c in checks(contract)]
    )


def compares_with_history(contract: Contract) -> bool:
    """Return True if a check needs the table's earlier row counts."""
    return any(SHARE_OF_MEDIAN in check.kwargs for check in checks(contract))


def compared_with_live(contract: Contract, fewest: Callable[[float], int]) -> Contract:
    """Return the contract with the row count that each share of the live rows demands now; `fewest` gives it for a share."""

    def demanded(check: TableCheck) -> TableCheck:
        if SHARE_OF_LIVE not in check.kwargs:
            return check
        least = max(fewest(check.kwargs[SHARE_OF_LIVE]), check.kwargs.get("min_value", 0))
        return check.model_copy(update={"kwargs": {**check.kwargs, "min_value": least}})

    if not any(SHARE_OF_LIVE in check.kwargs for check in contract.checks):
        return contract
    return contract.model_copy(update={"checks": tuple(map(demanded, contract.checks))})


def median_of(history: "list[int] | tuple[int, ...]") -> float | None:
    """Return the median of earlier row counts; None without any."""
    if not history:
        return None
    ordered: list[Any] = sorted(history)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2

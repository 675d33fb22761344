"""Conditions on the values of one column, computed by Arrow: for each a mask of the unexpected rows.

A function returns None if no row is unexpected. It raises `NotComputable` if Great Expectations' pandas engine has to decide:
another type than the condition is for, an argument that is no plain value, an argument that GX itself refuses.
"""

import math
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.quality.audited_rows import AuditedColumn

Mask: TypeAlias = "pa.ChunkedArray | None"
_INT64 = 2**63


class NotComputable(Exception):
    """Arrow does not compute this expectation on this column."""


def _not_null(column: AuditedColumn, _: Any) -> Mask:
    return pc.is_null(column.values) if column.values.null_count else None


def _null(column: AuditedColumn, _: Any) -> Mask:
    return pc.is_valid(column.values) if column.values.null_count < len(column.values) else None


def _between(column: AuditedColumn, expectation: Any) -> Mask:
    low, high = expectation.min_value, expectation.max_value
    if not (pa.types.is_integer(column.kind) or pa.types.is_floating(column.kind) or pa.types.is_decimal(column.kind)):
        raise NotComputable
    if (low is None and high is None) or not all(limit is None or _is_number(limit) for limit in (low, high)):
        raise NotComputable
    if low is not None and high is not None and low > high:
        raise NotComputable
    least, most = column.limits
    strict_low, strict_high = bool(expectation.strict_min), bool(expectation.strict_max)
    masks = []
    if low is not None and least is not None and not (least > low or (least == low and not strict_low)):
        compare = pc.less_equal if strict_low else pc.less
        masks.append(compare(column.values, _limit(low, column.kind, ROUND_FLOOR if strict_low else ROUND_CEILING)))
    if high is not None and most is not None and not (most < high or (most == high and not strict_high)):
        compare = pc.greater_equal if strict_high else pc.greater
        masks.append(compare(column.values, _limit(high, column.kind, ROUND_CEILING if strict_high else ROUND_FLOOR)))
    if not masks:
        return None
    return masks[0] if len(masks) == 1 else pc.or_(*masks)


def _is_number(limit: Any) -> bool:
    return isinstance(limit, int | float | Decimal) and not isinstance(limit, bool) and not math.isnan(limit)


def _limit(limit: Any, kind: pa.DataType, rounding: str) -> pa.Scalar:
    """Return a limit in the column's type: rounded so that every value of the type compares as with the limit itself."""
    if pa.types.is_floating(kind):
        if float(limit) != limit:
            raise NotComputable
        return pa.scalar(float(limit), kind)
    if math.isinf(limit):
        raise NotComputable
    exact = Decimal(limit)
    if pa.types.is_integer(kind):
        whole = int(exact.to_integral_value(rounding))
        if not -_INT64 <= whole < _INT64:
            raise NotComputable
        return pa.scalar(whole, kind)
    step = int((exact * 10**kind.scale).to_integral_value(rounding))
    return _exactly(Decimal(step).scaleb(-kind.scale), kind)


def _exactly(value: Decimal, kind: pa.DataType) -> pa.Scalar:
    try:
        return pa.scalar(value, kind)
    except pa.ArrowInvalid as error:
        raise NotComputable from error


def _in_set(column: AuditedColumn, expectation: Any) -> Mask:
    inside = _inside(column, expectation)
    if pc.sum(inside).as_py() == len(column.values) - column.values.null_count:
        return None
    return pc.and_(pc.invert(inside), pc.is_valid(column.values))


def _not_in_set(column: AuditedColumn, expectation: Any) -> Mask:
    inside = _inside(column, expectation)
    return inside if pc.any(inside).as_py() else None


def _inside(column: AuditedColumn, expectation: Any) -> pa.ChunkedArray:
    if not isinstance(expectation.value_set, list | set | tuple) or not expectation.value_set or not len(column.values):
        raise NotComputable
    return pc.is_in(column.hashable, value_set=_members(expectation.value_set, column.kind))


def _members(values: Any, kind: pa.DataType) -> pa.Array:
    """Return the values that a column of this type can have; a value of another kind is left to pandas."""
    exact: tuple[tuple[Callable[[pa.DataType], bool], type], ...] = (
        (pa.types.is_string, str), (pa.types.is_boolean, bool), (pa.types.is_int64, int), (pa.types.is_float64, float),
    )  # fmt: skip
    for is_kind, expected in exact:
        if is_kind(kind):
            members = [float(value) if expected is float and type(value) is int else value for value in values]
            if any(type(value) is not expected for value in members):
                raise NotComputable
            return pa.array([v for v in members if expected is not int or -_INT64 <= v < _INT64], kind)
    raise NotComputable


def _matches(column: AuditedColumn, expectation: Any) -> Mask:
    matching = _matching(column, expectation)
    return None if pc.all(matching).as_py() is not False else pc.invert(matching)


def _matches_not(column: AuditedColumn, expectation: Any) -> Mask:
    matching = _matching(column, expectation)
    return matching if pc.any(matching).as_py() else None


def _matching(column: AuditedColumn, expectation: Any) -> pa.ChunkedArray:
    if not pa.types.is_string(column.kind) or not isinstance(expectation.regex, str):
        raise NotComputable
    try:
        return pc.match_substring_regex(column.values, expectation.regex)
    except pa.ArrowInvalid as error:  # Python knows more syntax than RE2
        raise NotComputable from error


def _unique(column: AuditedColumn, _: Any) -> Mask:
    if pa.types.is_nested(column.kind):
        raise NotComputable
    values = column.hashable
    if column.distinct == len(values) - values.null_count:
        return None
    counted = pc.value_counts(values)
    repeated = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    return pc.and_(pc.is_in(values, value_set=repeated), pc.is_valid(values))


CONDITIONS: Mapping[str, Callable[[AuditedColumn, Any], Mask]] = {
    "column_values.nonnull": _not_null,
    "column_values.null": _null,
    "column_values.between": _between,
    "column_values.in_set": _in_set,
    "column_values.not_in_set": _not_in_set,
    "column_values.match_regex": _matches,
    "column_values.not_match_regex": _matches_not,
    "column_values.unique": _unique,
}

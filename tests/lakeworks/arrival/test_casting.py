"""Casts lose nothing: Arrow's own safe cast lets fractions be rounded and numbers become infinite."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.arrival.casting import cast, fits

MONEY = pa.decimal128(10, 2)
DOUBLE, FLOAT = pa.float64(), pa.float32()
NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "old", "new"),
    [
        ([1e300], DOUBLE, FLOAT),
        ([0.1], DOUBLE, FLOAT),
        ([1.239], DOUBLE, MONEY),
        ([NAN], DOUBLE, MONEY),
        ([Decimal("12345678901234567891")], pa.decimal128(20, 0), DOUBLE),
        ([Decimal("1.239")], pa.decimal128(10, 3), MONEY),
        ([2**24 + 1], pa.int64(), FLOAT),
        ([{"fee": 1.239}], pa.struct({"fee": DOUBLE}), pa.struct({"fee": MONEY})),
        ([[], [1.5, 1.239]], pa.list_(DOUBLE), pa.list_(MONEY)),
        ([[("k", 1e300)]], pa.map_(pa.string(), DOUBLE), pa.map_(pa.string(), FLOAT)),
    ],
)
def test_a_value_that_would_become_another_does_not_fit(values: list[Any], old: pa.DataType, new: pa.DataType) -> None:
    column = pa.array([None, *values], old)
    assert not fits(column, new)
    with pytest.raises(pa.ArrowInvalid):
        cast(column, new)


@pytest.mark.parametrize(
    ("values", "old", "new", "expected"),
    [
        ([0.5, float("inf")], DOUBLE, FLOAT, None),
        ([0.1], FLOAT, DOUBLE, [pytest.approx(0.1, rel=1e-7)]),
        ([0.1, 19.99, -1234567.89, 0.0], DOUBLE, MONEY, [Decimal(n) for n in ("0.10", "19.99", "-1234567.89", "0.00")]),
        ([0.1], FLOAT, MONEY, [Decimal("0.10")]),
        ([Decimal("19.99")], MONEY, DOUBLE, [pytest.approx(19.99, rel=1e-15)]),
        ([[1.25], []], pa.list_(DOUBLE), pa.list_(MONEY), [[Decimal("1.25")], []]),
    ],
)
def test_a_value_that_stays_itself_fits(
    values: list[Any], old: pa.DataType, new: pa.DataType, expected: list[Any] | None
) -> None:
    column = pa.array([*values, None], old)
    assert fits(column, new)
    assert cast(column, new).to_pylist() == [*(expected or values), None]


def test_not_a_number_stays_one() -> None:
    assert fits(pa.array([NAN, 1.5]), FLOAT)


def test_what_lies_below_a_missing_struct_is_nobodys_value() -> None:
    fees = pa.array([1.25, 1.239], DOUBLE)
    column = pa.StructArray.from_arrays([fees], ["fee"], mask=pa.array([False, True]))
    kind = pa.struct({"fee": MONEY})
    assert fits(column, kind)
    assert cast(column, kind).to_pylist() == [{"fee": Decimal("1.25")}, None]


@pytest.mark.parametrize("member", [pa.struct({"city": pa.string()}), pa.list_(MONEY), pa.map_(pa.string(), MONEY)])
def test_a_member_that_is_null_in_every_row_arrives_without_a_type(member: pa.DataType) -> None:
    # CI, 2026-11-28: `'pyarrow.lib.NullArray' object has no attribute 'flatten'` for orders without an address
    column = pa.array([{"id": 1, "address": None}, None], pa.struct({"id": pa.int32(), "address": pa.null()}))
    kind = pa.struct({"id": pa.int64(), "address": member})
    assert fits(column, kind)
    assert cast(column, kind).to_pylist() == [{"id": 1, "address": None}, None]


def test_a_batch_of_maps_is_judged_by_its_own_values() -> None:
    column = pa.array([[("a", 0.1)], [("k", 1.5)], None, [("z", 2.25)]], pa.map_(pa.string(), DOUBLE))
    assert fits(column[1:], pa.map_(pa.string(), FLOAT))
    assert not fits(column, pa.map_(pa.string(), FLOAT))

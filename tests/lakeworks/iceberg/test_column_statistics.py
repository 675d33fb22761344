"""Statistics of columns: pyiceberg skips files by them, and no filter skips a file that has a row of its answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from math import inf, isfinite, isnan, nan
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import (
    BooleanExpression,
    EqualTo,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNaN,
    IsNull,
    LessThan,
    LessThanOrEqual,
    NotEqualTo,
    NotIn,
    NotNaN,
    NotNull,
    StartsWith,
)
from pyiceberg.expressions.visitors import _InclusiveMetricsEvaluator
from pyiceberg.manifest import DataFile
from pyiceberg.typedef import Record
from pyiceberg.types import PrimitiveType

from lakeworks.contract import Contract, Storage
from lakeworks.iceberg.published_files import NewFiles, PublishedFile
from lakeworks.iceberg.schema import table_schema
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LiveObject
from lakeworks.parquet.encoder import ParquetPart
from lakeworks.parquet.footer_statistics import object_statistics
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import contract_of
from tests.lakeworks.iceberg.orders import Orders, contract
from tests.support.memory_s3 import MemoryS3

EPOCH = datetime(1970, 1, 1)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32),
    "double": st.floats(),
    "decimal(12,2)": st.decimals(-(10**9), 10**9, places=2, allow_nan=False),
    "decimal(30,4)": st.decimals(-(10**20), 10**20, places=4, allow_nan=False),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "timestamp": st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
    "string": st.text(st.sampled_from("aé\ud7ff\ue000\U0001f600\U0010ffff"), max_size=20) | st.text(max_size=20),
    "binary": st.binary(max_size=20) | st.lists(st.sampled_from([0, 254, 255]), max_size=18).map(bytes),
}
COMPARED: list[tuple[Any, Callable[[Any, Any], bool]]] = [
    (LessThan, lambda one, other: one < other),
    (LessThanOrEqual, lambda one, other: one <= other),
    (EqualTo, lambda one, other: one == other),
    (NotEqualTo, lambda one, other: one != other),
    (GreaterThanOrEqual, lambda one, other: one >= other),
    (GreaterThan, lambda one, other: one > other),
]


def values_contract(kind: str, **column: Any) -> Contract:
    columns = {
        "id": {"type": "bigint", "required": True, "description": ""},
        "value": {"type": kind, "description": "", **column},
    }
    return contract_of("gold.shop.values", columns=columns, grain=["id"], storage={"layout": "versioned"})


def entry_of(table: Contract, values: Sequence[Any], scratch: Path, group: int = 2) -> DataFile:
    """The entry of a file with these values, in row groups of two rows, as writer and footer give it."""
    rows = {"id": range(len(values)), "value": values}
    schema = pa.schema([(name, column.type.arrow) for name, column in table.columns.items()])
    part = ParquetPart(schema, Storage(row_group_rows=group), scratch)
    try:
        part.add(pa.record_batch([pa.array(rows[name], schema.field(name).type) for name in rows], schema=schema))
        content = part.finish()
        body = content if isinstance(content, bytes) else content.read_bytes()
    finally:
        part.discard()
    return entry_of_bytes(table, body, len(values))


def entry_of_bytes(table: Contract, body: bytes, rows: int, version: str | None = None) -> DataFile:
    """The entry of an object with these bytes, at the version that was stored or at another one."""
    store = ObjectStore(MemoryS3(), "lake", threads=1)  # type: ignore[arg-type]
    stored = store.put("gold/values", body)
    item = LiveObject(
        key=stored.key, size=len(body), sha256="", rows=rows, source_key="", version_id=version or stored.version_id
    )
    file = PublishedFile("s3://lake/gold/values", item, Record())
    (entry,) = NewFiles(store, table, partial(object_statistics, store)).entries([file], table_schema(table))
    return entry


def may_match(table: Contract, entry: DataFile, expression: BooleanExpression) -> bool:
    return _InclusiveMetricsEvaluator(table_schema(table), expression).eval(entry)


def bounds(table: Contract, entry: DataFile) -> tuple[Any, Any]:
    (kind,) = [field.field_type for field in table_schema(table).fields if field.name == "value"]
    assert isinstance(kind, PrimitiveType)
    ends = (entry.lower_bounds.get(2), entry.upper_bounds.get(2))
    lower, upper = (None if end is None else from_bytes(kind, end) for end in ends)
    return lower, upper


@dataclass(frozen=True)
class Case:
    """Values of one column, and a value to filter by."""

    kind: str
    values: list[Any]
    literal: Any


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(sorted(KINDS)))
    values = draw(st.lists(st.none() | KINDS[kind], min_size=1, max_size=6))
    near = [value for value in values if value is not None]
    return Case(kind, values, draw(st.sampled_from(near) | KINDS[kind] if near else KINDS[kind]))


def largest_nan(value: Any) -> Any:
    """A key by which NaN is larger than every number, as in Spark, and equal to itself."""
    return (isnan(value), 0 if isnan(value) else value) if isinstance(value, float) else value


def is_comparable(case: Case) -> bool:
    """Return True for what pyiceberg compares: NaN has expressions of its own, and a float infinity is out of its range."""
    if not isinstance(case.literal, float) or isfinite(case.literal):
        return True
    return case.kind == "double" and not isnan(case.literal)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=cases())
@example(case=Case("string", ["a" * 15 + "\ud7ff" + "b"], "a" * 15 + "\ud7ff" + "b"))
@example(case=Case("string", ["\U0010ffff" * 17], "\U0010ffff" * 17))
@example(case=Case("string", ["a", "b", "z" * 5000], "z" * 5000))
@example(case=Case("binary", [b"\xff" * 17], b"\xff" * 17))
@example(case=Case("double", [1.0, nan, 2.0], 5.0))
@example(case=Case("double", [nan, nan, 2.0, None], 3.0))
@example(case=Case("double", [-0.0, None], 0.0))
@example(case=Case("double", [inf, -inf, 0.5], inf))
def test_no_filter_skips_a_file_that_has_a_row_of_its_answer(tmp_path: Path, case: Case) -> None:
    """Both for readers to whom NaN compares with nothing (pyiceberg) and to whom it is the largest number (Spark)."""
    table = values_contract(case.kind)
    entry = entry_of(table, case.values, tmp_path)
    present = [value for value in case.values if value is not None]
    if is_comparable(case):
        for operation, holds in COMPARED:
            found = [
                value
                for value in present
                if holds(value, case.literal) or holds(largest_nan(value), largest_nan(case.literal))
            ]
            assert may_match(table, entry, operation("value", case.literal)) or not found
    assert may_match(table, entry, IsNull("value")) or len(present) == len(case.values)
    assert may_match(table, entry, NotNull("value")) or not present
    if case.kind in ("float", "double"):
        assert may_match(table, entry, IsNaN("value")) or not any(map(isnan, present))
        assert may_match(table, entry, NotNaN("value")) or all(map(isnan, present))
    elif case.literal in present:
        assert may_match(table, entry, In("value", [case.literal, present[0]]))
    if case.kind == "string" and any(value.startswith(case.literal[:3]) for value in present):
        assert may_match(table, entry, StartsWith("value", case.literal[:3]))
    if case.kind not in ("float", "double") and any(value != case.literal for value in present):
        assert may_match(table, entry, NotIn("value", [case.literal]))


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("kind", "values", "ends"),
    [
        ("boolean", [False, False, None], (False, False)),
        ("smallint", [3, -2, None], (-2, 3)),
        ("bigint", [2**40, None, -(2**40)], (-(2**40), 2**40)),
        ("decimal(12,2)", [Decimal("1.50"), Decimal("-2.25")], (Decimal("-2.25"), Decimal("1.50"))),
        ("decimal(30,4)", [Decimal("1.5"), Decimal(10**20)], (Decimal("1.5000"), Decimal("100000000000000000000.0000"))),
        ("date", [date(2019, 1, 2), date(1969, 12, 31)], (-1, 17898)),
        ("timestamp", [datetime(2019, 1, 2, 3, 4, 5, 6)], (_micros(datetime(2019, 1, 2, 3, 4, 5, 6)),) * 2),
        ("string", ["b", "a", None], ("a", "b")),
        ("string", ["é" * 20], ("é" * 16, "é" * 15 + "ê")),
        ("string", ["a" * 15 + "\ud7ff" * 2], ("a" * 15 + "\ud7ff", "a" * 15 + "\ue000")),
        ("string", ["a" + "\U0010ffff" * 20], ("a" + "\U0010ffff" * 15, "b")),
        ("string", ["\U0010ffff" * 20], ("\U0010ffff" * 16, None)),
        ("string", ["short", "short", "z" * 5000, "a"], (None, None)),
        ("binary", [b"\x01" * 20], (b"\x01" * 16, b"\x01" * 15 + b"\x02")),
        ("double", [1.5, nan, 3.0], (1.5, None)),
        ("double", [nan, nan], (None, None)),
        ("float", [0.5, 2.5], (0.5, None)),
        ("bigint", [None, None, None], (None, None)),
    ],
)  # fmt: skip
def test_bounds_are_those_of_the_rows(tmp_path: Path, kind: str, values: list[Any], ends: tuple[Any, Any]) -> None:
    table = values_contract(kind)
    entry = entry_of(table, values, tmp_path)
    assert bounds(table, entry) == ends
    counts = (entry.value_counts[2], entry.null_value_counts[2], entry.column_sizes[2] > 0)
    assert counts == (len(values), values.count(None), True)


@pytest.mark.parametrize("column", [{"pii": True}, {"classification": "restricted"}])
def test_values_of_protected_columns_are_in_no_manifest(tmp_path: Path, column: dict[str, Any]) -> None:
    table = values_contract("string", **column)
    entry = entry_of(table, ["anna@example.org", None], tmp_path)
    assert (bounds(table, entry), entry.null_value_counts[2]) == ((None, None), 1)
    assert entry.lower_bounds.keys() == entry.upper_bounds.keys() == {1}


def test_lists_and_structs_have_no_statistics(tmp_path: Path) -> None:
    entry = entry_of(values_contract("list<bigint>"), [[1], [], None], tmp_path)
    assert entry.value_counts.keys() == entry.column_sizes.keys() == {1}


@pytest.mark.parametrize("version", [None, "gone"])
def test_an_object_that_cannot_be_read_is_listed_without_statistics(
    version: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """`verify` reports it; the run's other rows must reach readers."""
    table = values_contract("bigint")
    entry = entry_of_bytes(table, b"no Parquet file at all", 3, version)
    assert (entry.record_count, entry.value_counts, entry.lower_bounds) == (3, {}, {})
    assert may_match(table, entry, EqualTo("value", 1))
    assert "gold/values has no column statistics" in caplog.text


COLUMNS = {
    "order_id": {"type": "bigint", "required": True, "description": ""},
    "order_date": {"type": "date", "required": True, "description": ""},
    "amount": {"type": "decimal(12,2)", "description": ""},
    "customer": {"type": "string", "description": ""},
}
ROWS = [
    (number, date(2019, 1, 1 + number // 10), Decimal(number) / 4, f"customer of the shop {number:02d}" if number else None)
    for number in range(40)
]  # fmt: skip


def planned(orders: Orders, text: str) -> int:
    return len([*orders.iceberg().scan(row_filter=text).plan_files()])


@pytest.fixture
def orders(lake: Lake, moto_url: str) -> Orders:
    return Orders(lake, moto_url, contract(columns=COLUMNS, partition_by=["day(order_date)"]))


def test_pyiceberg_opens_only_files_whose_statistics_admit_rows(orders: Orders) -> None:
    orders.publish(ROWS)
    found = {text: planned(orders, text) for text in (
        "order_id >= 0", "order_id = 15", "order_id > 39", "amount > 7.30", "amount < 0.00", "customer is null",
        "customer is not null", "customer = 'customer of the shop 05'", "customer < 'b'", "order_id in (1, 2, 31)",
    )}  # fmt: skip
    assert [*found.values()] == [4, 1, 0, 1, 0, 1, 4, 4, 0, 2]
    assert orders.by_iceberg(row_filter="order_id = 15") == [row for row in orders.by_ledger() if row[0] == 15]


def test_a_widened_column_keeps_its_older_bounds(orders: Orders) -> None:
    narrow = {**COLUMNS, "order_id": {**COLUMNS["order_id"], "type": "int"}}
    orders.wanted = contract(columns=narrow, partition_by=["day(order_date)"])
    orders.publish(ROWS[:20])
    orders.wanted = contract(columns=COLUMNS, partition_by=["day(order_date)"])
    orders.publish(ROWS[20:])
    assert [planned(orders, text) for text in ("order_id = 15", "order_id = 25", "order_id > 3000000000")] == [1, 1, 0]
    assert orders.by_iceberg() == orders.by_ledger()

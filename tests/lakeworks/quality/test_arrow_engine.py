"""Arrow and pandas compute the same for Great Expectations: verdicts, counts, samples, for any values of any type."""

import json
import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.contract import Contract
from lakeworks.quality.arrow_engine import ArrowEngine
from lakeworks.quality.arrow_validation import ArrowValidation
from lakeworks.quality.audited_rows import rows_of
from lakeworks.quality.expectations import checks, expectation
from lakeworks.quality.findings import AuditReport
from lakeworks.quality.gx_validation import Chunk, audit
from lakeworks.quality.pandas_validation import PandasValidation
from tests.conftest import contract_of

NAN, INF = float("nan"), float("inf")
B53 = 2**53
EPOCH = datetime(2019, 1, 1)
# A column of each type, and values that are hard to tell apart or to count.
VALUES: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "flag": ("boolean", st.booleans()),
    "tiny": ("tinyint", st.integers(-3, 3)),
    "whole": ("int", st.sampled_from([0, 1, 2, 5, -(2**31), 2**31 - 1])),
    "units": ("bigint", st.sampled_from([0, 1, 5, B53, B53 + 1, -B53 - 1, 2**63 - 1, -(2**63)])),
    "speed": ("float", st.sampled_from([0.1, 0.5, -0.0, 0.0, NAN, INF])),
    "ratio": ("double", st.sampled_from([0.1, 0.3, 0.30000000000000004, -0.0, 0.0, NAN, INF, -INF])),
    "price": ("decimal(10,2)", st.sampled_from([Decimal("-0.01"), Decimal("0.10"), Decimal("9.99"), Decimal("100.01")])),
    "mass": ("decimal(38,20)", st.sampled_from([Decimal("0.1"), Decimal("0.10000000000000000001"), Decimal(7)])),
    "kind": ("string", st.sampled_from(["", "a", "b", "A1", "a b", "10", "ß", "None", "nan"])),
    "raw": ("binary", st.sampled_from([b"", b"a", b"\x00"])),
    "day": ("date", st.sampled_from([date(1969, 12, 31), date(2019, 1, 1), date(2199, 12, 31)])),
    "at": ("timestamp", st.sampled_from([EPOCH, EPOCH + timedelta(microseconds=1), datetime(1900, 1, 1)])),
    "tags": ("list<string>", st.lists(st.sampled_from(["x", "y"]), max_size=2)),
    "place": ("struct<lat:double>", st.fixed_dictionaries({"lat": st.sampled_from([1.0, 2.0])})),
    "marks": ("map<string,int>", st.just([("a", 1)])),
}  # fmt: skip
NUMBERS = ("tiny", "whole", "units", "speed", "ratio", "price", "mass")
FLAT = [name for name in VALUES if name not in ("tags", "place", "marks")]


def _check(name: str, **kwargs: Any) -> dict[str, Any]:
    return {"expectation": f"expect_{name}", "kwargs": kwargs}


LIMITS = st.sampled_from([0, 1, 0.1, 0.3, 5, -1, 100, float(B53)])
MOSTLY = st.sampled_from([{}, {}, {"mostly": 0.5}])
SETS = {"kind": ["a", "", "None"], "flag": [True], "whole": [0, 5], "units": [B53 + 1, 0], "ratio": [0.1, 0], "speed": [0.5],
        "price": [9.99, 0.1]}  # fmt: skip


def _of_column(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Every kind of check that Arrow computes for this column."""
    kinds = [
        st.just(_check("column_values_to_not_be_null", column=name)),
        st.just(_check("column_values_to_be_null", column=name)),
        MOSTLY.map(lambda more: _check("column_values_to_not_be_null", column=name, **more)),
    ]
    if name in FLAT:
        kinds.append(MOSTLY.map(lambda more: _check("column_values_to_be_unique", column=name, **more)))
        distinct = _check("column_unique_value_count_to_be_between", column=name, min_value=1, max_value=2)
        kinds.append(st.just(distinct))
    if name in NUMBERS:
        kinds.append(st.builds(
            lambda low, high, strict, more: _check(
                "column_values_to_be_between", column=name, min_value=low,
                **({"max_value": low + high} if high else {}), **({"strict_min": True, "strict_max": True} if strict else {}), **more,
            ), LIMITS, st.sampled_from([0, 1, 4]), st.booleans(), MOSTLY,
        ))  # fmt: skip
    if name in NUMBERS and name != "mass":
        for kind in ("max", "min", "mean"):
            kinds.append(
                LIMITS.map(lambda low, kind=kind: _check(f"column_{kind}_to_be_between", column=name, min_value=low))
            )
    if name in SETS:
        for kind in ("be", "not_be"):
            kinds.append(MOSTLY.map(
                lambda more, kind=kind: _check(f"column_values_to_{kind}_in_set", column=name, value_set=SETS[name], **more)
            ))  # fmt: skip
    if name == "kind":
        for kind in ("match", "not_match"):
            kinds.append(st.sampled_from(["^[a-z]*$", "a", r"\d", "^$"]).map(
                lambda regex, kind=kind: _check(f"column_values_to_{kind}_regex", column="kind", regex=regex)
            ))  # fmt: skip
    return st.one_of(kinds)


COMPOUND = st.builds(
    lambda names, ignore, more: _check("compound_columns_to_be_unique", column_list=names, **ignore, **more),
    st.lists(st.sampled_from(FLAT), min_size=2, max_size=3, unique=True),
    st.sampled_from([{}, {"ignore_row_if": "any_value_is_missing"}, {"ignore_row_if": "never"}]), MOSTLY,
)  # fmt: skip
OF_TABLE = st.sampled_from([
    _check("table_row_count_to_be_between", min_value=1, max_value=4), _check("table_row_count_to_equal", value=3),
    _check("table_column_count_to_equal", value=3), _check("table_column_count_to_be_between", min_value=4),
    _check("table_columns_to_match_set", column_set=["id", "kind"], exact_match=False),
    _check("table_columns_to_match_ordered_list", column_list=["id"]), _check("column_to_exist", column="kind"),
])  # fmt: skip
CHECKS = st.one_of(*(_of_column(name) for name in VALUES), COMPOUND, COMPOUND, OF_TABLE)
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | values for name, (_, values) in VALUES.items()}), max_size=8)


def contract_with(some: list[dict[str, Any]]) -> Contract:
    columns = {name: {"type": kind, "description": ""} for name, (kind, _) in VALUES.items()}
    key = {"id": {"type": "bigint", "required": True, "description": ""}}
    return contract_of(columns={**key, **columns}, checks=some, schema_policy="add_nullable")


def table_of(of: Contract, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{"id": number, **row} for number, row in enumerate(rows)], of.arrow_schema)


def plain(value: Any) -> Any:
    """A value without the differences that nobody sees: kinds of null, numpy's numbers, zones of UTC, arrays of lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if value is None or (str(value) in ("NaT", "<NA>", "nan") and not isinstance(value, str)):
        return None
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def findings(report: AuditReport) -> list[Any]:
    """Everything a report says, check by check."""
    says = []
    for item in (item for page in report.pages for item in page.results):
        result = plain(dict(item.result))
        counts = result.pop("partial_unexpected_counts", [])  # pandas counts each NaN as a value of its own
        tallied = Counter({json.dumps([c.get("value"), c.get("error")], default=str): c.get("count", 1) for c in counts
                           if c.get("value") is not None})  # fmt: skip
        says.append((item.expectation_config.type, item.success, result, sorted(tallied.items())))
    return says


def both(of: Contract, table: pa.Table) -> tuple[AuditReport, AuditReport]:
    quick = audit(of, [Chunk(table)], validations=[ArrowValidation(), PandasValidation()])
    return quick, audit(of, [Chunk(table)], validations=[PandasValidation()])


@settings(max_examples=int(os.environ.get("LAKE_LONG", 0)) * 400 or 8, suppress_health_check=list(HealthCheck))
@given(st.lists(CHECKS, min_size=10, max_size=15, unique_by=str), ROWS)
def test_arrow_finds_what_pandas_finds(some: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    of = contract_with(some)
    quick, slow = both(of, table_of(of, rows))
    assert findings(quick) == findings(slow)
    assert [(f.expectation, f.unexpected, f.rows, f.severity) for f in quick.failures] == [
        (f.expectation, f.unexpected, f.rows, f.severity) for f in slow.failures
    ]
    assert [f.samples for f in quick.failures] == [f.samples for f in slow.failures]


def taken_by_arrow(of: Contract, table: pa.Table) -> dict[str, bool]:
    """Whether Arrow computes each check of a contract, by expectation."""
    some = list(checks(of))
    made = {number: expectation(of, check) for number, check in enumerate(some)}
    taken = ArrowValidation().results(of.name, made, rows_of(some, table))
    return {
        f"{check.expectation} {check.kwargs.get('column', '')}": number in taken for number, check in enumerate(some)
    }


def test_arrow_computes_every_check_that_columns_and_grain_make() -> None:
    """Pandas on the usual path would cost tens of milliseconds a check."""
    columns = {
        "id": {"type": "bigint", "required": True, "description": ""},
        "day": {"type": "date", "required": True, "description": ""},
        "units": {"type": "bigint", "minimum": 0, "maximum": B53 + 1, "description": ""},
        "price": {"type": "decimal(10,2)", "minimum": 0, "description": ""},
        "mass": {"type": "decimal(38,20)", "maximum": "0.10000000000000000001", "description": ""},
        "speed": {"type": "float", "allowed": [0.1, 0.5], "description": ""},
        "kind": {"type": "string", "allowed": ["a"], "pattern": "^[a-z]$", "description": ""},
    }
    rows = [
        _check("table_row_count_to_be_between", min_value=1),
        _check("column_mean_to_be_between", column="price", min_value=0),
    ]
    of = contract_of(columns=columns, grain=["id", "day"], checks=rows)
    row = {
        "id": 1,
        "day": date(2019, 1, 1),
        "units": 3,
        "price": Decimal(1),
        "mass": Decimal("0.1"),
        "speed": 0.1,
        "kind": "a",
    }
    taken = taken_by_arrow(of, pa.Table.from_pylist([row], of.arrow_schema))
    assert taken
    assert [name for name, yes in taken.items() if not yes] == []


@pytest.mark.parametrize(
    "check",
    [
        _check("column_values_to_not_be_null", column="kind", row_condition="flag == True", condition_parser="pandas"),
        _check("column_values_to_be_increasing", column="tiny"),
        _check("column_value_lengths_to_be_between", column="kind", min_value=1, max_value=2),
        _check("column_pair_values_to_be_equal", column_A="tiny", column_B="whole"),
        _check("column_values_to_be_between", column="at", min_value=datetime(2019, 1, 1)),
        _check("column_values_to_be_in_set", column="day", value_set=[date(2019, 1, 1)]),
        _check("column_values_to_match_regex", column="tiny", regex="1"),
        _check("column_values_to_be_unique", column="tags"),
        _check("column_median_to_be_between", column="tiny", min_value=0, max_value=1),
        _check("column_values_to_be_between", column="units", min_value=2, max_value=1),
    ],
)
def test_pandas_computes_what_arrow_does_not_know(check: dict[str, Any]) -> None:
    of = contract_with([check])
    table = table_of(of, [{"kind": "abc", "tiny": 2, "whole": 1, "units": 1, "flag": True}, {"tiny": 1, "tags": ["x"]}])
    assert not taken_by_arrow(of, table)[f"{check['expectation']} {check['kwargs'].get('column', '')}"]
    quick, slow = both(of, table)
    assert findings(quick) == findings(slow)


def test_the_engine_gives_the_metrics_that_great_expectations_asks_for() -> None:
    """Another release of Great Expectations may name its metrics otherwise: then a check would pass without a count."""
    some = [
        _check("column_values_to_be_between", column="tiny", min_value=0), _check("column_values_to_not_be_null", column="day"),
        _check("column_values_to_be_null", column="day"), _check("column_values_to_be_in_set", column="kind", value_set=["a"]),
        _check("column_values_to_not_be_in_set", column="kind", value_set=["a"]),
        _check("column_values_to_match_regex", column="kind", regex="a"), _check("column_values_to_be_unique", column="kind"),
        _check("column_values_to_not_match_regex", column="kind", regex="a"),
        _check("compound_columns_to_be_unique", column_list=["kind", "day"]), _check("table_row_count_to_equal", value=1),
        _check("column_mean_to_be_between", column="tiny", min_value=0), _check("table_column_count_to_equal", value=1),
    ]  # fmt: skip
    of = contract_with(some)
    table = table_of(of, [{"tiny": 1, "kind": "a"}])
    for check in of.checks:
        own = expectation(of, check)
        asked = own.get_validation_dependencies(
            runtime_configuration={"result_format": "SUMMARY"}
        ).metric_configurations
        given_metrics = ArrowEngine().resolve_metrics(own, rows_of([check], table))
        assert set(asked) <= set(given_metrics), check.expectation


def test_no_rows_are_no_fault_of_any_value() -> None:
    of = contract_of(
        columns={"id": {"type": "bigint", "required": True, "minimum": 0, "allowed": [1], "description": ""},
                 "kind": {"type": "string", "required": True, "pattern": "a", "description": ""}}, grain=["id", "kind"],
    )  # fmt: skip
    quick, slow = both(of, of.arrow_schema.empty_table())
    assert quick.passed
    assert findings(quick) == findings(slow)


def test_a_pattern_means_what_it_means_to_the_row_rule() -> None:
    """`$` matched before a final line break in the audit, and not in the row rule."""
    of = contract_of(
        columns={"id": {"type": "bigint", "required": True, "description": ""},
                 "code": {"type": "string", "pattern": "^[A-Z]{3}$", "description": ""}},
    )  # fmt: skip
    table = pa.Table.from_pylist([{"id": 1, "code": "ABC\n"}, {"id": 2, "code": "ABC"}], of.arrow_schema)
    assert [(f.expectation, f.unexpected) for f in audit(of, [Chunk(table)]).failures] == [
        ("expect_column_values_to_match_regex", 1)
    ]


def test_a_grain_of_more_combinations_than_a_number_counts_is_still_compared_exactly() -> None:
    """Five columns of 65,536 values each: numbers of 64 bits would lose the first column."""
    names = [f"k{number}" for number in range(5)]
    of = contract_of(
        columns={name: {"type": "bigint", "required": True, "description": ""} for name in names}, grain=names
    )
    values = list(range(2**16 - 1))  # with null they count 65,536
    ones = [("k0",), ("k4",), ("k0", "k4")]  # rows that agree with another in four columns, and differ in the fifth
    others = [pa.table({name: [int(name in row)] for name in names}) for row in ones]
    rows = pa.concat_tables([pa.table(dict.fromkeys(names, values)), *others])
    assert audit(of, [Chunk(rows)]).passed
    twice = audit(of, [Chunk(pa.concat_tables([rows, rows.slice(7, 1)]))])
    assert [(f.expectation, f.unexpected) for f in twice.failures] == [("expect_compound_columns_to_be_unique", 2)]


@pytest.mark.parametrize(
    ("limits", "broken"),
    [
        ({"min_value": 1.5}, [0, 1]), ({"min_value": 1.5, "strict_min": True}, [0, 1]),
        ({"min_value": 2, "strict_min": True}, [0, 1, 2]), ({"max_value": 1.5}, [2, 3]),
        ({"max_value": 1.5, "strict_max": True}, [2, 3]), ({"max_value": 2, "strict_max": True}, [2, 3]),
        ({"min_value": 1, "max_value": 2}, [0, 3]), ({"min_value": -0.5, "max_value": 3.5}, []),
    ],
)  # fmt: skip
def test_whole_numbers_are_compared_with_limits_between_them(limits: dict[str, Any], broken: list[int]) -> None:
    of = contract_with([_check("column_values_to_be_between", column="units", **limits)])
    quick, slow = both(of, table_of(of, [{"units": units} for units in (0, None, 1, 2, 3)]))
    between = next(item for item in quick.pages[0].results if "between" in item.expectation_config.type)
    assert between.result["partial_unexpected_list"] == broken
    assert findings(quick) == findings(slow)


def test_a_null_is_in_no_set_and_breaks_none() -> None:
    of = contract_with([_check("column_values_to_be_in_set", column="kind", value_set=["a"])])
    quick, slow = both(of, table_of(of, [{"kind": "a"}, {"kind": None}, {"kind": "b"}]))
    assert [failure.unexpected for failure in quick.failures] == [1]
    assert findings(quick) == findings(slow)

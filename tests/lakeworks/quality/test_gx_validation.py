"""Great Expectations audits from contracts: each constraint, severities, chunks, and agreement with the row rules."""

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import AuditFailed, ContractError
from lakeworks.quality.arrow_validation import ArrowValidation
from lakeworks.quality.audit_page import to_html, to_json
from lakeworks.quality.audited_rows import AuditedRows
from lakeworks.quality.expectations import suite
from lakeworks.quality.findings import AuditReport
from lakeworks.quality.gx_validation import Chunk, audit
from lakeworks.quality.pandas_frame import to_pandas
from lakeworks.quality.pandas_validation import LARGE_ROWS, PandasValidation
from lakeworks.quality.rules import row_rules
from tests.conftest import contract_of

COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": ""},
    "price": {"type": "decimal(10,2)", "minimum": 0, "maximum": 100, "description": ""},
    "kind": {"type": "string", "allowed": ["a", "b"], "description": ""},
    "code": {"type": "string", "pattern": "^[A-Z]{3}$", "description": ""},
}


def contract(**changes: Any) -> Contract:
    return contract_of(columns=COLUMNS, **changes)


def table(*rows: dict[str, Any], of: Contract | None = None) -> pa.Table:
    names = COLUMNS if of is None else of.columns
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in names} for row in rows], (of or contract()).arrow_schema
    )


def audited(of: Contract, tables: Iterable[pa.Table], **more: Any) -> AuditReport:
    return audit(of, (Chunk(rows) for rows in tables), **more)


def test_good_rows_pass() -> None:
    report = audited(contract(), [table({"id": 1, "price": Decimal("9.99"), "kind": "a", "code": "ABC"}, {"id": 2})])
    assert report.passed
    assert report.summary() == {"passed": True, "expectations": 6, "warnings": 0, "rows": 2}


@pytest.mark.parametrize(
    ("row", "expectation", "column"),
    [
        ({"id": None}, "expect_column_values_to_not_be_null", "id"),
        ({"id": 2, "price": Decimal("-0.01")}, "expect_column_values_to_be_between", "price"),
        ({"id": 2, "price": Decimal("100.01")}, "expect_column_values_to_be_between", "price"),
        ({"id": 2, "kind": "c"}, "expect_column_values_to_be_in_set", "kind"),
        ({"id": 2, "code": "abc"}, "expect_column_values_to_match_regex", "code"),
        ({"id": 1}, "expect_column_values_to_be_unique", "id"),
    ],
)
def test_every_constraint_fails_by_name_with_sample_rows(row: dict[str, Any], expectation: str, column: str) -> None:
    report = audited(contract(), [table({"id": 1}, row)])
    assert [(failure.expectation, failure.columns) for failure in report.failures] == [(expectation, (column,))]
    assert report.failures[0].unexpected in (1, 2)
    with pytest.raises(AuditFailed, match=f"{expectation}.*`{column}`.*of 2 rows"):
        report.raise_if_failed("`t` 2019-01", "s3://…")


def test_a_warning_is_recorded_and_does_not_block() -> None:
    check = {"expectation": "expect_column_mean_to_be_between", "severity": "warn",
             "kwargs": {"column": "price", "min_value": 50}}  # fmt: skip
    report = audited(contract(checks=[check]), [table({"id": 1, "price": Decimal(1)})])
    assert (report.passed, report.summary()["warnings"]) == (True, 1)


def test_the_row_count_is_taken_over_all_chunks_and_against_history() -> None:
    few = {"expectation": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 3}}
    chunks = [table({"id": 1}, {"id": 2}), table({"id": 3})]
    assert audited(contract(checks=[few]), chunks).passed
    assert not audited(contract(checks=[few]), chunks[:1]).passed
    share = {"expectation": "expect_table_row_count_to_be_between", "kwargs": {"min_share_of_median": 0.5}}
    assert audited(contract(checks=[share]), chunks, history=[4, 6, 5]).passed
    assert not audited(contract(checks=[share]), chunks, history=[40, 60, 50]).passed


def test_an_empty_table_and_a_missing_column_fail() -> None:
    count = {"expectation": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
    assert not audited(contract(checks=[count]), []).passed
    missing = table({"id": 1}).drop_columns(["code"])
    assert "expect_table_columns_to_match_ordered_list" in {
        f.expectation for f in audited(contract(), [missing]).failures
    }


@pytest.mark.parametrize(
    "check",
    [
        {"expectation": "expect_column_values_to_be_nice", "kwargs": {"column": "id"}},
        {"expectation": "expect_column_values_to_be_between", "kwargs": {"colum": "id"}},
    ],
)
def test_a_check_that_does_not_exist_is_refused_as_the_contract_loads(check: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=check["expectation"]):
        contract(checks=[check])


@pytest.mark.parametrize("name", all_tables())
def test_every_tables_suite_is_valid(name: str) -> None:
    assert suite(load_contract(name)).expectations


def test_all_types_survive_the_way_to_gx() -> None:
    wide = contract_of(
        columns={
            "id": {"type": "bigint", "required": True, "description": ""},
            "day": {"type": "date", "required": True, "description": ""},
            "at": {"type": "timestamp", "required": True, "description": ""},
            "tags": {"type": "list<string>", "required": True, "description": ""},
            "place": {"type": "struct<lat:double>", "required": True, "description": ""},
        },
        grain=["id", "day", "at"],
    )
    row = {"id": 1, "day": date(2019, 1, 1), "at": datetime(2019, 1, 1), "tags": ["x"], "place": {"lat": 1.0}}
    assert audited(wide, [table(row, of=wide)]).passed


B53 = 2**53  # above it a float cannot tell whole numbers apart
STRICT_COLUMNS = {
    **COLUMNS,
    "units": {"type": "bigint", "minimum": -B53 - 1, "maximum": B53 + 1, "description": ""},
    "ratio": {"type": "double", "minimum": 0.1, "maximum": 0.3, "description": ""},
    "speed": {"type": "float", "maximum": 0.1, "allowed": [0.1, 0.05], "description": ""},
    "mass": {"type": "decimal(38,20)", "maximum": "0.10000000000000000001", "description": ""},
    "share": {"type": "double", "required": True, "description": ""},
}
NAN = float("nan")
VALUES = st.fixed_dictionaries(
    {
        "id": st.none() | st.integers(0, 10**6),
        "price": st.none() | st.decimals("-5", "105", places=2),
        "kind": st.none() | st.sampled_from(["a", "b", "c", ""]),
        "code": st.none() | st.sampled_from(["ABC", "abc", "ABCD", "A C"]),
        "units": st.none() | st.sampled_from([0, -B53 - 2, -B53 - 1, B53, B53 + 1, B53 + 2]),
        "ratio": st.none() | st.sampled_from([0.1, 0.09999999999999999, 0.30000000000000004, 0.3, NAN, float("inf")]),
        "speed": st.none() | st.sampled_from([0.1, 0.05, 0.2, NAN]),
        "mass": st.none()
        | st.sampled_from([Decimal("0.1"), Decimal("0.10000000000000000001"), Decimal("0.10000000000000000002")]),
        "share": st.none() | st.sampled_from([0.5, NAN, float("-inf")]),
    }
)


def good_rows(wanted: Contract, given_rows: pa.Table) -> pa.Table:
    """The rows that keep every row rule, as DuckDB sees it."""
    condition = " AND ".join(f"coalesce(({rule.sql}), FALSE)" for rule in row_rules(wanted))
    return duckdb.sql(f"SELECT * FROM given_rows WHERE {condition}").to_arrow_table().cast(wanted.arrow_schema)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(VALUES, min_size=1, max_size=12, unique_by=lambda row: row["id"]))
def test_rows_that_keep_every_rule_pass_the_audit_and_no_others(rows: list[dict[str, Any]]) -> None:
    """Rules and suite are two renderings of one contract: they must agree."""
    wanted = contract_of(columns=STRICT_COLUMNS)
    given_rows = table(*rows, of=wanted)
    good = good_rows(wanted, given_rows)
    assert audited(wanted, [good]).passed
    assert audited(wanted, [given_rows]).passed == (len(good) == len(given_rows))


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("units", B53 + 1, True), ("units", B53 + 2, False), ("units", -B53 - 1, True), ("units", -B53 - 2, False),
        ("ratio", 0.1, True), ("ratio", 0.30000000000000004, False), ("ratio", NAN, True), ("speed", 0.1, True),
        ("mass", Decimal("0.10000000000000000001"), True), ("mass", Decimal("0.10000000000000000002"), False),
        ("share", NAN, False), ("share", None, False), ("speed", 0.2, False),
    ],
)  # fmt: skip
def test_limits_are_exact_and_nan_is_a_missing_number_for_rules_and_audit(column: str, value: Any, kept: bool) -> None:
    wanted = contract_of(columns=STRICT_COLUMNS)
    row = table({"id": 1, "share": 1.0, column: value}, {"id": 2, "share": 1.0}, of=wanted)
    assert len(good_rows(wanted, row)) == 1 + kept
    assert audited(wanted, [row]).passed is kept


def test_samples_show_whole_numbers_as_they_are_though_others_are_missing() -> None:
    wanted = contract_of(
        columns={"id": COLUMNS["id"], "units": {"type": "bigint", "maximum": 5, "description": ""},
                 "ratio": {"type": "double", "description": ""}},
    )  # fmt: skip
    rows = [{"id": 1, "units": 9007199254740993, "ratio": 0.5}, {"id": 2}, {"id": None, "units": 3}]
    report = audited(wanted, [table(*rows, of=wanted)])
    samples = {failure.columns: failure.samples for failure in report.failures}
    assert samples[("units",)] == ({"id": "1", "units": "9007199254740993"},)
    assert samples[("id",)] == ({"id": "null"},)


def test_a_check_of_some_rows_only_sees_the_column_of_its_condition() -> None:
    check = {"expectation": "expect_column_values_to_not_be_null",
             "kwargs": {"column": "price", "row_condition": "kind == 'a'", "condition_parser": "pandas"}}  # fmt: skip
    wanted = contract(checks=[check])
    assert audited(wanted, [table({"id": 1, "kind": "b"}, {"id": 2, "kind": "a", "price": Decimal(1)})]).passed
    assert not audited(wanted, [table({"id": 1, "kind": "a"})]).passed


def large_chunks(gone: Callable[[], bool]) -> Iterator[pa.Table]:
    for number in range(4):
        assert gone(), "the last chunk is still alive"
        yield pa.table({"id": LARGE_ROWS * number + np.arange(LARGE_ROWS)})


@pytest.fixture
def rare_collector() -> Iterator[None]:
    """Python's collector runs as rarely as in a process that allocates nothing else."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("rare_collector")
def test_pandas_frees_one_chunk_before_the_next_comes() -> None:
    """A bound on memory: GX leaves the rows of a chunk in reference cycles, which Python found too rarely."""
    frames: list[weakref.ref[Any]] = []

    def remembering(chunk: pa.Table) -> Any:
        frame = to_pandas(chunk)
        frames.append(weakref.ref(frame))
        return frame

    alone = contract_of(columns={"id": COLUMNS["id"]})
    chunks = large_chunks(lambda: all(frame() is None for frame in frames))
    assert audited(alone, chunks, validations=[PandasValidation(remembering)]).passed
    assert len(frames) == 4


@pytest.mark.usefixtures("rare_collector")
def test_arrow_frees_one_chunk_before_the_next_comes() -> None:
    seen: list[weakref.ref[Any]] = []

    class Remembering(ArrowValidation):
        def results(self, table: str, expectations: Mapping[int, Any], rows: AuditedRows) -> dict[int, Any]:
            if rows.table.num_columns:
                seen.append(weakref.ref(rows))
            return super().results(table, expectations, rows)

    alone = contract_of(columns={"id": COLUMNS["id"]})
    chunks = large_chunks(lambda: all(rows() is None for rows in seen))
    assert audited(alone, chunks, validations=[Remembering()]).passed
    assert len(seen) == 4


def test_a_column_missing_from_any_chunk_is_seen() -> None:
    first, second = table({"id": 1}).drop_columns(["code"]), table({"id": 2})
    assert not audited(contract(), [first, second]).passed


def test_long_decimals_stay_distinct() -> None:
    wide = contract_of(columns={"id": {"type": "decimal(20,0)", "required": True, "description": ""}})
    assert audited(wide, [table({"id": Decimal(10**17)}, {"id": Decimal(10**17 + 1)}, of=wide)]).passed


def test_personal_data_is_in_no_message_page_or_file() -> None:
    private = contract_of(
        columns={"id": COLUMNS["id"], "mail": {"type": "string", "pattern": "@", "pii": True, "description": ""}}
    )
    report = audited(private, [table({"id": 7, "mail": "jane.doe.example"}, of=private)])
    assert not report.passed
    for text in (str(report.failures[0]), to_json(report), to_html(report)):
        assert "jane.doe" not in text
    assert "'id': '7'" in str(report.failures[0]), "the row can still be found"


def test_two_rules_of_one_name_are_refused() -> None:
    twice = contract(rows=[{"name": "id_required", "sql": "id > 0", "reason": "x"}])
    with pytest.raises(ContractError, match="two row rules are named id_required"):
        row_rules(twice)


def test_numbers_reach_great_expectations_in_types_it_compares_at_once() -> None:
    """`column_values.between` calls Python for every value of any other number type."""
    kinds = {
        "int16": pa.int16(),
        "int32": pa.int32(),
        "float32": pa.float32(),
        "price": pa.decimal128(12, 2),
        "bigint": pa.int64(),
    }
    table = pa.table({name: pa.array([1, 2], kind) for name, kind in kinds.items()})
    dtypes = {name: str(dtype) for name, dtype in to_pandas(table).dtypes.items()}
    assert dtypes == {"int16": "int64", "int32": "int64", "float32": "float64", "price": "float64", "bigint": "int64"}
    exact = to_pandas(pa.table({"long": pa.array([1], pa.decimal128(38, 2))}))
    assert str(exact.dtypes["long"]) == "object", "more digits than a float tells apart stay exact"


def pieces(of: Contract, *rows: dict[str, Any]) -> list[Chunk]:
    """One partition, a row a piece."""
    return [Chunk(table(row, of=of), ends=number == len(rows)) for number, row in enumerate(rows, 1)]


def test_a_partition_in_pieces_is_judged_as_a_whole() -> None:
    mean = {
        "expectation": "expect_column_mean_to_be_between",
        "kwargs": {"column": "price", "min_value": 2, "max_value": 2},
    }
    half = {"expectation": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "code", "value_set": ["ABC"], "mostly": 0.5}}  # fmt: skip
    wanted = contract(checks=[mean, half])
    good = pieces(wanted, {"id": 1, "price": Decimal(1), "code": "ABC"}, {"id": 2, "price": Decimal(3), "code": "DEF"})
    assert audit(wanted, good).failures == ()
    assert audit(wanted, good).rows == 2
    twice = pieces(wanted, {"id": 1, "price": Decimal(1), "code": "ABC"}, {"id": 1, "price": Decimal(3)})
    assert [failure.expectation for failure in audit(wanted, twice).failures] == ["expect_column_values_to_be_unique"]
    off = audit(wanted, pieces(wanted, {"id": 1, "price": Decimal(5), "code": "ABC"}, {"id": 2, "price": Decimal(3)}))
    assert [failure.expectation for failure in off.failures] == ["expect_column_mean_to_be_between"]


def test_the_piece_with_a_broken_row_is_named_and_the_next_partition_starts_fresh() -> None:
    wanted = contract()
    first = pieces(wanted, {"id": 1}, {"id": 2, "code": "no code"})
    failures = audit(wanted, [*first, Chunk(table({"id": 1}, of=wanted))]).failures
    assert [(failure.expectation, failure.unexpected) for failure in failures] == [
        ("expect_column_values_to_match_regex", 1)
    ]

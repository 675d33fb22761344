"""A landed file becomes the contract's rows whatever its month's schema; what does not fit is an error, never a loss."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.arrival.batch_conversion import BatchConversion
from lakeworks.arrival.contract_rows import Conformed, conform
from lakeworks.arrival.drift import Drift
from lakeworks.arrival.extra_columns import ExtraColumns
from lakeworks.arrival.rejected_rows import RejectedRows
from lakeworks.arrival.transform_input import landing_table
from lakeworks.errors import MalformedSource, SchemaDrift
from lakeworks.formats.raw_batch import from_arrow
from lakeworks.landing.readable_file import ReadableFile
from tests.conftest import contract_of

COLUMNS = {
    "VendorID": {"type": "bigint", "description": ""},
    "passengers": {"type": "double", "description": ""},
    "flag": {"type": "string", "description": ""},
    "at": {"type": "timestamp", "description": ""},
    "airport_fee": {"type": "double", "description": ""},
    "_run_id": {"type": "string", "description": ""},
}


def received(tmp_path: Path, table: pa.Table, policy: str = "widen") -> Conformed:
    path = tmp_path / "month.parquet"
    pq.write_table(table, path)
    contract = contract_of("bronze.test.rows", columns=COLUMNS, grain=[], schema_policy=policy)
    return conform([ReadableFile(path, path.name, {"_run_id": "r1"})], contract, tmp_path)


def table(**columns: Any) -> pa.Table:
    base = {"VendorID": pa.array([1], pa.int64()), "passengers": pa.array([2.0])}
    return pa.table({**base, **columns})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"airport_fee": pa.nulls(1)}, {"airport_fee": None}),
        ({"Airport_fee": pa.array([1.25])}, {"airport_fee": 1.25}),
        ({"VendorID": pa.array([1], pa.int32())}, {"VendorID": 1}),
        ({"passengers": pa.array([2], pa.int64())}, {"passengers": 2.0}),
        ({"VendorID": pa.array([3.0])}, {"VendorID": 3}),
        ({"flag": pa.array(["Y"], pa.large_string())}, {"flag": "Y"}),
        ({"at": pa.array([datetime(2019, 1, 1)], pa.timestamp("ns"))}, {"at": datetime(2019, 1, 1)}),
    ],
    ids=["null type", "case", "int32", "int64 to double", "whole double to bigint", "large_string", "ns"],
)
def test_real_drift_is_taken_without_loss(tmp_path: Path, columns: dict[str, Any], expected: dict[str, Any]) -> None:
    row = received(tmp_path, table(**columns)).reader.read_all().to_pylist()[0]
    assert {key: row[key] for key in expected} == expected
    assert row["_run_id"] == "r1"


def test_drift_is_reported(tmp_path: Path) -> None:
    drift = received(tmp_path, table(Airport_fee=pa.array([1.0]), VendorID=pa.array([1], pa.int32()))).drift
    assert "`airport_fee` is spelled `Airport_fee`" in drift
    assert "`VendorID` came as int32, kept as bigint" in drift
    assert "`flag` did not arrive" in drift


def test_a_new_column_is_kept_or_refused_by_policy(tmp_path: Path) -> None:
    arrived = table(request_source=pa.array(["app"]))
    kept = received(tmp_path, arrived)
    assert [(name, str(kind)) for name, kind in kept.extra] == [("request_source", "string")]
    assert kept.reader.read_all().to_pylist()[0]["request_source"] == "app"
    with pytest.raises(SchemaDrift, match=r"request_source.*schema_policy is `freeze`.*nothing was staged"):
        received(tmp_path, arrived, "freeze")


def test_each_policy_admits_what_it_says(tmp_path: Path) -> None:
    exact = pa.table({name: pa.nulls(1, kind) for name, kind in zip(
        ["VendorID", "passengers", "flag", "at", "airport_fee"],
        [pa.int64(), pa.float64(), pa.string(), pa.timestamp("us"), pa.float64()], strict=True)})  # fmt: skip
    assert received(tmp_path, exact, "freeze").drift == ()
    with pytest.raises(SchemaDrift, match="`flag` did not arrive"):
        received(tmp_path, exact.drop_columns(["flag"]), "freeze")
    assert received(tmp_path, exact.drop_columns(["flag"]), "add_nullable").drift == ("`flag` did not arrive",)
    narrow = exact.set_column(0, "VendorID", pa.array([1], pa.int32()))
    with pytest.raises(SchemaDrift, match="`VendorID` came as int32.*`add_nullable`"):
        received(tmp_path, narrow, "add_nullable")
    assert received(tmp_path, narrow, "widen").reader.read_all()["VendorID"].to_pylist() == [1]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("VendorID", pa.array([1.5])),
        ("VendorID", pa.array(["1"])),
        ("passengers", pa.array([2**53 + 1], pa.int64())),
        ("passengers", pa.array([True])),
        ("flag", pa.array([1])),
    ],
)
def test_a_value_that_does_not_fit_is_named_and_nothing_is_rounded(
    tmp_path: Path, column: str, values: pa.Array
) -> None:
    with pytest.raises(SchemaDrift, match=rf"column `{column}` of `month.parquet`.*without loss"):
        received(tmp_path, table(**{column: values})).reader.read_all()


def test_a_file_cut_in_half_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "cut.parquet"
    pq.write_table(pa.table({"a": list(range(10_000))}), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MalformedSource, match=r"`cut.parquet` cannot be read.*Nothing was staged"):
        conform([ReadableFile(path, path.name)], contract_of("bronze.test.rows"), tmp_path)


def test_csv_keeps_na_as_a_value_and_empty_as_null(tmp_path: Path) -> None:
    path = tmp_path / "zones.csv"
    path.write_text('"LocationID","Borough"\r\n265,"N/A"\r\n264,\r\n')
    rows = landing_table([ReadableFile(path, path.name)], pa.schema([])).to_pylist()
    assert rows == [{"LocationID": "265", "Borough": "N/A"}, {"LocationID": "264", "Borough": None}]


NESTED = {
    "id": {"type": "bigint", "description": ""},
    "customer": {"type": "struct<id:bigint,name:string>", "description": ""},
    "tags": {"type": "list<struct<code:int>>", "description": ""},
}


def nested(tmp_path: Path, table: pa.Table, policy: str = "widen") -> Conformed:
    path = tmp_path / "orders.parquet"
    pq.write_table(table, path)
    return conform(
        [ReadableFile(path, path.name)],
        contract_of("bronze.test.orders", columns=NESTED, grain=[], schema_policy=policy),
        tmp_path,
    )


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("customer", pa.array([{"id": 1}]), {"id": 1, "name": None}),
        ("customer", pa.array([{"id": 1, "name": "A"}], pa.struct([("id", pa.int32()), ("name", pa.large_string())])),
         {"id": 1, "name": "A"}),
        ("customer", pa.array([None], pa.struct([("id", pa.int64())])), None),
        ("tags", pa.array([[{"code": 1}]], pa.list_(pa.struct([("code", pa.int16())]))), [{"code": 1}]),
    ],
    ids=["a member is missing", "members are narrower", "null", "inside a list"],
)  # fmt: skip
def test_nested_change_without_loss_is_taken(tmp_path: Path, column: str, value: pa.Array, expected: Any) -> None:
    rows = nested(tmp_path, pa.table({"id": [1], column: value})).reader.read_all().to_pylist()
    assert rows[0][column] == expected


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("customer", pa.array([{"id": "x", "name": "A"}])),
        ("tags", pa.array([[{"code": 1.5}]])),
        ("customer", pa.array(["text"])),
    ],
    ids=["a member of another kind", "a fraction", "no struct"],
)
def test_nested_change_that_would_lose_something_stops(tmp_path: Path, column: str, value: pa.Array) -> None:
    with pytest.raises(SchemaDrift, match=f"column `{column}`.*without loss"):
        nested(tmp_path, pa.table({"id": [1], column: value})).reader.read_all()


def test_a_new_member_is_reported_refused_or_quarantined_by_policy(tmp_path: Path) -> None:
    arrived = pa.table({
        "id": [1, 2], "customer": pa.array([{"id": 1, "name": "A", "email": "a@b"}, None]),
        "tags": pa.array([[{"code": 1, "label": "new"}], None]),
    })  # fmt: skip
    taken = nested(tmp_path, arrived)
    assert {"`customer.email` is new, kept in landing only", "`tags.label` is new, kept in landing only"} < set(
        taken.drift
    )
    assert taken.reader.read_all().to_pylist()[0]["customer"] == {"id": 1, "name": "A"}
    with pytest.raises(SchemaDrift, match=r"`customer\.email` is new"):
        nested(tmp_path, arrived, "freeze")
    contract = contract_of("bronze.test.orders", columns=NESTED, grain=[], schema_policy="quarantine_unknown")
    misfits = RejectedRows(lambda _: None)
    rows = conform(
        [ReadableFile(tmp_path / "orders.parquet", "orders.parquet")], contract, tmp_path, misfits
    ).reader.read_all()
    assert (rows["id"].to_pylist(), misfits.rows) == ([2], 1)


def test_rows_that_do_not_belong_are_quarantined_and_the_others_go_on(tmp_path: Path) -> None:
    kept: list[pa.RecordBatch] = []
    misfits = RejectedRows(kept.append)
    path = tmp_path / "month.parquet"
    pq.write_table(
        pa.table({
            "VendorID": pa.array([1.0, 2.5, 3.0, 4.0]), "passengers": pa.array([1, 2, 2**53 + 1, 3], pa.int64()),
            "request_source": pa.array([None, None, "app", None]), "empty": pa.nulls(4),
        }),
        path,
    )  # fmt: skip
    contract = contract_of("bronze.test.rows", columns=COLUMNS, grain=[], schema_policy="quarantine_unknown")
    conformed = conform([ReadableFile(path, path.name, {"_run_id": "r1"})], contract, tmp_path, misfits)
    rows = conformed.reader.read_all()
    assert rows.column_names == list(COLUMNS)
    assert rows["VendorID"].to_pylist() == [1, 4]
    assert (misfits.rows, dict(misfits.broken)) == (2, {"unfit_value": 2, "unknown_column": 1})
    second, third = pa.Table.from_batches(kept).to_pylist()
    assert json.loads(second["_row"])["VendorID"] == 2.5
    assert second["_reason"] == "`VendorID` does not fit int64: Float value 2.500000 was truncated converting to int64."
    assert third["_broken_rules"] == ["unfit_value", "unknown_column"]
    assert "`request_source` is not in the contract." in third["_reason"]
    assert any("`request_source` is new" in text for text in conformed.drift)


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 9), st.floats(-1e6, 1e6)), max_size=40),
    st.integers(1, 7),
)
def test_every_row_is_kept_or_quarantined_whatever_the_batches(values: list[float | None], size: int) -> None:
    kept: list[pa.RecordBatch] = []
    rejected, good = RejectedRows(kept.append), 0
    columns = {"v": {"type": "bigint", "description": ""}}
    contract = contract_of("bronze.test.rows", columns=columns, grain=[], schema_policy="quarantine_unknown")
    drift = Drift(contract)
    conversion = BatchConversion(contract, drift, ExtraColumns(contract, drift, dict, keeps=False), rejected)
    for start in range(0, len(values), size):
        batch = from_arrow(pa.record_batch({"v": pa.array(values[start : start + size], pa.float64())}))
        good += len(conversion.convert("f", {}, batch))
    whole = sum(value is None or (float(value).is_integer()) for value in values)
    assert (good, rejected.rows, sum(map(len, kept))) == (whole, len(values) - whole, len(values) - whole)


def test_columns_that_differ_only_in_case_are_refused_not_dropped(tmp_path: Path) -> None:
    with pytest.raises(SchemaDrift, match=r"two columns that differ only in case.*`id`, `ID`"):
        received(tmp_path, table(id=pa.array([1]), ID=pa.array([2])))


def test_a_damaged_file_is_named_with_its_table_and_line(tmp_path: Path) -> None:
    (path := tmp_path / "till.jsonl").write_text('{"id": 1}\n{"id": "cut \\ud83d"}\n')
    contract = contract_of("bronze.test.rows", grain=[], columns={"id": {"type": "string", "description": ""}})
    with pytest.raises(MalformedSource, match=r"`bronze.test.rows`: `till.jsonl` cannot be read: line 2"):
        conform([ReadableFile(path, path.name)], contract, tmp_path).reader.read_all()

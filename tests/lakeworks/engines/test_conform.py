"""A landed file becomes the contract's rows whatever its month's schema; what does not fit is an error, never a loss."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.engines.conform import Conformed, conform, open_landing
from lakeworks.errors import MalformedSource, SchemaDrift
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
    return conform(open_landing(path), contract, {"_run_id": "r1"})


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
        open_landing(path)


def test_csv_keeps_na_as_a_value_and_empty_as_null(tmp_path: Path) -> None:
    path = tmp_path / "zones.csv"
    path.write_text('"LocationID","Borough"\r\n265,"N/A"\r\n264,\r\n')
    landing = open_landing(path)
    rows = pa.Table.from_batches(landing.batches()).to_pylist()
    assert rows == [{"LocationID": "265", "Borough": "N/A"}, {"LocationID": "264", "Borough": None}]

"""The replay server as the vendor's CDN: what its answers look like, good and bad."""

import io
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from lakeworks_demo.data.build import AIRPORT_FEE_DOUBLE, COLUMNS, MONTHS
from lakeworks_demo.replay.nyc_tlc import DATA

PATH = "/trip-data/yellow_tripdata_2019-01.parquet"


@pytest.fixture
def server(replay_url: str) -> str:
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    return replay_url


def fault(server: str, *faults: dict[str, object]) -> requests.Response:
    return requests.post(
        f"{server}/_control/faults", json=[{"match": "/trip-data/*", **item} for item in faults], timeout=5
    )


def test_head_and_ranges(server: str) -> None:
    whole = (DATA / "yellow_tripdata_2019-01.parquet").read_bytes()
    head = requests.head(server + PATH, timeout=5)
    assert (head.status_code, int(head.headers["Content-Length"]), head.content) == (200, len(whole), b"")
    for wanted, status, body in [
        ("bytes=0-3", 206, b"PAR1"), ("bytes=-4", 206, b"PAR1"), (f"bytes={len(whole) - 4}-", 206, b"PAR1"),
        ("bytes=abc", 200, whole), ("bytes=-", 200, whole), ("bytes=0-1,5-6", 200, whole), (f"bytes={len(whole)}-", 416, b""),
    ]:  # fmt: skip
        answer = requests.get(server + PATH, headers={"Range": wanted}, timeout=5)
        assert (answer.status_code, answer.content == body) == (status, True), wanted


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_known_etag_is_not_sent_again(server: str, form: str) -> None:
    etag = requests.head(server + PATH, timeout=5).headers["ETag"]
    assert requests.get(server + PATH, headers={"If-None-Match": form.format(etag)}, timeout=5).status_code == 304


@pytest.mark.parametrize(
    "path", ["/trip-data/yellow_tripdata_2031-05.parquet", "/trip-data/nothing.csv", "/misc/other"]
)
def test_what_is_not_there_is_forbidden_as_the_cdn_says(server: str, path: str) -> None:
    answer = requests.get(server + path, timeout=5)
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text


def test_an_unknown_fault_is_refused(server: str) -> None:
    assert fault(server, {"kind": "explode"}).status_code == 400
    assert fault(server, {"kind": "status", "colour": "red"}).status_code == 400
    assert requests.get(f"{server}/_control/faults", timeout=5).json() == []


def test_the_schema_change_of_2023_02_comes_as_one(server: str) -> None:
    fault(
        server,
        {"kind": "rename", "column": "airport_fee", "to": "Airport_fee"},
        {"kind": "retype", "column": "VendorID", "to": "int32"},
        {"kind": "retype", "column": "store_and_fwd_flag", "to": "large_string"},
        {"kind": "drop", "column": "no_such_column"},
    )
    schema = pq.read_schema(io.BytesIO(requests.get(server + PATH, timeout=5).content))
    assert "airport_fee" not in schema.names
    assert (schema.field("VendorID").type, schema.field("store_and_fwd_flag").type) == (pa.int32(), pa.large_string())
    assert "Airport_fee" in schema.names


def test_a_republished_file_differs_in_one_fare(server: str) -> None:
    before = pq.read_table(io.BytesIO(requests.get(server + PATH, timeout=5).content))
    fault(server, {"kind": "republished"})
    after = pq.read_table(io.BytesIO(requests.get(server + PATH, timeout=5).content))
    assert after.drop_columns(["fare_amount"]).equals(before.drop_columns(["fare_amount"]))
    changed = [a != b for a, b in zip(before["fare_amount"].to_pylist(), after["fare_amount"].to_pylist(), strict=True)]
    assert sum(changed) == 1


@pytest.mark.parametrize("month", MONTHS)
def test_every_shipped_month_has_the_vendors_columns_and_types(month: str) -> None:
    found = pq.read_schema(DATA / f"yellow_tripdata_{month}.parquet")
    fee = pa.float64() if month in AIRPORT_FEE_DOUBLE else pa.null()
    assert {field.name: field.type for field in found} == {**COLUMNS, "airport_fee": fee}


@pytest.mark.parametrize("month", MONTHS)
def test_a_missing_flag_is_null_not_empty_text(month: str) -> None:
    flags = pq.read_table(DATA / f"yellow_tripdata_{month}.parquet")["store_and_fwd_flag"].to_pylist()
    assert set(flags) <= {"Y", "N", None}


def test_the_command_says_where_it_listens_and_stops_on_sigterm(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    process = subprocess.Popen([sys.executable, "-m", "lakeworks_demo.replay", "--ready-file", str(ready)])
    try:
        while not (ready.is_file() and ready.read_text()):
            assert process.poll() is None
            time.sleep(0.02)
        assert requests.get(f"{ready.read_text()}/_control/health", timeout=5).ok
    finally:
        process.terminate()
        assert process.wait(10) is not None

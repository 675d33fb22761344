"""What is not AWS: the salt, scratch space, Airflow, and each source's connection."""

import json
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import requests

from lakeworks.airflow_api import Airflow
from lakeworks.doctor import machine_checks
from lakeworks.doctor.airflow_check import airflow_health
from lakeworks.doctor.health_check import Diagnosis, HealthCheck, examine
from lakeworks.doctor.source_check import connection_finder, source_connection
from lakeworks.errors import ConfigError, LakeUnavailable, ScratchUnavailable
from lakeworks.sources.connection_fields import ConnectionFields
from lakeworks.sources.files.local_inbox import LocalInbox
from lakeworks_local.stack.process import free_port
from tests.conftest import contract_of
from tests.support.airflow_server import serving_airflow

Usage = namedtuple("Usage", "free")
MASKED = contract_of(columns={
    "id": {"type": "bigint", "required": True, "description": "key"},
    "email": {"type": "string", "description": "mail", "pii": True, "masking": "salted_sha256"},
})  # fmt: skip


def test_a_missing_salt_is_a_failure_only_where_a_contract_needs_it() -> None:
    found = machine_checks.salt([MASKED], is_set=False)
    assert (found.state, "silver.test.rows stop without it" in found.detail, "for good" in found.remedy) == (
        "failure",
        True,
        True,
    )
    assert [machine_checks.salt([MASKED], is_set=True).state, machine_checks.salt([contract_of()], is_set=False).state] == ["ok", "ok"]  # fmt: skip


@pytest.mark.parametrize(
    ("free", "state"), [(0, "failure"), (999_999_999, "failure"), (3_000_000_000, "warning"), (9_000_000_000, "ok")]
)
def test_scratch_space_is_compared_with_what_a_task_may_need(tmp_path: Path, free: int, state: str) -> None:
    found = machine_checks.scratch(tmp_path / "new", "1GB", lambda _: Usage(free))
    assert (found.state, "LAKE_SCRATCH_DIR" in found.remedy or state == "ok") == (state, True)
    assert list((tmp_path / "new").iterdir()) == []


def test_scratch_that_cannot_be_written_is_a_failure_with_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ScratchUnavailable, match=r"file` cannot be written.*Free space"):
        machine_checks.scratch(tmp_path / "file", "1GB")


@pytest.mark.parametrize(("text", "size"), [("1GB", 10**9), ("512MiB", 512 * 10**6), ("2.5 G", 25 * 10**8), ("80%", 0)])
def test_a_memory_limit_is_read_as_duckdb_spells_it(text: str, size: int) -> None:
    assert machine_checks.bytes_of(text) == size


HEALTHY: dict[str, Any] = {
    "metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}, "triggerer": {"status": None},
    "dag_processor": {"status": "healthy"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "broken", "state", "named"),
    [
        ({}, 0, "ok", "scheduler"),
        ({"scheduler": {"status": "unhealthy"}}, 0, "failure", "scheduler is unhealthy"),
        ({"scheduler": {"status": None}}, 0, "failure", "no scheduler"),
        ({}, 2, "failure", "2 DAG files do not parse"),
    ],
)
def test_airflow_is_as_well_as_it_says(changed: dict[str, Any], broken: int, state: str, named: str) -> None:
    with serving_airflow() as (address, knows):
        knows["answers"] = {"monitor/health": HEALTHY | changed, "importErrors": {"total_entries": broken}}
        found = airflow_health(Airflow(f"http://admin:s%3Acret@{address}"))
        assert (found.state, named in found.detail) == (state, True), found
        with pytest.raises(ConfigError, match="LAKE_AIRFLOW_URL"):
            airflow_health(Airflow(f"http://admin:wrong@{address}"))


def test_airflow_that_is_down_or_not_set() -> None:
    with pytest.raises(LakeUnavailable, match="ConnectionError"):
        airflow_health(Airflow(f"http://admin:admin@127.0.0.1:{free_port()}"))
    assert (airflow_health(None).state, "LAKE_AIRFLOW_URL" in airflow_health(None).remedy) == ("warning", True)


def found_for(name: str, **variables: str) -> Diagnosis:
    """The diagnosis of a source, as the examination gives it."""
    find = connection_finder(variables, None)
    check = HealthCheck(
        name, lambda: source_connection(name, find, requests.Session(), LocalInbox(Path("inbox"))), "the connection"
    )
    return next(examine([check])).diagnosis


def test_a_source_answers_at_the_address_of_its_connection(replay_url: str) -> None:
    for said in (
        json.dumps({"conn_type": "http", "host": replay_url}),
        f"http://{replay_url.removeprefix('http://')}/http",
    ):
        found = found_for("nyc_tlc", AIRFLOW_CONN_NYC_TLC=said)
        assert (found.state, found.detail) == ("ok", f"`{replay_url}` answers (connection `nyc_tlc`)")


def test_a_source_that_does_not_answer_is_a_failure() -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    found = found_for("nyc_tlc", AIRFLOW_CONN_NYC_TLC=json.dumps({"host": dead}))
    assert (found.state, f"`{dead}` does not answer: ConnectionError" in found.detail) == ("failure", True)


def test_an_incomplete_connection_is_a_failure_and_no_secret_is_shown() -> None:
    assert "needs an Airflow connection `shopify`" in found_for("shopify").detail
    found = found_for(
        "yahoo", AIRFLOW_CONN_YAHOO=json.dumps({"password": "s3cret", "extra": {"accept_terms": "maybe"}})
    )
    assert (found.state, "s3cret" in str(found)) == ("failure", False)
    assert "is not a connection" in found_for("yahoo", AIRFLOW_CONN_YAHOO="{").detail
    assert found_for("exchange_calendars").detail == "needs no network"


def test_the_lakes_own_inbox_needs_no_connection() -> None:
    assert (found_for("file_drop").state, found_for("file_drop").detail) == ("ok", "needs no network")


def test_a_connection_in_airflows_database_is_found() -> None:
    with serving_airflow() as (address, knows):
        knows["answers"] = {"connections/sec": {"host": "example.org", "schema": "http", "port": 8080, "password": "***", "extra": '{"user_agent": "a"}'}}  # fmt: skip
        find = connection_finder({}, Airflow(f"http://admin:s%3Acret@{address}"))
        found, missing = find("sec"), find("yahoo")
    assert found == ConnectionFields("example.org", "http", 8080, "***", {"user_agent": "a"})
    assert (found.address, missing) == ("http://example.org:8080", None)


@pytest.mark.parametrize(
    ("text", "address", "password", "extra"),
    [
        ("http://:key%2F1@api.example.org:81/https?plan=pro", "https://api.example.org:81", "key/1", {"plan": "pro"}),
        ("http://api.example.org/?__extra__=%7B%22a%22%3A%201%7D", "https://api.example.org", None, {"a": 1}),
        ('{"host": "https://a.example", "extra": "{\\"a\\": 1}"}', "https://a.example", None, {"a": 1}),
        ("aws://", None, None, {}),
    ],
)
def test_both_spellings_of_a_connection_variable(text: str, address: str, password: str, extra: dict[str, Any]) -> None:
    found = ConnectionFields.parse(text)
    assert (found.address, found.password, found.extra) == (address, password, extra)

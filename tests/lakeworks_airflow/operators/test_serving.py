"""The operator that lets PostgreSQL follow a table."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from psycopg.conninfo import conninfo_to_dict

from lakeworks.lake import Lake
from lakeworks.settings import current_settings
from lakeworks_airflow import ServeOperator
from tests.lakeworks.serving.conftest import address, contract, postgres, publish
from tests.lakeworks_airflow.operators.test_maintenance import environment, operator
from tests.support.rds_proxy import rds_door

__all__ = ["address", "postgres", "publish"]


@pytest.fixture
def deployment(
    lake: Lake, moto_url: str, publish: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """A deployment with one published day of a served table."""
    publish([{"id": 1, "value": 1.0}])
    environment(monkeypatch, lake, moto_url)
    monkeypatch.setattr("lakeworks.contract.load_contract", lambda _: contract())
    yield monkeypatch
    current_settings.cache_clear()


def test_the_table_follows_by_connection_or_by_setting(
    deployment: pytest.MonkeyPatch, address: str, publish: Callable[..., Lake]
) -> None:
    extra = {"host": conninfo_to_dict(address)["host"]}
    connection = {"conn_type": "postgres", "login": "postgres", "schema": "airflow", "extra": extra}
    deployment.setenv("AIRFLOW_CONN_SHOP", json.dumps(connection))
    assert operator(ServeOperator, table="gold.test.rows", conn_id="shop").execute({}) == {"served": 1}
    publish([{"id": 1, "value": 2.0}])
    deployment.setenv("LAKE_SERVING_URL", address)
    current_settings.cache_clear()
    assert operator(ServeOperator, table="gold.test.rows").execute({}) == {"served": 1}
    with psycopg.connect(address) as reading:
        assert reading.execute("SELECT value FROM gold_test.rows").fetchall() == [(2.0,)]


def test_a_connection_of_rds_logs_in_by_the_lakes_own_credentials(
    deployment: pytest.MonkeyPatch, address: str, tmp_path: Path
) -> None:
    with rds_door(tmp_path, str(conninfo_to_dict(address)["host"])) as door:
        door.secrets = {"test": "testtest"}
        extra = {"iam": True, "hostaddr": "127.0.0.1", "sslrootcert": str(door.authority)}
        connection = {
            "conn_type": "postgres",
            "login": "postgres",
            "host": door.host,
            "port": door.port,
            "schema": "airflow",
        }
        deployment.setenv("AIRFLOW_CONN_SHOP", json.dumps({**connection, "extra": extra}))
        assert operator(ServeOperator, table="gold.test.rows", conn_id="shop").execute({}) == {"served": 1}
        assert len(door.tokens) == 1
        door.secrets = {"test": "another"}
        with pytest.raises(AirflowFailException, match="authentication failed"):
            operator(ServeOperator, table="gold.test.rows", conn_id="shop").execute({})


@pytest.mark.parametrize(
    ("conn_id", "says"), [(None, "LAKE_SERVING_URL is not set"), ("none", "no Airflow connection `none`")]
)
def test_without_a_database_the_task_fails_for_good(
    deployment: pytest.MonkeyPatch,
    conn_id: str | None,
    says: str,
) -> None:
    with pytest.raises(AirflowFailException, match=says):
        operator(ServeOperator, table="gold.test.rows", conn_id=conn_id).execute({})


def test_an_optional_task_is_skipped_where_the_deployment_does_not_serve(
    deployment: pytest.MonkeyPatch, address: str
) -> None:
    """The shipped DAGs run without PostgreSQL, and a tenant's rows never go to the lake's own database."""
    with pytest.raises(AirflowSkipException, match="LAKE_SERVING_URL is not set"):
        operator(ServeOperator, table="gold.test.rows", optional=True).execute({})
    deployment.setenv("LAKE_SERVING_URL", address)
    current_settings.cache_clear()
    with pytest.raises(AirflowSkipException, match="of tenant `acme` is not served"):
        operator(ServeOperator, table="gold.test.rows", optional=True, tenant="acme").execute({})
    assert operator(ServeOperator, table="gold.test.rows", optional=True).execute({})["served"] == 1

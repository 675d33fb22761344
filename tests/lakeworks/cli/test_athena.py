"""`lakeworks athena` from bootstrap's work group to a file: published tables on real S3 and Glue, Athena by its protocol."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.core.tenant import Tenant
from lakeworks.infrastructure.config import Athena as DeclaredGroup
from lakeworks.infrastructure.config import load_config
from lakeworks.infrastructure.resources.athena import WorkGroup
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from tests.conftest import client
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.publications.test_publications import published
from tests.support.athena_engine import Engine
from tests.support.athena_server import Athena, serving_athena

__all__ = ["command"]
ORDERS = "silver.commerce.orders"
DAY = "year = '2017' AND month = '03' AND day = '01'"
ONE = f"SELECT order_id, total_amount FROM silver_commerce.orders WHERE order_date = ? AND {DAY} ORDER BY order_id"


def order(number: int, total: str) -> dict[str, Any]:
    moment = datetime(2017, 3, 1, 9)
    return {
        "order_id": number, "order_date": date(2017, 3, 1), "created_at": moment, "updated_at": moment, "is_cancelled": False,
        "is_test": False, "financial_status": "paid", "customer_id": number % 2, "currency": "USD", "email_hash": "abc",
        "total_amount": Decimal(total), "refunded_amount": Decimal("0.00"), "_ingested_at": moment,
    }  # fmt: skip


@pytest.fixture
def service(lake: Lake, moto_url: str, run_at: Callable[..., Run]) -> Iterator[tuple[Athena, dict[str, str]]]:
    rows = [order(1, "1000.10"), order(2, "0.05"), order(3, "600.00")]
    published(lake, load_contract(ORDERS), rows, run_at(1), Period.parse("2017-03-01"))
    with serving_athena(Engine(client("glue", moto_url), client("s3", moto_url))) as (athena, url):
        group = WorkGroup(lake.store.bucket, f"s3://{lake.store.bucket}/_results/", DeclaredGroup().scan_limit_bytes)
        group.write(client("athena", url), group.desired())
        yield athena, {**settings_for(lake, moto_url), "AWS_ENDPOINT_URL_ATHENA": url}


def test_athena_query(command: Callable[..., Done], service: tuple[Athena, dict[str, str]], tmp_path: Path) -> None:
    _, environment = service
    done = command("athena", ONE, "--param", "2017-03-01", "--json", **environment)
    assert json.loads(done.stdout) == [
        {"order_id": 1, "total_amount": "1000.10"},
        {"order_id": 2, "total_amount": "0.05"},
        {"order_id": 3, "total_amount": "600.00"},
    ]
    assert "scanned" in done.stderr
    out = tmp_path / "day.parquet"
    done = command("athena", ONE, "--param", "2017-03-01", "--out", str(out), "--json", **environment)
    assert (json.loads(done.stdout)["rows"], done.returncode) == (3, 0)
    assert str(pq.read_schema(out).field("total_amount").type) == "decimal128(18, 2)"


def test_the_daily_report_has_a_threshold(command: Callable[..., Done], service: tuple[Athena, dict[str, str]]) -> None:
    report = (
        "WITH spent AS (SELECT customer_id, COUNT(*) AS orders, SUM(total_amount) AS net FROM silver_commerce.orders "
        f"WHERE order_date = :day AND {DAY} GROUP BY customer_id) SELECT * FROM spent WHERE net > :least ORDER BY net DESC LIMIT 100"
    )
    parameters = ("--param", "least=1000", "--param", "day=2017-03-01", "--json")
    done = command("athena", report, *parameters, **service[1])
    assert json.loads(done.stdout) == [{"customer_id": 1, "orders": 2, "net": "1600.10"}]


def test_errors_leave_with_their_code(command: Callable[..., Done], service: tuple[Athena, dict[str, str]]) -> None:
    athena, environment = service
    asked = command("athena", ONE, "--param", "yesterday", **environment)
    assert (asked.returncode, athena.calls["StartQueryExecution"]) == (1, 0)
    assert "compared with `orders.order_date`: `yesterday` is no date. Nothing was sent" in asked.stderr.replace(
        "\n", " "
    )
    athena.scale = 10**9
    whole = ONE.replace(f" AND {DAY}", "")
    over = command("athena", whole, "--param", "2017-03-01", **environment)
    assert (over.returncode, over.stdout) == (1, "")
    assert over.stderr.startswith("`silver.commerce.orders` is read whole")
    assert "ScanLimitExceeded (must be corrected)" in over.stderr
    missing = command("athena", ONE, "--param", "2017-03-01", "--work-group", "nobodys", **environment)
    assert (missing.returncode, "LakeNotFound" in missing.stderr) == (1, True)


def test_a_named_value_without_its_name_is_refused(
    command: Callable[..., Done], service: tuple[Athena, dict[str, str]]
) -> None:
    named = ONE.replace("= ?", "= :day")
    done = command("athena", named, "--param", "2017-03-01", **service[1])
    assert "has no name, and the query's parameters have" in done.stderr
    twice = command("athena", named, "--param", "day=2017-03-01", "--param", "day=2017-03-02", **service[1])
    assert "given twice" in twice.stderr


def test_a_lake_without_a_work_group_says_so(
    command: Callable[..., Done], service: tuple[Athena, dict[str, str]], tmp_path: Path
) -> None:
    config = tmp_path / "lake.yml"
    config.write_text("athena: null\n")
    done = command("athena", ONE, "--param", "2017-03-01", **service[1], LAKE_CONFIG_FILE=str(config))
    assert (done.returncode, "declares no Athena work group" in done.stderr) == (1, True)


def test_a_tenant_queries_in_its_own_work_group(
    command: Callable[..., Done],
    service: tuple[Athena, dict[str, str]],
    lake: Lake,
    moto_url: str,
    run_at: Callable[..., Run],
    tmp_path: Path,
) -> None:
    athena, environment = service
    config = tmp_path / "lake.yml"
    config.write_text("athena: {tenants: [{tenant: acme, scan_limit_bytes: 10000000}]}\n")
    published(
        lake.for_tenant(Tenant("acme")),
        load_contract(ORDERS),
        [order(7, "5.00")],
        run_at(1),
        Period.parse("2017-03-01"),
    )
    as_acme = {**environment, "LAKE_CONFIG_FILE": str(config), "LAKE_TENANT": "acme"}
    missing = command("athena", ONE, "--param", "2017-03-01", **as_acme)
    assert (missing.returncode, "lakeworks bootstrap makes the one" in " ".join(missing.stderr.split())) == (1, True)

    bucket = lake.store.bucket
    config_file = load_config(config)
    for group in config_file.athena.groups(bucket) if config_file.athena else ():
        made = WorkGroup(group.name, f"s3://{bucket}/{group.results}", group.scan_limit_bytes)
        made.write(client("athena", environment["AWS_ENDPOINT_URL_ATHENA"]), made.desired())
    done = command("athena", ONE, "--param", "2017-03-01", "--json", **as_acme)
    assert json.loads(done.stdout) == [{"order_id": 7, "total_amount": "5.00"}], "its own share"
    (ran,) = athena.executions.values()
    described = athena.do_GetQueryExecution({"QueryExecutionId": ran.id})["QueryExecution"]
    assert described["WorkGroup"] == f"{bucket}-tenant-acme"
    assert described["ResultConfiguration"]["OutputLocation"].startswith(f"s3://{bucket}/_results/tenant=acme/")


def test_the_history_of_the_work_group_is_partition_advice(
    command: Callable[..., Done], service: tuple[Athena, dict[str, str]]
) -> None:
    command("athena", ONE, "--param", "2017-03-01", **service[1])
    group = service[1]["LAKE_BUCKET"]
    found = json.loads(command("cost", "partitions", "--athena", group, "--json", **service[1]).stdout)
    assert {row["column"] for row in found} >= {"order_date", "year", "month", "day"}
    assert all(row["table"] == ORDERS and row["scanned_bytes"] > 0 for row in found)
    neither = command("cost", "partitions", **service[1])
    assert (neither.returncode, "one of the two" in neither.stderr) == (1, True)

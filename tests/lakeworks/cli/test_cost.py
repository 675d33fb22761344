"""`lakeworks cost` on a lake with data of two tenants, logs and a lifecycle."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lakeworks import cli
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.core.tenant import Tenant
from lakeworks.cost.lifecycle import StorageLife
from lakeworks.cost.report import billing_period, contracts_lifecycle
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.settings import current_settings
from lakeworks.sources import open_source
from tests.support.json_requests import JsonHandler

MB = 1 << 20
TRIPS = "silver/transport/trips/year=2019/month=01/day=01/part-00000.parquet"


@pytest.fixture
def command(lake: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Run `lakeworks cost …` and return its JSON, or raise what it raised."""
    environment = {
        "LAKE_BUCKET": lake.store.bucket, "LAKE_SCRATCH_DIR": str(lake.scratch), "AWS_ENDPOINT_URL": moto_url,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    current_settings.cache_clear()
    lake.store.put(TRIPS, bytes(MB))
    lake.store.put(TRIPS, bytes(2 * MB))
    lake.store.put("_ledger/silver/transport/trips/_runs/2019-01/1.json", b"{}")
    lake.for_tenant(Tenant("acme")).store.put("gold/transport/hourly_demand/x", bytes(MB))
    lake.store.client.put_object(Bucket=lake.store.bucket, Key="bronze/transport/yellow_trips/x", Body=bytes(MB), StorageClass="GLACIER_IR")  # fmt: skip

    def run(*arguments: str) -> Any:
        current_settings.cache_clear()
        done = CliRunner().invoke(cli.app, ["cost", *arguments, "--json"])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    yield run
    current_settings.cache_clear()


@contextmanager
def cost_explorer() -> Iterator[tuple[str, list[str]]]:
    """A Cost Explorer that charges nothing: its address, and what each request was signed with."""
    signed: list[str] = []

    class Handler(JsonHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name that the server looks for
            self.body()
            signed.append(self.headers["Authorization"])
            self.reply(200, {"ResultsByTime": []})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", signed
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("region", "asked"), [("eu-central-1", "us-east-1"), ("cn-north-1", "cn-northwest-1")])
def test_charges_are_asked_for_in_the_one_region_of_the_partition(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, region: str, asked: str
) -> None:
    monkeypatch.setenv("LAKE_REGION", region)
    with cost_explorer() as (url, signed):
        monkeypatch.setenv("AWS_ENDPOINT_URL_COST_EXPLORER", url)
        assert command("actual") == []
    assert [line.split("/")[2] for line in signed] == [asked]


def test_charges_of_govcloud_are_in_another_account(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_REGION", "us-gov-west-1")
    with pytest.raises(ConfigError, match=r"us-gov-west-1.*neither Cost Explorer nor Budgets.*standard account"):
        command("actual")


def test_charges_are_asked_for_with_the_settings_of_every_client(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COST_EXPLORER", "no address")
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL_<SERVICE>"):
        command("actual")


def test_the_bill_by_layer_and_table(command: Callable[..., Any]) -> None:
    rows = {(row["layer"], row["table"]): row for row in command()}
    trips = rows["silver", "silver.transport.trips"]
    assert (trips["objects"], trips["bytes"], trips["old_version_bytes"]) == (2, 3 * MB, MB)
    assert trips["storage_usd"] == pytest.approx(0.023 * 3 / 1024, abs=1e-6)
    assert trips["requests_usd"] == pytest.approx(2 * 0.005 / 1000, abs=1e-6)
    assert rows["_ledger", "silver.transport.trips"]["objects"] == 1
    assert rows["bronze", "bronze.transport.yellow_trips"]["storage_usd"] == pytest.approx(0.004 / 1024, abs=1e-6)


def test_the_bill_by_tenant_and_class(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = command("--by", "tenant,storage_class")
    assert [(row["tenant"], row["storage_class"], row["objects"]) for row in rows] == [
        ("", "GLACIER_IR", 1), ("", "STANDARD", 3), ("acme", "STANDARD", 1),
    ]  # fmt: skip
    assert "layer" not in rows[0]
    monkeypatch.setenv("LAKE_TENANT", "acme")
    assert [(row["layer"], row["objects"]) for row in command("--by", "layer")] == [("gold", 1)]


def test_a_month_before_the_lake_existed_costs_nothing(command: Callable[..., Any]) -> None:
    assert command("--month", "2019-01") == []
    this = f"{datetime.now(UTC):%Y-%m}"
    assert sum(row["bytes"] for row in command("--month", this)) == 5 * MB + 2


def test_reads_come_from_the_access_logs(command: Callable[..., Any], lake: Lake) -> None:
    at = f"{datetime.now(UTC) - timedelta(days=1):%d/%b/%Y:%H:%M:%S} +0000"
    key = "bronze/transport/yellow_trips/x"
    line = f'o b [{at}] 1.2.3.4 r id REST.GET.OBJECT {key} "GET /{key} HTTP/1.1" 200 - {MB} {MB} 1 1 "-" "agent" - h SigV4 - AuthHeader e T\n'
    lake.store.put("logs/2026-11-20", (line * 10).encode())
    logs = f"s3://{lake.store.bucket}/logs/"
    bronze = next(row for row in command("--logs", logs) if row["layer"] == "bronze")
    assert bronze["retrieval_usd"] == pytest.approx(10 / 1024 * 0.03, abs=1e-6)
    assert bronze["requests_usd"] == pytest.approx((10 * 0.01 + 0.005) / 1000, abs=1e-6)
    advised = {row["table"]: row for row in command("advise", "--logs", logs)}
    found = advised["bronze.transport.yellow_trips"]
    assert (found["reads"], found["bytes_read"], found["suggested"]) == (10, 10 * MB, "STANDARD")
    assert found["last_access"].startswith(f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}")


def test_a_proposal_is_compared_by_table(command: Callable[..., Any]) -> None:
    rows = command("compare", "--lifecycle", "0:GLACIER_IR", "--layer", "silver,gold")
    assert {row["layer"] for row in rows} == {"silver", "gold"}
    silver = next(row for row in rows if row["layer"] == "silver")
    assert silver["objects"] == 1, "old versions are left to the rollback horizon"
    assert silver["saving_usd"] == pytest.approx((0.023 - 0.004) * 2 / 1024, abs=1e-6)
    assert silver["one_time_usd"] == pytest.approx(0.02 / 1000, abs=1e-6)
    assert command("compare", "--compression", "0.5", "--layer", "silver")[0]["bytes_after"] == MB


def test_the_contracts_retention_is_a_lifecycle() -> None:
    assert contracts_lifecycle("bronze/transport/yellow_trips/x").transitions == (
        (90, "GLACIER_IR"),
        (365, "DEEP_ARCHIVE"),
    )
    assert contracts_lifecycle("gold/tenant=acme/transport/hourly_demand/x").expire == 365
    assert contracts_lifecycle("silver/transport/gone/x") == contracts_lifecycle("metadata/x") == StorageLife()


def test_partition_advice_counts_values_when_asked(
    command: Callable[..., Any], lake: Lake, replay_url: str, run_at: Callable[..., Run], tmp_path: Path
) -> None:
    zones, period = load_contract("reference.transport.zones"), Period.parse("2019-01")
    land(lake, zones, period, run_at(1), open_source("nyc_tlc", replay_url))
    publish(lake, audit(lake, write(lake, zones.name, period, run_at(1)).key).key)
    log = tmp_path / "queries.jsonl"
    log.write_text(
        '{"sql": "SELECT zone FROM reference_transport.zones WHERE borough = \'Queens\'", "scanned_bytes": 7}\n'
    )
    (row,) = command("partitions", str(log))
    assert (row["table"], row["column"], row["share"], row["scanned_bytes"]) == (zones.name, "borough", "100%", 7)
    assert "count its values first" in row["advice"]
    (row,) = command("partitions", str(log), "--count")
    assert row["advice"].startswith("8 values would make partitions of 0.00 MB: sort by it")
    (advice,) = command("advise", zones.name, "--worth", "0")
    assert (advice["table"], advice["rows"], advice["trials"][0]["setting"]) == (zones.name, 265, "present")
    assert advice["contract_lines"].startswith("storage:\n") == advice["is_worth_it"]


def test_the_example_year_needs_no_lake(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKE_BUCKET")
    rows = command("year", "--region", "eu-central-1")
    assert rows[0]["usd_a_year"] > 2 * rows[-1]["usd_a_year"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--month", "November"), "not a month like 2026-11"),
        (("--by", "colour"), "`colour` is no dimension to group by"),
        (("--logs", "logs/"), "not an address like s3://"),
        (("advise",), "needs server access logs"),
        (("advise", "silver.transport.trips", "--logs", "s3://logs/"), "one of the two"),
        (("compare", "--lifecycle", "soon:GLACIER_IR"), "not <days>:<storage class>"),
        (("compare", "--lifecycle", "9:GLACIER_IRR"), "the classes are"),
    ],
)
def test_mistakes_say_what_to_type(command: Callable[..., Any], arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        command(*arguments)


def test_the_run_rate_looks_back_30_days() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert billing_period(None, now).start == now - timedelta(days=30)
    assert billing_period("2026-12", now).end == datetime(2027, 1, 1, tzinfo=UTC)

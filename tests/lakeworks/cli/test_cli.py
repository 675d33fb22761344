"""The command as a person and a program use it: output, exit codes, one message for a mistake."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lakeworks import cli
from lakeworks.airflow_api import MOST
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import QuotaExhausted
from lakeworks.lake import Lake
from lakeworks.landing.quota import LakeState
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.settings import current_settings
from lakeworks.sources import SourceConnection, open_source
from tests.lakeworks.sources.vendor_lake import Vendor
from tests.support.airflow_server import run, serving_airflow

ZONES = "reference.transport.zones"


@dataclass
class Done:
    """What a command printed and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """Run `lakeworks` as its entry point does, in this process, with exactly the given environment."""

    def run(*arguments: str, **environment: str) -> Done:
        for name in [name for name in os.environ if name.startswith(("LAKE_", "AWS_", "COLUMNS"))]:
            monkeypatch.delenv(name)
        for name, value in {"LAKE_ENV_FILE": "off", "AWS_DEFAULT_REGION": "us-east-1", **environment}.items():
            monkeypatch.setenv(name, value)
        current_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["lakeworks", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return Done(int(ended.value.code or 0), output.out, output.err)

    yield run
    current_settings.cache_clear()


@pytest.fixture
def environment(lake: Lake, moto_url: str, replay_url: str, run_at: Callable[..., Run]) -> dict[str, str]:
    """A lake with one published table."""
    period, run = Period.parse("2019-01"), run_at(1)
    land(lake, load_contract(ZONES), period, run, open_source("nyc_tlc", replay_url))
    publish(lake, audit(lake, write(lake, ZONES, period, run).key).key)
    return settings_for(lake, moto_url)


def settings_for(lake: Lake, url: str) -> dict[str, str]:
    """The variables by which a command finds a lake on an endpoint."""
    return {
        "LAKE_BUCKET": lake.store.bucket,
        "LAKE_SCRATCH_DIR": str(lake.scratch),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "testtest",
    }


def test_the_installed_command_starts() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lakeworks"), "tables", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "silver.transport.trips" in [row["table"] for row in json.loads(done.stdout)]


def test_show_needs_no_lake(command: Callable[..., Done]) -> None:
    assert "possible_duration" in command("show", "silver.transport.trips").stdout


def test_sql_answers_from_what_is_live(command: Callable[..., Done], environment: dict[str, str]) -> None:
    query = "SELECT borough, count(*) AS zones FROM reference_transport.zones GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    done = command("sql", query, "--json", **environment)
    assert (json.loads(done.stdout), done.returncode) == ([{"borough": "Manhattan", "zones": 69}], 0)
    assert "Manhattan" in command("sql", query, **environment).stdout


def test_ledger_shows_tables_and_history(command: Callable[..., Done], environment: dict[str, str]) -> None:
    rows = {row["table"]: row for row in json.loads(command("ledger", "--json", **environment).stdout)}
    assert (rows[ZONES]["partitions"], rows[ZONES]["published"], rows[ZONES]["audit"]) == (1, 265, "passed")
    history = json.loads(command("ledger", ZONES, "all", "--json", **environment).stdout)
    assert [(row["publication"], row["state"], row["rows"]) for row in history] == [(1, "published", 265)]


@pytest.mark.parametrize("more", [0, 1])
def test_status_says_if_airflow_has_more_runs_than_were_asked_for(
    command: Callable[..., Done], environment: dict[str, str], more: int
) -> None:
    with serving_airflow() as (address, knows):
        knows["runs"] = [run(f"r{number}", "2019-01") for number in range(MOST + more)]
        asking = {**environment, "LAKE_AIRFLOW_URL": f"http://{address}"}
        (matrix,) = json.loads(command("status", ZONES, "--json", **asking).stdout)
        shown = command("status", ZONES, **asking).stdout
        every = command("status", **asking).stdout
    says = "Airflow has more than 2,000 runs that failed or are not over"
    assert [says in text for text in (matrix["note"], shown, every)] == [bool(more)] * 3


def test_differences_are_shown_repaired_and_gone(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake
) -> None:
    assert command("verify", ZONES, **environment).returncode == 0
    lake.store.delete(["reference/transport/zones/part-00000.parquet"])
    bent = command("verify", ZONES, "--json", **environment)
    assert (bent.returncode, [row["kind"] for row in json.loads(bent.stdout)]) == (1, ["missing object"])
    planned = json.loads(command("repair", ZONES, "--dry-run", "--json", **environment).stdout)
    assert [row["repaired"] for row in planned] == [False]
    assert [row["repaired"] for row in json.loads(command("repair", ZONES, "--json", **environment).stdout)] == [True]
    assert command("verify", ZONES, "--deep", **environment).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "silver.transport.tripz"), "no table"),
        (("show", "trips"), "is not a table name"),
        (("sql", "SELECT * FROM trips"), "<layer>_<domain>.<table>"),
        (("sql", "SELECT nothing FROM reference_transport.zones"), "nothing"),
        (("sql", "SELEC"), "syntax error"),
        (("ledger", "silver.transport.trips", "2019-13-01"), "is not a partition key"),
        (("ledger", "silver.transport.trips", "2019-01-01"), "was never published"),
        (("sql", "SELECT * FROM silver_transport.trips"), "no published partition"),
        (("rollback", ZONES, "all"), "no earlier publication"),
        (("quarantine", "show", ZONES, "2019-01"), "no quarantined rows"),
        (("catalog", "diff"), "Name one table, or give --all"),
        (("catalog", "repair", ZONES, "--all"), "Name one table, or give --all"),
    ],
)
def test_mistakes_end_in_one_message_and_exit_code_1(
    command: Callable[..., Done], environment: dict[str, str], arguments: tuple[str, ...], says: str
) -> None:
    done = command(*arguments, **environment)
    assert done.returncode == 1
    assert says in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_missing_settings_wrong_keys_and_a_missing_bucket_are_reported(
    command: Callable[..., Done], environment: dict[str, str], seaweed_url: str
) -> None:
    assert "LAKE_BUCKET: Field required" in command("ledger").stderr
    missing = command("ledger", **{**environment, "LAKE_BUCKET": "no-such-bucket"})
    assert (missing.returncode, "lake_bootstrap" in missing.stderr) == (1, True)
    wrong = command("ledger", **{**environment, "AWS_ENDPOINT_URL": seaweed_url, "AWS_SECRET_ACCESS_KEY": "wrong"})
    assert (wrong.returncode, "LakeAccessDenied" in wrong.stderr) == (1, True)


def test_a_catalog_is_compared_repaired_and_right(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake
) -> None:
    assert command("catalog", "diff", ZONES, **environment).returncode == 0
    lake.catalog.client.delete_table(DatabaseName="reference_transport", Name="zones")
    bent = command("catalog", "diff", "--all", "--json", **environment)
    expected = [(ZONES, "table not in catalog")]
    assert (bent.returncode, [(row["table"], row["kind"]) for row in json.loads(bent.stdout)]) == (1, expected)
    planned = command("catalog", "repair", ZONES, "--dry-run", "--json", **environment)
    assert (planned.returncode, [row["repaired"] for row in json.loads(planned.stdout)]) == (0, [False])
    assert "table not in catalog" in command("catalog", "diff", ZONES, **environment).stdout
    repaired = command("catalog", "repair", "--all", "--json", **environment)
    assert (repaired.returncode, [row["repaired"] for row in json.loads(repaired.stdout)]) == (0, [True])
    assert command("catalog", "diff", "--all", "--deep", **environment).returncode == 0


def test_fetches_and_budgets_are_shown_and_reset(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake, replay_url: str, run_at: Callable[..., Run]
) -> None:
    contract, day = load_contract("bronze.market.crypto_bars"), Period.parse("2013-03-01")
    vendor = Vendor(replay_url, "coingecko")
    vendor.fault(match="*ethereum*", kind="status", status=429, headers={"Retry-After": "7200"})
    source = open_source("coingecko", access=SourceConnection(f"{replay_url}/api/v3", state=LakeState(lake.store)))

    def shown(*arguments: str) -> list[dict[str, Any]]:
        return list(json.loads(command(*arguments, "--json", **environment).stdout))

    with pytest.raises(QuotaExhausted):
        land(lake, contract, day, run_at(1), source)
    assert [(row["state"], row["answers"]) for row in shown("fetches", contract.name, str(day))] == [("unfinished", 1)]
    (spent,) = [row for row in shown("budget") if row["source"] == "coingecko"]
    assert (spent["today"], spent["this month"], spent["because"]) == (
        2,
        2,
        "it answered HTTP 429 and asks to wait 7200 s",
    )
    assert "coingecko" not in [row["source"] for row in shown("budget", "--reset", "coingecko")]
    land(lake, contract, day, run_at(1), source)
    land(lake, contract, day, run_at(2), source)
    assert [row["state"] for row in shown("fetches", contract.name, str(day))] == ["complete", "as before"]
    wrong = command("budget", "--reset", "no one", **environment)
    assert (wrong.returncode, "Nothing was changed" in wrong.stderr) == (1, True)


def test_status_draws_what_is_there_and_lists_it_for_programs(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    found = command("status", "--json", **environment)
    by_table = {matrix["table"]: matrix for matrix in json.loads(found.stdout)}
    assert by_table[ZONES]["counts"] == {"published": 1}
    silver = by_table["silver.transport.trips"]
    assert silver["counts"] == {}, "without trips there is no day to miss"
    assert "built from `bronze.transport.yellow_trips`" in silver["why_empty"]
    window = ("--from", "2019-01", "--to", "2019-03")
    drawn = command("status", "bronze.transport.yellow_trips", *window, **environment)
    assert "2019    ---" in drawn.stdout
    assert "year=2019" not in drawn.stdout, "a month is called by its name"
    assert "2019-01 to 2019-03 (3)  never built" in drawn.stdout
    assert "Set LAKE_AIRFLOW_URL" in drawn.stderr
    assert ZONES in command("status", **environment).stdout
    for wrong in (("--from", "2019-03", "--to", "2019-01"), ("--from", "yesterday")):
        assert command("status", *wrong, **environment).returncode == 1

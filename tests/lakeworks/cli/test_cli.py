"""The command as a person and a program use it: a real process, real output, real exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.partition import Period
from lakeworks.pipeline import Lake, audit, land, publish, write
from lakeworks.sources import open_source
from lakeworks.storage.manifest import Run

LAKEWORKS = str(Path(sys.executable).parent / "lakeworks")
ZONES = "reference.transport.zones"


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    base = {key: value for key, value in os.environ.items() if not key.startswith(("LAKE_", "AWS_"))}
    return subprocess.run(
        [LAKEWORKS, *arguments], env={**base, **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def environment(lake: Lake, moto_url: str, replay_url: str, run_at: Callable[..., Run]) -> dict[str, str]:
    """A lake with one published table."""
    period, run = Period.parse("2019-01"), run_at(1)
    land(lake, load_contract(ZONES), period, run, open_source("nyc_tlc", replay_url))
    publish(lake, audit(lake, write(lake, ZONES, period, run).key).key)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest"}
    return {
        "LAKE_BUCKET": lake.store.bucket,
        "LAKE_SCRATCH_DIR": str(lake.scratch),
        "AWS_ENDPOINT_URL": moto_url,
        **keys,
    }


def test_tables_and_show_need_no_lake() -> None:
    names = [row["table"] for row in json.loads(command("tables", "--json").stdout)]
    assert "silver.transport.trips" in names
    assert "possible_duration" in command("show", "silver.transport.trips").stdout


def test_sql_answers_from_what_is_live(environment: dict[str, str]) -> None:
    query = "SELECT borough, count(*) AS zones FROM reference_transport.zones GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    done = command("sql", query, "--json", **environment)
    assert (json.loads(done.stdout), done.returncode) == ([{"borough": "Manhattan", "zones": 69}], 0)
    assert "Manhattan" in command("sql", query, **environment).stdout


def test_ledger_shows_table_partitions_and_history(environment: dict[str, str]) -> None:
    rows = {row["table"]: row for row in json.loads(command("ledger", "--json", **environment).stdout)}
    assert (rows[ZONES]["partitions"], rows[ZONES]["published"], rows[ZONES]["audit"]) == (1, 265, "passed")
    history = json.loads(command("ledger", ZONES, "all", "--json", **environment).stdout)
    assert [(row["publication"], row["state"], row["rows"]) for row in history] == [(1, "published", 265)]


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
    ],
)
def test_mistakes_end_in_one_message_and_exit_code_1(
    environment: dict[str, str], arguments: tuple[str, ...], says: str
) -> None:
    done = command(*arguments, **environment)
    assert done.returncode == 1
    assert says in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_missing_settings_wrong_keys_and_a_missing_bucket_are_told(
    environment: dict[str, str], seaweed_url: str
) -> None:
    assert "LAKE_BUCKET: Field required" in command("ledger").stderr
    missing = command("ledger", **{**environment, "LAKE_BUCKET": "no-such-bucket"})
    assert (missing.returncode, "lake_bootstrap" in missing.stderr) == (1, True)
    wrong = command("ledger", **{**environment, "AWS_ENDPOINT_URL": seaweed_url, "AWS_SECRET_ACCESS_KEY": "wrong"})
    assert (wrong.returncode, "LakeAccessDenied" in wrong.stderr) == (1, True)
    down = command("ledger", **{**environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert (down.returncode, "can be tried again" in down.stderr) == (1, True)

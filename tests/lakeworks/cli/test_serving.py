"""`lakeworks serve`: what it prints, and its exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.publications.test_publications import published
from tests.lakeworks.serving.conftest import address, postgres
from tests.support.rds_proxy import rds_door

__all__ = ["address", "command", "postgres"]
ROWS = "gold.test.rows"
CONTRACT = """\
version: 1.0.0
description: test
team: test
grain: [id]
partition_by: [day]
columns:
  id: {type: bigint, required: true, description: key}
  value: {type: double, description: value}
serving: {postgres: {}}
"""


@pytest.fixture
def environment(lake: Lake, moto_url: str, address: str, tmp_path: Path, run_at: Callable[..., Run]) -> dict[str, str]:
    folder = tmp_path / "project/include/lake/tables/gold/test/rows"
    folder.mkdir(parents=True)
    (tmp_path / "project/lake.yml").write_text("{}\n")
    (folder / "contract.yml").write_text(CONTRACT)
    contract = load_contract(ROWS, tmp_path / "project/include/lake/tables")
    published(
        lake, contract, [{"id": 1, "value": 1.0}, {"id": 2, "value": None}], run_at(1), Period.parse("2019-01-05")
    )
    return {**settings_for(lake, moto_url), "LAKE_SERVING_URL": address, "LAKE_PROJECT": str(tmp_path / "project")}


def test_a_served_table_is_behind_followed_compared_and_repaired(
    command: Callable[..., Done], environment: dict[str, str], address: str
) -> None:
    behind = command("serve", "status", "--json", **environment)
    assert not behind.stderr, behind.stderr
    assert (behind.returncode, [row["differ"] for row in json.loads(behind.stdout)]) == (1, [1])
    done = json.loads(command("serve", ROWS, "--json", **environment).stdout)
    assert [(row["outcome"], row["publication"], row["rows"]) for row in done] == [("served", 1, 2)]
    assert command("serve", "status", **environment).returncode == 0
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("UPDATE gold_test.rows SET value = 5 WHERE id = 1")
    assert command("serve", "diff", ROWS, **environment).returncode == 0, "the number of rows is right"
    deep = command("serve", "diff", ROWS, "--deep", "--json", **environment)
    assert (deep.returncode, [row["other rows"] for row in json.loads(deep.stdout)]) == (1, [2])
    assert command("serve", "repair", ROWS, "--deep", **environment).returncode == 0
    assert command("serve", "diff", ROWS, "--deep", **environment).returncode == 0


def test_mistakes_are_one_message(command: Callable[..., Done], environment: dict[str, str]) -> None:
    nowhere = {**environment, "LAKE_SERVING_URL": "postgresql://postgres:hidden@/airflow?host=/nowhere"}
    down = command("serve", ROWS, **nowhere)
    assert (down.returncode, "hidden" in down.stderr) == (75, False)
    unset = command("serve", ROWS, **{**environment, "LAKE_SERVING_URL": ""})
    assert (unset.returncode, "LAKE_SERVING_URL is not set" in unset.stderr.replace("\n", " ")) == (1, True)


def test_a_login_by_iam_shows_no_token(
    command: Callable[..., Done], environment: dict[str, str], address: str, tmp_path: Path
) -> None:
    with rds_door(tmp_path, str(conninfo_to_dict(address)["host"])) as door:
        door.secrets = {"test": "testtest"}
        url = f"postgresql://postgres@{door.host}:{door.port}/airflow?hostaddr=127.0.0.1&iam=true&sslrootcert={door.authority}"
        done = command("serve", ROWS, "--json", **{**environment, "LAKE_SERVING_URL": url})
        assert [row["outcome"] for row in json.loads(done.stdout)] == ["served"]
        door.secrets = {"test": "another"}
        refused = command("serve", ROWS, **{**environment, "LAKE_SERVING_URL": url})
        assert (refused.returncode, "X-Amz" in refused.stderr) == (1, False)
        assert "authentication failed" in " ".join(refused.stderr.split())

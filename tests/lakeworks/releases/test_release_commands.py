"""`lakeworks release`, `sql --release|--run` and `export --release` as a person uses them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.exports.test_table_export import CUSTOMERS, DAYS, customer
from tests.lakeworks.publications.test_publications import published

__all__ = ["command"]
STATES = "SELECT id, state FROM bronze_commerce.customers ORDER BY id"


@pytest.fixture
def environment(lake: Lake, moto_url: str, run_at: Callable[..., Run]) -> dict[str, str]:
    for number, day in enumerate(DAYS, 1):
        published(lake, load_contract(CUSTOMERS), [customer(number, day)], run_at(number), Period.parse(day))
    return settings_for(lake, moto_url)


def test_a_release_is_made_read_compared_rolled_back_and_dropped(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake, run_at: Callable[..., Run], tmp_path: Path
) -> None:
    def run(*words: str, code: int = 0) -> Done:
        done = command(*words, **environment)
        assert done.returncode == code, done.stderr
        return done

    made = json.loads(run("release", "create", "2019-close", "--tables", CUSTOMERS, "--note", "audit", "--json").stdout)
    assert (made["tables"], made["partitions"], made["rows"], made["gone"]) == (1, 3, 3, 0)
    assert made["held"].startswith("until it is dropped, if `release hold` runs every night; else 30 days")
    published(lake, load_contract(CUSTOMERS), [customer(1, DAYS[0], "disabled")], run_at(9), Period.parse(DAYS[0]))
    rows = json.loads(run("sql", STATES, "--release", "2019-close", "--json").stdout)
    assert [row["state"] for row in rows] == ["enabled"] * 3
    rows = json.loads(run("sql", STATES, "--run", "manual__2", "--json").stdout)
    assert [row["id"] for row in rows] == [1, 2], "what was live when the second run ended"
    out = tmp_path / "rows.jsonl"
    run("export", CUSTOMERS, DAYS[0], "--release", "2019-close", "--out", str(out))
    assert json.loads(out.read_text())["state"] == "enabled"
    (changed,) = json.loads(run("release", "diff", "2019-close", "--json").stdout)
    assert (changed["partition"], changed["change"]) == ("2019-01-05", "changed")
    assert json.loads(run("release", "hold", "--json").stdout)[0]["copied"] == 1
    assert json.loads(run("release", "list", "--json").stdout)[0]["bytes_of_copies"] > 0
    assert "Nothing was changed" in run("release", "rollback", "2019-close").stderr
    assert json.loads(run("sql", STATES, "--json").stdout)[0]["state"] == "disabled"
    run("release", "rollback", "2019-close", "--yes")
    assert json.loads(run("sql", STATES, "--json").stdout)[0]["state"] == "enabled"
    run("release", "drop", "2019-close")
    assert "There is no release `2019-close`" in run("release", "show", "2019-close", code=1).stderr


def test_sql_names_the_partition_of_a_release_that_is_gone(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake, run_at: Callable[..., Run]
) -> None:
    command("release", "create", "close", "--tables", CUSTOMERS, **environment)
    (entry,) = lake.ledger.history(load_contract(CUSTOMERS).table, load_contract(CUSTOMERS).parse_partition(DAYS[0]))
    published(lake, load_contract(CUSTOMERS), [customer(1, DAYS[0], "disabled")], run_at(9), Period.parse(DAYS[0]))
    item = entry.objects[0]
    lake.store.client.delete_object(Bucket=lake.store.bucket, Key=item.key, VersionId=str(item.version_id))
    done = command("sql", STATES, "--release", "close", **environment)
    assert done.returncode == 1
    assert "in release `close` cannot be read: the bucket deleted 1 of 3 publications, first" in done.stderr
    shown = command("release", "show", "close", **environment)
    assert (shown.returncode, "2019-01-05 publication 1" in shown.stderr) == (1, True)
    held = command("release", "hold", **environment)
    assert (held.returncode, "(lost)" in held.stderr) == (1, True)

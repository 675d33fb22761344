"""`lakeworks backfill --dev`: what Airflow gets, what counts as done, and when it gets nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeworks.branches.document import DevRegister
from lakeworks.errors import ConfigError
from tests.lakeworks.dev.test_dev_commands import Command, command, served
from tests.support.airflow_acts import ActsServer, serving_acts
from tests.support.shop_project import ORDERS, RECEIVED, REVENUE, Shop

__all__ = ["command", "served"]
RANGE = ("sales", "--from", "2024-01-05", "--to", "2024-01-06")


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[ActsServer]:
    with serving_acts({"sales": (RECEIVED, ORDERS, REVENUE)}) as found:
        monkeypatch.setenv("LAKE_AIRFLOW_URL", found.url)
        yield found


@pytest.fixture
def changed(served: Shop, command: Command, airflow: ActsServer) -> Shop:
    """Two live days, changed code, and a dev lake."""
    served.double()
    command("dev", "start", "fix-42")
    return served


def plan(command: Command, *more: str) -> Any:
    return json.loads(command("backfill", "plan", *RANGE, "--json", *more))


@pytest.mark.parametrize("by_setting", [False, True], ids=["--dev", "LAKE_DEV"])
def test_the_runs_carry_the_name_of_the_dev_lake(
    changed: Shop, command: Command, airflow: ActsServer, monkeypatch: pytest.MonkeyPatch, *, by_setting: bool
) -> None:
    if by_setting:
        monkeypatch.setenv("LAKE_DEV", "fix-42")
    chosen = () if by_setting else ("--dev", "fix-42")
    planned = plan(command, *chosen)
    assert (planned["dev"], planned["to_run"], planned["sources"], airflow.began) == ("fix-42", 2, [], [])
    begun = json.loads(command("backfill", "start", *RANGE, "--json", *chosen))
    (run,) = airflow.began
    assert run["conf"] == {"from": "2024-01-05", "to": "2024-01-06", "dev": "fix-42"}
    assert run["note"].endswith("2024-01-05 to 2024-01-06, in dev lake fix-42")
    run["state"] = "success"
    assert json.loads(command("backfill", "watch", begun["backfill"], "--json"))["done"] == 2


def test_a_run_of_one_period_carries_it_too(changed: Shop, command: Command, airflow: ActsServer) -> None:
    command("backfill", "start", *RANGE, "--chunk", "day", "--dev", "fix-42")
    assert [(run["partition_key"], run["conf"]) for run in airflow.began] == [
        ("2024-01-05", {"dev": "fix-42"}),
        ("2024-01-06", {"dev": "fix-42"}),
    ]


def test_what_the_dev_lake_built_is_done_there_only(changed: Shop, command: Command) -> None:
    command("dev", "build", "fix-42")
    assert (plan(command, "--dev", "fix-42")["to_run"], plan(command)["to_run"]) == (0, 2)


def test_runs_of_the_live_lake_and_of_dev_lakes_do_not_hold_each_other_up(
    changed: Shop, command: Command, airflow: ActsServer
) -> None:
    """A dev lake's run over the range counted as a run of the live lake, which then started none."""
    command("dev", "start", "other")
    command("backfill", "start", *RANGE, "--dev", "fix-42")
    under_way = [plan(command, *where)["under_way"] for where in ((), ("--dev", "other"), ("--dev", "fix-42"))]
    assert under_way == [[], [], ["2024-01-05", "2024-01-06"]]
    airflow.began.clear()
    command("backfill", "start", *RANGE)
    assert "dev" not in airflow.began[0]["conf"]
    assert [len(plan(command, *where)["under_way"]) for where in ((), ("--dev", "fix-42"))] == [2, 0]


def test_a_dag_that_publications_start_is_run_by_hand_in_a_dev_lake(
    changed: Shop, command: Command, airflow: ActsServer
) -> None:
    airflow.started_by = "bronze.shop.baskets"
    with pytest.raises(ConfigError, match="is started by publications of"):
        command("backfill", "start", *RANGE)
    assert airflow.began == []
    command("backfill", "start", *RANGE, "--dev", "fix-42")
    assert len(airflow.began) == 1


def test_a_dag_whose_runs_would_publish_in_the_live_lake_is_refused(
    changed: Shop, command: Command, airflow: ActsServer
) -> None:
    airflow.takes_dev = False
    with pytest.raises(ConfigError, match=r"`sales` has no parameter `dev`.*Nothing was started.*dev build fix-42"):
        command("backfill", "start", *RANGE, "--dev", "fix-42")
    assert airflow.began == []


@pytest.mark.parametrize("verb", ["plan", "start"])
def test_a_dev_lake_that_is_not_there_or_is_over_is_refused(
    changed: Shop, command: Command, airflow: ActsServer, verb: str
) -> None:
    with pytest.raises(ConfigError, match=r"There is no dev lake `gone`: it was never started here, or it was dropped"):
        command("backfill", verb, *RANGE, "--dev", "gone")
    register = DevRegister(changed.lake.store)
    seen = register.read("fix-42")
    register.replace(seen, seen.document.model_copy(update={"expires_at": datetime.now(UTC) - timedelta(days=1)}))
    with pytest.raises(ConfigError, match=r"The life of dev lake `fix-42` ended on .* Nothing was run"):
        command("backfill", verb, *RANGE, "--dev", "fix-42")
    command("dev", "drop", "fix-42")
    with pytest.raises(ConfigError, match="There is no dev lake `fix-42`"):
        command("backfill", verb, *RANGE, "--dev", "fix-42")
    assert airflow.began == []

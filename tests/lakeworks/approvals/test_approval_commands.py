"""A person's answer by command: what waits, the answer to Airflow's task, and what the ledger shows of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.approvals import ApprovalRequest
from lakeworks.pipeline.publish_step import publish
from tests.lakeworks.approvals.guarded_shop import GuardedShop
from tests.support.airflow_server import serving_airflow
from tests.support.lake_commands import commands_of
from tests.support.shop_project import DAYS, ORDERS, write_shop

Command = Callable[..., str]
DAY, TASK = DAYS[0], "dags/shop/dagRuns/r/taskInstances/approve/-1/hitlDetails"


@pytest.fixture
def guarded(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedShop]:
    """A shop on moto with one live day, whose contract demands approval of changed rows."""
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path / "project"))
    (tmp_path / "project").mkdir()
    shop = GuardedShop(lake, write_shop(tmp_path / "project"))
    shop.contracts()
    shop.arrive(DAY, ["10.00", "5.00"])
    shop.build_all([DAY])
    shop.demand(changed_rows_above=0.5)
    yield shop
    shop.contracts()


@pytest.fixture
def waiting(guarded: GuardedShop) -> tuple[ApprovalRequest, str]:
    """A run that waits, and its manifest's key."""
    guarded.arrive(DAY, ["11.00", "7.00"])
    key = guarded.audited(DAY)
    return guarded.asked(key), key


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    with serving_airflow() as (address, knows):
        monkeypatch.setenv("LAKE_AIRFLOW_URL", f"http://admin:s%3Acret@{address}")
        yield knows


@pytest.fixture
def command(guarded: GuardedShop, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Run `lakeworks …` and return what it printed, or raise what it raised."""
    with commands_of(guarded.lake, moto_url, monkeypatch) as run:
        yield lambda *arguments: run(*arguments).output


def test_what_waits_is_listed_with_its_reason_until_it_is_decided(
    guarded: GuardedShop, waiting: tuple[ApprovalRequest, str], command: Command
) -> None:
    shown = command("approvals", "list", "--json")
    assert '"period": "2024-01-05"' in shown
    assert "more than 50.0%" in shown
    guarded.answered(waiting[0], "approved", "a corrected invoice")
    assert "No run waits for approval." in command("approvals")
    decided = command("approvals", "list", "--all", "--json")
    assert '"by": "ana"' in decided
    assert '"note": "a corrected invoice"' in decided


def test_an_answer_goes_to_the_task_that_asked_and_the_ledger_shows_who_gave_it(
    guarded: GuardedShop, waiting: tuple[ApprovalRequest, str], command: Command, airflow: dict[str, Any]
) -> None:
    said = command("approvals", "approve", ORDERS, "2024-01-05", "--note", "a corrected invoice")
    assert "has the answer and publishes the rows" in " ".join(said.split())
    assert airflow["decided"] == {
        TASK: {"chosen_options": ["Approve"], "params_input": {"note": "a corrected invoice"}}
    }
    guarded.answered(waiting[0], "approved", "a corrected invoice")  # what the resumed task does
    publish(guarded.lake, waiting[1])
    ledger = command("ledger", ORDERS, "2024-01-05", "--json")
    assert '"approved by": "ana"' in ledger
    assert "a corrected invoice" in ledger


def test_a_refusal_goes_to_the_task_too_and_live_stays(
    guarded: GuardedShop, waiting: tuple[ApprovalRequest, str], command: Command, airflow: dict[str, Any]
) -> None:
    said = command("approvals", "refuse", ORDERS, "2024-01-05")
    assert "live data stays as it is" in " ".join(said.split())
    assert airflow["decided"][TASK]["chosen_options"] == ["Reject"]
    live = guarded.live(ORDERS, DAY)
    assert live
    assert live.seq == 1


@pytest.mark.usefixtures("waiting")
def test_the_second_answer_is_refused_by_airflow(command: Command, airflow: dict[str, Any]) -> None:
    command("approvals", "refuse", ORDERS, "2024-01-05")
    with pytest.raises(ConfigError, match="already been updated"):
        command("approvals", "approve", ORDERS, "2024-01-05")
    assert airflow["decided"][TASK]["chosen_options"] == ["Reject"]


@pytest.mark.usefixtures("airflow")
def test_an_answer_to_a_period_that_does_not_wait_names_those_that_do(
    waiting: tuple[ApprovalRequest, str], command: Command
) -> None:
    with pytest.raises(
        LakeNotFound, match=r"no run waits for approval. Nothing was changed. Waiting periods: 2024-01-05"
    ):
        command("approvals", "approve", ORDERS, "2024-01-06")


@pytest.mark.usefixtures("waiting")
def test_without_airflow_the_page_to_answer_on_is_named(command: Command) -> None:
    with pytest.raises(ConfigError, match=r"LAKE_AIRFLOW_URL is not set.*Required Actions"):
        command("approvals", "approve", ORDERS, "2024-01-05")

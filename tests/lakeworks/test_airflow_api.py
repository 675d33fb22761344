"""Airflow's REST API as `lakeworks status` asks it, against a server that answers in its shapes (3.3: core API v2)."""

from collections.abc import Iterator
from typing import Any

import pytest

from lakeworks.airflow_api import MOST, Airflow
from lakeworks.errors import ConfigError, LakeUnavailable
from lakeworks.run_place import RunPlace
from lakeworks_local.stack.process import free_port
from tests.support.airflow_server import run, serving_airflow, task

SILVER, ZONES = "silver.transport.trips", "reference.transport.zones"


@pytest.fixture
def airflow() -> Iterator[tuple[str, dict[str, Any]]]:
    with serving_airflow() as found:
        yield found


def test_tasks_become_activities_of_their_tables_periods(airflow: tuple[str, dict[str, Any]]) -> None:
    address, knows = airflow
    knows["runs"] = [
        run("a", "2019-01"),
        run("b", conf={"from": "2019-02", "to": "2019-03"}),
        run("c"),
        run("d", "bad key"),
    ]
    knows["tasks"] = [
        task("a", "silver_trips.write", "failed", SILVER),
        task("b", "silver_trips.audit", "upstream_failed"),
        task("b", "reference_zones.fetch", "deferred", ZONES),
        task("c", "silver_trips.write", "failed", SILVER),
        task("d", "silver_trips.write", "failed", SILVER),
        task("a", "bootstrap", "running"),
        task("gone", "silver_trips.write", "running", SILVER),
    ]
    found = Airflow(f"http://admin:s%3Acret@{address}/").activities([SILVER, ZONES]).known
    assert [(a.table, a.period, a.state) for a in found] == [
        (SILVER, "2019-01", "failed"), (SILVER, "2019-02", "failed"), (SILVER, "2019-03", "failed"),
        (ZONES, "2019-02", "running"), (ZONES, "2019-03", "running"),
    ]  # fmt: skip
    assert (found[0].where, str(found[0].at)) == ("taxi a silver_trips.write: failed", "2026-11-21 06:01:00+00:00")
    assert knows["asked"][0][0] == "Bearer token"


def test_every_page_is_asked_for(airflow: tuple[str, dict[str, Any]]) -> None:
    address, knows = airflow
    knows["runs"] = [run(f"r{n}", "2019-01") for n in range(250)]
    knows["tasks"] = [task(f"r{n}", "silver_trips.write", "failed", SILVER) for n in range(250)]
    assert len(Airflow(f"http://{address}").activities([SILVER]).known) == 250


def test_that_there_was_more_than_is_asked_for_is_known(airflow: tuple[str, dict[str, Any]]) -> None:
    """The newest 2,000 looked like all: an older run that failed was shown as missing, without a word."""
    address, knows = airflow
    knows["runs"] = [run(f"r{n}", "2019-01") for n in range(MOST)]
    knows["tasks"] = [task("r0", "silver_trips.write", "failed", SILVER)] * MOST
    assert Airflow(f"http://{address}").activities([SILVER]).cut_off == (), "exactly all"
    knows["runs"].append(run("oldest", "2018-01"))
    knows["tasks"].append(task("oldest", "silver_trips.write", "failed", SILVER))
    found = Airflow(f"http://{address}").activities([SILVER])
    assert (len(found.known), {item.period for item in found}) == (MOST, {"2019-01"})
    assert found.note.startswith("Airflow has more than 2,000 runs and tasks that failed or are not over")


def test_a_name_two_tables_share_needs_the_rendered_field(airflow: tuple[str, dict[str, Any]]) -> None:
    address, knows = airflow
    other = "silver.harbour.trips"
    knows["runs"], knows["tasks"] = [run("a", "2019-01")], [task("a", "silver_trips.write", "failed")]
    assert Airflow(f"http://{address}").activities([SILVER, other]).known == ()
    knows["tasks"] = [task("a", "silver_trips.write", "failed", other)]
    assert [item.table for item in Airflow(f"http://{address}").activities([SILVER, other])] == [other]


def test_runs_of_a_tenant_and_of_a_dev_lake_count_in_their_own_place_only(
    airflow: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenant's failed run was shown as one of the owner's live lake, and the reverse."""
    monkeypatch.setenv("LAKE_TENANTS", "acme,globex")
    address, knows = airflow
    mine, dev = run("r", "2019-01"), run("d", "2019-03", {"dev": "fix-42"})
    acme, globex = (
        {**run("r", month), "dag_id": f"taxi__{who}"} for who, month in (("acme", "2019-02"), ("globex", "2019-04"))
    )
    knows["runs"] = [mine, dev, acme, globex, {**run("s", "2019-05"), "dag_id": "taxi__daily"}]
    knows["tasks"] = [
        task(item["dag_run_id"], "silver_trips.write", "failed", SILVER) | {"dag_id": item["dag_id"]}
        for item in knows["runs"]
    ]
    api = Airflow(f"http://{address}")

    def periods(*place: str) -> list[str]:
        return [item.period for item in api.activities([SILVER], RunPlace(*place))]

    assert periods() == ["2019-01", "2019-05"], "`daily` is no tenant"
    assert periods("acme") == ["2019-02"]
    assert periods("", "fix-42") == ["2019-03"]
    assert periods("acme", "fix-42") == []


def test_a_wrong_login_and_no_airflow_are_reported_without_the_password(airflow: tuple[str, dict[str, Any]]) -> None:
    address, _ = airflow
    with pytest.raises(ConfigError, match=r"answered 401 .*Correct LAKE_AIRFLOW_URL") as refused:
        Airflow(f"http://admin:wrongsecret@{address}").activities([SILVER])
    assert "wrongsecret" not in str(refused.value)
    with pytest.raises(LakeUnavailable, match="unset LAKE_AIRFLOW_URL"):
        Airflow(f"http://127.0.0.1:{free_port()}").activities([SILVER])

"""`lakeworks plan --apply`: which runs Airflow gets, in which order, and when it gets none."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.runs import Backfill
from lakeworks.changes.application import Application, PlanRequest
from lakeworks.changes.applied_plans import ALIVE_FOR, PlanRegister, plan_fingerprint
from lakeworks.changes.costs import estimate
from lakeworks.changes.plan_outcomes import outcomes
from lakeworks.changes.plans import TablePlan
from lakeworks.core.partition import Partition
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError, FencedError, LakeUnavailable, LostRace
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.prices import load_price_book
from lakeworks.status.exclusions import Exclusion, ExclusionRegister
from tests.lakeworks.changes.test_plans import DAYS, HOURS, SQL, TRIPS, ZONES, lake, planned, rewrite, tables
from tests.support.airflow_acts import ActsServer, serving_acts
from tests.support.many_partitions import Many

__all__ = ["lake", "tables"]
BOOK = load_price_book(None)


@pytest.fixture
def airflow(tables: Path) -> Iterator[ActsServer]:
    """Two DAGs: the second one builds from what the first one publishes."""
    rewrite(tables / SQL[TRIPS], "/ 60 AS DECIMAL", "/ 30 AS DECIMAL")  # reaches every row of both tables above
    with serving_acts({"demand": (HOURS, ZONES), "trips": (TRIPS,)}) as found:
        yield found


def plan_of(lake: Many) -> list[TablePlan]:
    return list(planned(lake).values())


def begin(lake: Many, airflow: ActsServer, plans: list[TablePlan] | None = None, **how: Any) -> Application:
    plans = plan_of(lake) if plans is None else plans
    costs = [estimate(lake.lake, item, BOOK, "us-east-1") for item in plans]
    request = PlanRequest("olga", how.pop("expected", ""), how.pop("unpause", False))
    return Application.begin(lake.lake, Airflow(airflow.url), plans, costs, request)


def went_well(airflow: ActsServer) -> Any:
    """All runs of a stage end well when they are looked at."""

    def follow(_: Backfill) -> bool:
        for run in airflow.began:
            run["state"] = "success"
        return True

    return follow


def begun(airflow: ActsServer) -> list[tuple[str, Any]]:
    return [(run["dag_id"], run["conf"]) for run in airflow.began]


def test_upstream_runs_are_started_first_and_the_next_stage_when_they_have_ended(
    lake: Many, airflow: ActsServer
) -> None:
    application = begin(lake, airflow)
    assert airflow.began == []
    seen = []
    for stage, backfill in application.started(went_well(airflow)):
        seen.append((stage.dag.dag_id, stage.tables, backfill is not None, application.document.state))
    assert seen == [("trips", (TRIPS,), True, "starting"), ("demand", (ZONES, HOURS), True, "starting")]
    days = {"from": str(DAYS[0]), "to": str(DAYS[1]), "landed": True}
    assert begun(airflow) == [("trips", days), ("demand", days)]
    (kept,) = PlanRegister(lake.lake.store).all()
    assert (kept.number, kept.state, kept.created_by) == (1, "started", "olga")
    assert [(item.table, item.partitions, item.rows) for item in kept.tables] == [
        (TRIPS, 2, 20),
        (ZONES, 2, 20),
        (HOURS, 2, 20),
    ]
    assert all(stage.backfill.startswith(f"{stage.dag}/2019-02-05_2019-02-06_") for stage in kept.stages)


def test_a_tenants_plan_starts_the_tenants_dags_and_nothing_of_the_owners(lake: Many, airflow: ActsServer) -> None:
    """The owner has the same tables, published by the same code, and a run over the same days under way."""
    airflow.tables = {
        **airflow.tables,
        **{f"{dag}__acme": tuple(f"{table}@acme" for table in built) for dag, built in airflow.tables.items()},
    }
    owners = {
        "dag_id": "trips",
        "dag_run_id": "manual__1",
        "partition_key": str(DAYS[0]),
        "conf": {},
        "state": "running",
    }
    airflow.began.append({**owners, "start_date": None, "end_date": None})
    acme = replace(lake, lake=lake.lake.for_tenant(Tenant("acme")))
    assert not any(item.rebuilt for item in plan_of(acme)), "the tenant published nothing yet"
    own = lake.lake.store
    for key in [item.key for item in own.scan("_")]:  # ledger and recorded code
        acme.lake.store.put(key, own.get(key)[0])
    list(begin(acme, airflow).started(went_well(airflow)))
    days = {"from": str(DAYS[0]), "to": str(DAYS[1]), "landed": True}
    assert begun(airflow)[1:] == [("trips__acme", days), ("demand__acme", days)]
    assert [item.created_by for item in PlanRegister(acme.lake.store).all()] == ["olga"]
    assert PlanRegister(own).numbers() == [], "the owner's plans are not the tenant's"


def test_what_is_built_from_a_failed_stage_is_not_started(lake: Many, airflow: ActsServer) -> None:
    application = begin(lake, airflow)
    assert [stage.dag.dag_id for stage, _ in application.started(lambda _: False)] == ["trips"]
    assert [name for name, _ in begun(airflow)] == ["trips"]
    assert application.document.state == "stopped"


def test_a_process_that_is_interrupted_says_so_and_its_runs_go_on(lake: Many, airflow: ActsServer) -> None:
    def interrupted(_: Backfill) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(begin(lake, airflow).started(interrupted))
    assert PlanRegister(lake.lake.store).read("last").document.state == "stopped"
    assert [run["state"] for run in airflow.began] == ["queued"]


def test_a_stage_that_publications_brought_already_starts_nothing(lake: Many, airflow: ActsServer) -> None:
    """A DAG that publications start has built its periods by the time that its stage comes."""

    def follow(_: Backfill) -> bool:
        for day in DAYS:
            airflow.began.append({
                "dag_id": "demand", "dag_run_id": f"asset__{day}", "partition_key": str(day), "conf": {}, "state": "running",
                "start_date": None, "end_date": None,
            })  # fmt: skip
        return True

    stages = list(begin(lake, airflow).started(follow))
    assert [backfill is None for _, backfill in stages] == [False, True]
    assert [str(period) for period in stages[1][0].plan.under_way] == [str(day) for day in DAYS]


def test_a_paused_dag_is_named_before_anything_starts(lake: Many, airflow: ActsServer) -> None:
    airflow.paused = True
    with pytest.raises(ConfigError, match=r"`trips`, `demand`: paused.*Nothing was started\. Add --unpause"):
        begin(lake, airflow)
    assert (airflow.began, PlanRegister(lake.lake.store).numbers()) == ([], [])
    list(begin(lake, airflow, unpause=True).started(went_well(airflow)))
    assert airflow.unpaused == ["trips", "demand"]


def test_a_plan_that_changed_since_it_was_shown_is_refused(lake: Many, airflow: ActsServer, tables: Path) -> None:
    shown = plan_fingerprint(plan_of(lake))
    assert shown == plan_fingerprint(plan_of(lake))
    rewrite(tables / SQL[HOURS], "COUNT(*)", "2 * COUNT(*)")
    with pytest.raises(FencedError, match=f"and not {shown}. Nothing was started"):
        begin(lake, airflow, expected=shown)
    assert (airflow.began, PlanRegister(lake.lake.store).numbers()) == ([], [])
    begin(lake, airflow, expected=plan_fingerprint(plan_of(lake)))


def test_of_two_people_one_applies(lake: Many, airflow: ActsServer) -> None:
    first = begin(lake, airflow)
    with pytest.raises(FencedError, match=r"Plan 1 of olga is being started.*lakeworks plan show 1"):
        begin(lake, airflow)
    with pytest.raises(FencedError, match="Another person applied plan 1 since"):
        PlanRegister(lake.lake.store).create(first.document)  # both planned on the same state
    list(first.started(lambda _: True))
    second = begin(lake, airflow)
    assert second.document.number == 2
    assert [backfill for _, backfill in second.started(went_well(airflow))] == [None, None], "the runs are under way"


def test_a_killed_process_holds_up_no_one_for_long(lake: Many, airflow: ActsServer) -> None:
    register = PlanRegister(lake.lake.store)
    first = begin(lake, airflow)
    dead = first.document.model_copy(update={"seen_at": lake.lake.store.now() - ALIVE_FOR - timedelta(seconds=2)})
    register.replace(first.held, dead)
    assert begin(lake, airflow).document.number == 2
    with pytest.raises(LostRace):
        list(first.started(went_well(airflow)))


def test_a_table_that_no_dag_builds_is_named(lake: Many, airflow: ActsServer) -> None:
    airflow.tables = {"trips": (TRIPS,), "demand": (HOURS,)}
    with pytest.raises(ConfigError, match=f"no DAG that builds `{ZONES}` by period. Nothing was started"):
        begin(lake, airflow)
    assert PlanRegister(lake.lake.store).numbers() == []


def test_an_airflow_that_does_not_answer_leaves_no_plan(lake: Many, airflow: ActsServer) -> None:
    gone = replace(airflow, host="127.0.0.1:1")
    with pytest.raises(LakeUnavailable, match="Nothing was changed"):
        begin(lake, gone)
    assert PlanRegister(lake.lake.store).numbers() == []


def test_a_run_leaves_the_tables_alone_whose_range_is_excluded(lake: Many, airflow: ActsServer) -> None:
    store = lake.lake.store
    excluded = Exclusion.of(HOURS, "2019-02-06..2019-02-28", "closed books", "", store.now())

    ExclusionRegister(store).add(excluded)
    found = planned(lake)
    assert ([str(p) for p in found[HOURS].periods], len(found[ZONES].rebuilt)) == (["2019-02-05"], 2)
    assert list(found[HOURS].excluded.values()) == [excluded.why]
    list(begin(lake, airflow).started(went_well(airflow)))
    assert begun(airflow)[1:] == [
        ("demand", {"landed": True}),
        ("demand", {"leave": [HOURS], "landed": True}),
    ]
    assert [run["partition_key"] for run in airflow.began[1:]] == ["2019-02-05", "2019-02-06"]


def test_the_estimate_is_held_against_what_the_runs_took(lake: Many, airflow: ActsServer) -> None:
    earlier(lake, "hand__1", seconds=4.0, writes=10)  # a name before the other: of one second, the later name counts
    application = begin(lake, airflow)
    list(application.started(went_well(airflow)))
    hours = next(x for x in outcomes(lake.lake, application.document, BOOK, "us-east-1") if x.table.table == HOURS)
    assert hours.off_by("rows") is None, "not all of it is built yet"
    for day in DAYS:
        earlier(lake, "lakeworks_backfill__1", seconds=5.0, writes=9, day=str(day))
    hours = next(x for x in outcomes(lake.lake, application.document, BOOK, "us-east-1") if x.table.table == HOURS)
    assert (hours.done, hours.table.seconds, hours.actual["seconds"]) == (2, 8.0, 10.0)
    assert [hours.off_by(name) for name in ("rows", "seconds", "writes")] == pytest.approx([0.0, 0.25, -0.1])
    rows = {row["measure"]: row for row in hours.as_rows()}
    assert (rows["seconds"]["off_by_percent"], rows["writes"]["off_by_percent"]) == (25, -10)
    assert rows["usd"]["actual"] == pytest.approx(18 * 0.005 / 1000 + 8 * 0.0004 / 1000)


def earlier(lake: Many, name: str, *, seconds: float, writes: int, day: str = "2019-02-05") -> None:
    """A recorded run of HOURS over one day."""
    began = lake.lake.store.now()
    partition: Any = {
        "partition": Partition.parse(f"year={day[:4]}/month={day[5:7]}/day={day[8:]}").path,
        "objects": (),
    }
    record = RunRecord(
        table=HOURS, period=day, run=Run(id=name, started_at=began), contract_version="1.0.0", schema_fingerprint="f",
        balance=RowBalance(read=10, staged=10), partitions=(partition,), seconds={"write": seconds},
        requests={"writes": writes, "reads": 4}, outcome={"published": 1},
    )  # fmt: skip
    lake.lake.store.put(record.run_key, record.model_dump_json().encode())

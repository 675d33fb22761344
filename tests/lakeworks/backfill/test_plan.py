"""Backfills: what is lacking, how it is cut into runs, what vendors are asked for it. The runs themselves: tests/stack."""

import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.airflow_api import Activity
from lakeworks.backfill.dag import PipelineDag, _tables
from lakeworks.backfill.plan import Doings, chunks, make_plan
from lakeworks.backfill.request_estimate import Need, needs
from lakeworks.contract import load_contract
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Partition, Period
from lakeworks.core.period_keys import periods_between
from lakeworks.errors import PartitionKeyError
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.sources import SourceConnection, open_source
from lakeworks_local.replay import start_replay
from lakeworks_local.replay.shopify import TOKEN
from tests.lakeworks_local.shops import small_shop
from tests.support.many_partitions import entry, many

TAXI = ("reference.transport.zones", "bronze.transport.yellow_trips", "silver.transport.trips")


def dag(grain: str = "month", tables: tuple[str, ...] = TAXI) -> PipelineDag:
    return PipelineDag("taxi", grain, tables, datetime(2019, 1, 1, tzinfo=UTC), paused=False)


def days(*keys: str) -> list[Period]:
    return [Period.parse(key) for key in keys]


def test_a_month_means_all_its_days() -> None:
    found = dag("day").periods("2019-02", "2019-03-02")
    assert (str(found[0]), str(found[-1]), len(found)) == ("2019-02-01", "2019-03-02", 30)


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        (
            "2019-01-05",
            "2019-03",
            "`2019-01-05` is a day, but each run of this DAG covers one month. Nothing was started. Give `2019-01`",
        ),
        ("2019-03", "2019-01", "runs backwards"),
        (
            "2018-12",
            "2019-03",
            "begins with 2019-01; `2018-12` is earlier. Nothing was started. Give --from 2019-01",
        ),
        ("January", "2019-03", "`January` is not a partition key"),
    ],
)
def test_a_wrong_range_says_what_to_type(first: str, last: str, says: str) -> None:
    with pytest.raises(PartitionKeyError) as refused:
        dag().periods(first, last)
    assert says in str(refused.value)


def test_tables_are_read_from_the_tasks_and_distinguished_by_domain() -> None:
    tasks = [
        "silver_trips.write",
        "silver_trips.audit",
        "bronze_yellow_trips.fetch",
        "bronze_yellow_trips.write",
        "covered",
    ]
    assert _tables(tasks, ["domain:transport"]) == ["bronze.transport.yellow_trips", "silver.transport.trips"]
    assert _tables(["silver_fundamentals.write"], ["domain:commerce"]) == []


@pytest.mark.parametrize(
    ("chunk", "runs"),
    [
        ("day", ["2019-01-30", "2019-01-31", "2019-02-01", "2019-02-03"]),
        ("month", ["2019-01-30..2019-01-31", "2019-02-01", "2019-02-03"]),
        ("year", ["2019-01-30..2019-02-01", "2019-02-03"]),
        ("all", ["2019-01-30..2019-02-01", "2019-02-03"]),
    ],
)
def test_runs_are_neighbours_within_a_chunk(chunk: Any, runs: list[str]) -> None:
    wanted = days("2019-01-30", "2019-01-31", "2019-02-01", "2019-02-03")
    assert [str(a) if a == b else f"{a}..{b}" for a, b in chunks(wanted, chunk)] == runs


@given(st.sets(st.integers(0, 400)), st.sampled_from(["day", "month", "year", "all"]))
def test_runs_bring_each_wanted_period_once_and_no_other(numbers: set[int], chunk: Any) -> None:
    year = periods_between("2019-01-01", "2020-02-29", "day")
    wanted = [year[number] for number in sorted(numbers)]
    brought = [p for first, last in chunks(wanted, chunk) for p in periods_between(str(first), str(last), "day")]
    assert brought == wanted


def ran(lake: Lake, table: str, *periods: str) -> None:
    for period in periods:
        lake.store.put(run_key(load_contract(table).table, Period.parse(period), "r.1"), b"{}")


def planned(lake: Lake, first: str, last: str, *activities: Activity, **how: Any) -> Any:
    doings = Doings(activities, how.pop("under_way", ()))
    return make_plan(lake, dag(), dag().periods(first, last), doings, "month", **how)


def test_a_fresh_lake_lacks_everything_and_a_month_run_in_every_table_is_done(lake: Lake) -> None:
    plan = planned(lake, "2019-01", "2019-04")
    assert [table.as_dict()["missing"] for table in plan.tables] == [1, 4, 4]
    assert [str(first) for first, _ in plan.runs] == ["2019-01", "2019-02", "2019-03", "2019-04"]
    ran(lake, TAXI[1], "2019-01", "2019-02")
    ran(lake, TAXI[2], "2019-01")
    plan = planned(lake, "2019-01", "2019-03")
    assert [str(first) for first, _ in plan.runs] == ["2019-02", "2019-03"], "February lacks silver"
    assert plan.to_run == 2
    assert planned(lake, "2019-01", "2019-03", again=True).to_run == 3


def test_what_is_under_way_is_left_alone_and_what_failed_is_run(lake: Lake) -> None:
    for table in TAXI[1:]:
        ran(lake, table, "2019-01", "2019-02", "2019-03")
    later = datetime(2126, 1, 1, tzinfo=UTC)
    busy = Activity(TAXI[1], "2019-01", "running", later, "taxi r bronze_yellow_trips.fetch: running")
    bad = Activity(TAXI[2], "2019-03", "failed", later, "taxi r silver_trips.write: failed")
    plan = planned(lake, "2019-01", "2019-03", busy, bad)
    assert [str(period) for period in plan.under_way] == ["2019-01"]
    assert [str(first) for first, _ in plan.runs] == ["2019-03"]
    waiting = planned(lake, "2019-01", "2019-03", bad, under_way=days("2019-03"))
    assert ([str(period) for period in waiting.under_way], waiting.runs) == (["2019-03"], ())


def test_a_run_over_a_month_covers_the_days_of_a_daily_dag(lake: Lake) -> None:
    tables = TAXI[2:]
    ran(lake, TAXI[2], "2019-01", "2019-02-01")
    daily = dag("day", tables)
    plan = make_plan(lake, daily, daily.periods("2019-01", "2019-02-02"), Doings(), "month")
    assert [str(first) for first, _ in plan.runs] == ["2019-02-02"]
    busy = Doings(under_way={Period.parse("2019-02")})  # as a run of Airflow's own backfill is
    assert make_plan(lake, daily, daily.periods("2019-01", "2019-02-02"), busy, "month").runs == ()


@pytest.mark.parametrize("own", ["month", "day"])
def test_days_that_were_not_over_when_their_run_was_recorded_are_to_be_run(lake: Lake, own: str) -> None:
    """They counted as done, so a backfill left them out for ever."""
    today = Period.containing(datetime.now(UTC), "day")
    ran(lake, TAXI[2], str(Period.containing(today.start, own)))
    daily = dag("day", TAXI[2:])
    plan = make_plan(lake, daily, [today], Doings(), "month")
    assert plan.runs == ((today, today),)


def test_a_month_of_days_is_done_once_every_one_was_run(lake: Lake) -> None:
    days_of = [str(day) for day in Period.parse("2019-02").split("day")]
    ran(lake, TAXI[1], "2019-02")
    ran(lake, TAXI[2], *days_of[:-1])
    assert planned(lake, "2019-02", "2019-02").to_run == 1
    ran(lake, TAXI[2], days_of[-1])
    assert planned(lake, "2019-02", "2019-02").to_run == 0


def test_a_failed_day_that_its_months_run_made_good_is_not_run_again(lake: Lake) -> None:
    """Only a record of the very day counted as making it good."""
    ran(lake, TAXI[2], "2019-02")
    before = datetime.now(UTC) - timedelta(hours=1)
    bad = Activity(TAXI[2], "2019-02-03", "failed", before, "taxi r silver_trips.write: failed")
    daily = dag("day", TAXI[2:])
    assert make_plan(lake, daily, daily.periods("2019-02", "2019-02"), Doings([bad]), "month").runs == ()


@pytest.mark.parametrize(
    ("table", "periods", "now"),
    [
        ("bronze.market.equity_daily_bars", ["2013-02-01"], {"alpha_vantage": "2013-03-01T22:00:00Z"}),
        ("bronze.market.crypto_bars", ["2013-03-01", "2013-03-02"], {"coingecko": "2013-03-03T06:00:00Z"}),
        ("bronze.transport.yellow_trips", ["2019-01", "2019-02"], {}),
    ],
)
def test_what_is_counted_is_what_the_vendor_is_asked(
    lake: Lake,
    replay_url: str,
    monkeypatch: pytest.MonkeyPatch,
    run_at: Callable[..., Run],
    table: str,
    periods: list[str],
    now: dict[str, str],
) -> None:
    """Against the replay server's own log."""
    contract = load_contract(table)
    vendor = str(contract.source).partition(".")[0]
    for source, moment in now.items():
        post(f"{replay_url}/_control/clock", {"source": source, "now": moment})
    host = f"{replay_url}/api/v3" if vendor == "coingecko" else replay_url
    monkeypatch.setenv(f"AIRFLOW_CONN_{vendor.upper()}", json.dumps({"host": host, "password": "key"}))
    (need,) = needs(lake, [(contract, days(*periods))])
    urllib.request.urlopen(
        urllib.request.Request(f"{replay_url}/_control/requests", method="DELETE"), timeout=5
    ).close()
    source = open_source(vendor, access=SourceConnection(host, "key"))
    for period in periods:
        land(lake, contract, Period.parse(period), run_at(1), source)
    with urllib.request.urlopen(f"{replay_url}/_control/requests", timeout=5) as answer:
        asked = set(map(str, json.load(answer)))  # a request that came too fast is sent again
    assert (need.requests, need.at_least, need.known) == (len(asked), False, True)


def post(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=5).close()


def test_pages_are_known_of_a_period_that_was_fetched_before(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, run_at: Callable[..., Run]
) -> None:
    """The first page does not say how many follow, so the estimate was too low by the others."""
    day = Period.parse("2017-01-02")
    orders = load_contract("bronze.commerce.orders")
    orders = orders.model_copy(update={"source_options": {**orders.source_options, "page_size": 2}})
    with start_replay(small_shop) as url:
        post(f"{url}/_control/clock", {"source": "shopify", "now": "2017-01-03T00:10:00Z"})
        access = {"host": url, "password": TOKEN, "extra": {"read_all_orders": True}}
        monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY", json.dumps(access))
        (before,) = needs(lake, [(orders, [day])])
        source = open_source("shopify", access=SourceConnection(url, TOKEN, {"read_all_orders": True}))
        land(lake, orders, day, run_at(1), source)
        with urllib.request.urlopen(f"{url}/_control/requests", timeout=5) as answer:
            sent = len(json.load(answer))
        (after,) = needs(lake, [(orders, [day])])
    assert (before.requests, before.at_least) == (1, True)
    assert sent > 2
    assert (after.requests, after.at_least) == (sent, False)


def test_a_vendor_whose_connection_is_not_known_here_is_reported(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SHOPIFY", raising=False)
    (need,) = needs(lake, [(load_contract("bronze.commerce.orders"), days("2017-01-01"))])
    assert (need.known, need.as_dict()["requests"]) == (False, "?")


@pytest.mark.parametrize(
    ("requests", "spent", "per_day", "expected"),
    [(0, 0, 25, 0), (25, 0, 25, 1), (26, 0, 25, 2), (30, 25, 25, 3), (3, 40, 25, 2), (500, 0, None, 1)],
)
def test_days_go_by_what_is_left_today(requests: int, spent: int, per_day: int | None, expected: int) -> None:
    assert Need("v", requests, False, spent, per_day, None).days == expected


def test_what_has_expired_is_planned_by_no_backfill(tmp_path: Path) -> None:
    """A plan over old months would have published again what was deleted on purpose, `--again` or not."""
    bronze = load_contract(TAXI[1])
    months = days("2019-01", "2019-02", "2019-03")
    with many(tmp_path) as found:
        for month in months[:2]:
            partition = Partition.of_period(month)
            found.publish(bronze, [entry(bronze, partition, period=str(month), inputs="none")])
            found.lake.store.put(run_key(bronze.table, month, "manual-1.1"), b"{}")
        gone = {"kind": "expired", "objects": (), "based_on": 1}
        found.publish(bronze, [entry(bronze, Partition.of_period(months[0]), 2, period="2019-01", **gone)])
        own = dag(tables=(bronze.name,))
        plan = make_plan(found.lake, own, months, Doings(), "all")
        assert plan.tables[0].as_dict() == {
            "table": bronze.name, "expired": 1, "excluded": 0, "done": 1, "outdated": 0, "stale": 0, "missing": 1, "failed": 0, "running": 0,
        }  # fmt: skip
        assert plan.runs == ((months[2], months[2]),)
        assert make_plan(found.lake, own, months, Doings(), "all", again=True).runs == ((months[1], months[2]),)

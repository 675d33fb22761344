"""`lakeworks plan`: the project's code against the code that published each partition."""

import json
from collections.abc import Callable, Iterator

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.code_record import CodeRecord
from lakeworks.transform.sql import load_sql
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.support.airflow_acts import ActsServer, serving_acts
from tests.support.many_partitions import entry

__all__ = ["command"]
HOURS = "gold.transport.hourly_demand"


@pytest.fixture
def environment(lake: Lake, moto_url: str) -> dict[str, str]:
    """A lake with one day that an older SQL published."""
    contract, day = load_contract(HOURS), Partition.of_period(Period.parse("2019-02-05"))
    sql = (load_sql(contract) or "").replace("COUNT(*)", "2 * COUNT(*)")
    record = CodeRecord(table=HOURS, fingerprint="1.1", sql=sql, contract=contract.model_dump(mode="json"))
    record.save(lake.store)
    published = entry(contract, day, period="2019-02-05", code="1.1")
    lake.store.put(published.key, published.model_dump_json().encode())
    return settings_for(lake, moto_url)


def test_the_plan_names_column_partition_and_cost(command: Callable[..., Done], environment: dict[str, str]) -> None:
    printed = command("plan", **environment)
    assert printed.returncode == 0, printed.stderr
    assert "SQL: computed otherwise" in printed.stdout
    assert "its own code" in printed.stdout
    (table,) = json.loads(command("plan", "--json", **environment).stdout)["tables"]
    assert table["changes"] == [{"kind": "values", "column": "trip_count", "what": "SQL: computed otherwise"}]
    assert (table["periods"], table["kept"], table["seconds"]) == (["2019-02-05"], 0, None)


def test_a_table_of_another_name_is_one_message(command: Callable[..., Done], environment: dict[str, str]) -> None:
    done = command("plan", "gold.transport.hourly_demanb", **environment)
    assert (done.returncode, "Did you mean `gold.transport.hourly_demand`?" in done.stderr) == (1, True)


def test_other_tables_have_nothing_to_build(command: Callable[..., Done], environment: dict[str, str]) -> None:
    done = command("plan", "gold.transport.zone_daily_summary", **environment)
    assert (done.returncode, "there is nothing to build again." in done.stdout) == (0, True)


@pytest.fixture
def airflow() -> Iterator[ActsServer]:
    with serving_acts({"taxi": (HOURS,)}) as found:
        yield found


def test_a_plan_is_applied_shown_and_listed(
    command: Callable[..., Done], environment: dict[str, str], airflow: ActsServer
) -> None:
    reach = environment | {"LAKE_AIRFLOW_URL": airflow.url}
    shown = json.loads(command("plan", "--json", **environment).stdout)["plan"]
    assert f"lakeworks plan --apply --expect {shown}" in command("plan", **environment).stdout
    done = command("plan", "--apply", "--expect", shown, "--json", **reach)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["plan"], answer["state"], answer["failures"]) == (1, "started", [])
    ((stage),) = answer["stages"]
    assert (stage["dag"], stage["tables"], stage["runs"], stage["periods"]) == ("taxi", [HOURS], 1, 1)
    (run,) = airflow.began
    assert (run["partition_key"], run["conf"]) == ("2019-02-05", {"landed": True})
    again = command("plan", "--apply", **reach)
    assert "nothing to start. 1 days are running already; they do not start twice" in again.stdout
    (first, second) = json.loads(command("plan", "list", "--json", **environment).stdout)
    assert [item["plan"] for item in (first, second)] == ["1", "2"]
    kept = json.loads(command("plan", "show", "1", "--json", **environment).stdout)
    assert (kept["fingerprint"], kept["stages"][0]["backfill"]) == (shown, stage["backfill"])
    assert {row["measure"]: row["estimate"] for row in kept["tables"]}["rows"] == 10
    assert "Estimate and actual" in command("plan", "show", **environment).stdout
    assert "There is no applied plan `9`" in command("plan", "show", "9", **environment).stderr


@pytest.mark.parametrize(
    ("arguments", "reached", "says"),
    [
        (["--apply"], False, "LAKE_AIRFLOW_URL is not set"),
        (["--apply", "--since", "main"], True, "Leave out --since to apply"),
        (["--apply", "--expect", "000000000000"], True, "The plan changed since it was shown"),
        (["--expect", "000000000000"], True, "Add --apply, or leave it out"),
        (["--exclude", f"{HOURS}:2019-02"], True, "An excluded range needs a reason"),
        (["--exclude", HOURS, "--reason", "x"], True, "names no range"),
        (["--exclude", f"{HOURS}:Monday", "--reason", "x"], True, "is not a partition key"),
    ],
)
def test_what_cannot_be_applied_is_one_message_and_starts_nothing(
    command: Callable[..., Done],
    environment: dict[str, str],
    airflow: ActsServer,
    arguments: list[str],
    reached: bool,
    says: str,
) -> None:
    reach = environment | ({"LAKE_AIRFLOW_URL": airflow.url} if reached else {})
    done = command("plan", *arguments, **reach)
    assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (1, True, False), done.stderr
    assert airflow.began == []
    assert json.loads(command("plan", "list", "--json", **environment).stdout) == []
    assert json.loads(command("plan", "exclusions", "--json", **environment).stdout) == []


def test_a_range_is_excluded_with_its_reason_and_lifted(
    command: Callable[..., Done], environment: dict[str, str], airflow: ActsServer
) -> None:
    words = ("--exclude", f"{HOURS}:2019-01..2019-03", "--reason", "closed books")
    done = command("plan", *words, **environment)
    assert (done.returncode, "Excluded: not built again" in done.stdout) == (0, True), done.stderr
    assert "closed books (excluded by" in done.stdout
    (table,) = json.loads(command("plan", "--json", **environment).stdout)["tables"]
    assert (table["partitions"], list(table["excluded"])) == ([], ["year=2019/month=02/day=05"])
    apply = command("plan", "--apply", **environment, LAKE_AIRFLOW_URL=airflow.url)
    assert (apply.returncode, airflow.began) == (0, [])
    (matrix,) = json.loads(command("status", HOURS, "--json", **environment).stdout)
    assert matrix["counts"] == {"excluded": 1}
    (kept,) = json.loads(command("plan", "exclusions", "--json", **environment).stdout)
    assert (kept["range"], kept["reason"]) == ("2019-01..2019-03", "closed books")
    assert "is excluded already" in command("plan", *words, **environment).stderr
    lifted = command("plan", "lift", f"{HOURS}:2019-01..2019-03", **environment)
    assert "lifted: " in lifted.stdout
    assert "is not excluded" in command("plan", "lift", f"{HOURS}:2019-01..2019-03", **environment).stderr
    (table,) = json.loads(command("plan", "--json", **environment).stdout)["tables"]
    assert table["partitions"] == ["year=2019/month=02/day=05"]


def test_a_table_that_nobody_published_has_nothing_to_build_again(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    done = command("plan", "silver.market.daily_bars", **environment)
    assert (done.returncode, "Nothing of `silver.market.daily_bars` is published" in done.stdout) == (0, True), (
        done.stderr
    )
    assert json.loads(command("plan", "silver.market.daily_bars", "--json", **environment).stdout)["unpublished"] == [
        "silver.market.daily_bars"
    ]

"""Acts of the lake page: who may, what the plan says, what Airflow gets, and which requests are no person's own."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lakeworks.airflow_api import Airflow
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from lakeworks.settings import current_settings
from lakeworks_airflow.lake_page.acts.form import checked, signed
from lakeworks_airflow.lake_page.person import ActRefused, Person
from tests.lakeworks_airflow.lake_page.conftest import Shown, opened
from tests.support.airflow_acts import ActsServer, serving_acts

ORDERS = "silver.sales.orders"
DAY = f"/lake/tables/{ORDERS}/partition?path=2026-01-05"
WITHDRAW = f"/lake/tables/{ORDERS}/plan?act=withdraw&path=2026-01-05"
REPLAY = f"/lake/tables/{ORDERS}/plan?act=replay&period=2026-01-05"
BUILD = f"/lake/tables/{ORDERS}/plan?act=build&from=2026-01-05"
ACT = f"/lake/tables/{ORDERS}/act"


def person(name: str = "olga", session: str = "session of olga", may: Callable[[str], bool] = lambda _: True) -> Person:
    return Person(name, session, f"token of {name}", "the server's secret", may)


@pytest.fixture(scope="module")
def airflow() -> Iterator[ActsServer]:
    with serving_acts({"orders": (ORDERS, "bronze.sales.orders")}) as found:
        yield found


@pytest.fixture
def client(orders: Shown, airflow: ActsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TestClient]]:
    """The page as one person sees it."""
    monkeypatch.setenv("LAKE_AIRFLOW_URL", f"http://admin:secret@{airflow.host}")
    airflow.forget()
    current_settings.cache_clear()

    def of(who: Person | None = None) -> TestClient:
        return opened(orders.lake, lambda: who or person(), reach=lambda p: Airflow.as_person(airflow.url, p.token))

    yield of
    current_settings.cache_clear()


def form(page: str) -> dict[str, str]:
    """The hidden fields of a plan's form."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def test_a_viewer_sees_no_button_and_gets_no_plan(client: Callable[..., TestClient], airflow: ActsServer) -> None:
    viewer = client(person("vera", "session of vera", may=lambda _: False))
    for path in (DAY, f"/lake/tables/{ORDERS}"):
        page = viewer.get(path)
        assert page.status_code == 200, page.text
        assert "/plan?" not in page.text
        assert "<form" not in page.text
    for path in (WITHDRAW, REPLAY, BUILD):
        refused = viewer.get(path)
        assert (refused.status_code, "may not start runs of" in refused.text) == (403, True)
    fields = form(client().get(WITHDRAW).text)
    assert viewer.post(ACT, data=fields).status_code == 403
    assert airflow.began == []


def test_an_operator_sees_the_buttons(client: Callable[..., TestClient]) -> None:
    page = client().get(DAY).text
    assert {"replay", "withdraw", "build"} == set(re.findall(r"/plan\?act=(\w+)", page))
    table = client().get(f"/lake/tables/{ORDERS}").text
    assert 'value="backfill">Plan a backfill' in table


def test_a_withdrawal_shows_its_plan_and_becomes_one_run_of_the_person(
    client: Callable[..., TestClient], airflow: ActsServer
) -> None:
    operator = client()
    plan = operator.get(WITHDRAW)
    assert "publication 1, 1 rows" in plan.text
    assert "Nothing has been changed yet" in plan.text
    assert airflow.began == []
    sent = operator.post(ACT, data=form(plan.text), headers={"Origin": "http://lake.test"}, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    (run,) = airflow.began
    assert (run["dag_id"], run["token"]) == ("lake_withdraw", "Bearer token of olga")
    assert run["conf"] == {"table": ORDERS, "partition": "year=2026/month=01/day=05", "seen": 1}
    assert "by olga" in run["note"]
    shown = operator.get(sent.headers["Location"]).text
    assert run["dag_run_id"] in shown
    assert operator.post(ACT, data=form(plan.text), follow_redirects=False).status_code == 303
    assert len(airflow.began) == 1, "a button that was pressed twice starts one run"


def test_a_replay_says_how_many_rows_broke_which_rule(client: Callable[..., TestClient], airflow: ActsServer) -> None:
    operator = client()
    plan = operator.get(REPLAY).text
    assert "1 rows" in plan
    assert "(1)" in plan
    assert operator.post(ACT, data=form(plan), follow_redirects=False).status_code == 303
    assert airflow.began[0]["conf"] == {"table": ORDERS, "period": "2026-01-05", "downstream": False}


def test_a_build_plans_the_period_of_the_dag_and_starts_it_as_a_backfill(
    client: Callable[..., TestClient], airflow: ActsServer
) -> None:
    operator = client()
    plan = operator.get(BUILD)
    assert plan.status_code == 200, plan.text
    assert "1 of 1 days" in plan.text
    assert operator.post(ACT, data=form(plan.text), follow_redirects=False).status_code == 303
    (run,) = airflow.began
    assert (run["dag_id"], run["partition_key"]) == ("orders", "2026-01-05")
    assert run["dag_run_id"].startswith("lakeworks_backfill__2026-01-05_2026-01-05_")
    again = operator.post(ACT, data=form(plan.text), follow_redirects=False)
    assert (again.status_code, len(airflow.began)) == (303, 1)


def test_a_backfill_plans_only_what_is_lacking(client: Callable[..., TestClient], airflow: ActsServer) -> None:
    plan = client().get(f"/lake/tables/{ORDERS}/plan?act=backfill&from=2026-01-05&to=2026-01-07")
    assert "1 of 3 days" in plan.text.replace("1 of <a", "1 of <a"), plan.text
    done = client().get(f"/lake/tables/{ORDERS}/plan?act=backfill&from=2026-01-05&to=2026-01-05")
    assert "There is nothing to run" in done.text
    assert form(done.text) == {}


def test_a_paused_dag_is_unpaused_only_if_the_person_says_so(
    client: Callable[..., TestClient], airflow: ActsServer
) -> None:
    operator, airflow.paused = client(), True
    plan = operator.get(BUILD).text
    assert "The DAG orders is paused" in plan
    operator.post(ACT, data={**form(plan), "unpause": "yes"}, follow_redirects=False)
    assert airflow.unpaused == ["orders"]
    assert len(airflow.began) == 1


@pytest.mark.parametrize(
    ("change", "headers"),
    [
        ({"path": "year=2026/month=01/day=07"}, {}),
        ({"act": "rollback"}, {}),
        ({"table": "bronze.sales.orders"}, {}),
        ({"signature": "0" * 64}, {}),
        ({"at": "2026-01-01T00:00:00+00:00"}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Sec-Fetch-Site": "cross-site", "Origin": "http://lake.test"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
        ({}, {"Content-Type": "text/plain"}),
    ],
)
def test_a_request_that_the_persons_own_form_did_not_send_starts_nothing(
    client: Callable[..., TestClient], airflow: ActsServer, change: dict[str, str], headers: dict[str, str]
) -> None:
    operator = client()
    fields = form(operator.get(WITHDRAW).text)
    refused = operator.post(ACT, data={**fields, **change}, headers=headers, follow_redirects=False)
    assert refused.status_code == 403, refused.text
    assert "Nothing was changed" in refused.text
    assert airflow.began == []


def test_a_form_of_another_session_or_table_starts_nothing(
    client: Callable[..., TestClient], airflow: ActsServer
) -> None:
    own = form(client().get(WITHDRAW).text)
    assert client().post("/lake/tables/bronze.sales.orders/act", data=own).status_code == 403
    fields = form(client(person("mallory", "session of mallory")).get(WITHDRAW).text)
    assert client().post(ACT, data=fields).status_code == 403
    other = form(client(person(session="an earlier session")).get(WITHDRAW).text)
    assert client().post(ACT, data=other).status_code == 403
    assert airflow.began == []


def test_a_form_holds_for_an_hour(client: Callable[..., TestClient]) -> None:
    now = datetime.now(UTC)
    fields = signed(person(), {"act": "withdraw"}, now)
    assert checked(person(), fields, now + timedelta(minutes=59))["act"] == "withdraw"
    with pytest.raises(ActRefused, match="older than an hour"):
        checked(person(), fields, now + timedelta(minutes=62))
    with pytest.raises(ActRefused):
        checked(replace(person(), secret="another server's"), fields, now)


def test_a_plan_of_a_changed_partition_is_not_carried_out(
    client: Callable[..., TestClient], airflow: ActsServer, orders: Shown
) -> None:
    operator, contract = client(), load_contract(ORDERS)
    path = f"/lake/tables/{ORDERS}/plan?act=withdraw&path=2026-01-07"
    fields = form(operator.get(path).text)
    partition = contract.parse_partition("2026-01-07")
    live = orders.lake.ledger.live(contract.table, partition)
    assert live is not None
    withdraw(orders.lake, contract, partition)
    rollback(orders.lake, contract, partition, live.seq)
    refused = operator.post(ACT, data=fields)
    assert (refused.status_code, airflow.began) == (409, [])
    assert "Open the plan again" in refused.text


def test_what_airflow_refuses_is_refused(client: Callable[..., TestClient], airflow: ActsServer) -> None:
    operator = client()
    fields = form(operator.get(WITHDRAW).text)
    airflow.refuses = True
    refused = operator.post(ACT, data=fields)
    assert (refused.status_code, airflow.began) == (403, [])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/lake/tables/{ORDERS}/plan?act=explode", 404),
        (f"/lake/tables/{ORDERS}/plan?act=build&from=July", 404),
        (f"/lake/tables/{ORDERS}/plan?act=backfill&from=2026-01-05&to=9998-12-31", 404),
        (f"/lake/tables/{ORDERS}/plan?act=rollback&path=2026-01-05&to=x", 400),
        (f"/lake/tables/{ORDERS}/plan?act=build&from=2026-01-05&dag=%3Cscript%3E", 404),
        (f"/lake/tables/{ORDERS}/plan?act=replay&period=2026-01-07", 404),
        ("/lake/tables/silver.sales.nothing/plan?act=withdraw&path=all", 404),
        ("/lake/started?dag_id=x&run_id=%3Cscript%3E", 404),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(client: Callable[..., TestClient], path: str, status: int) -> None:
    answer = client().get(path)
    assert answer.status_code == status, answer.text
    assert "<script" not in answer.text


def test_a_publication_says_how_long_it_took_and_who_started_its_run(
    client: Callable[..., TestClient], airflow: ActsServer
) -> None:
    started = {"partition_key": None, "conf": {}, "state": "success", "run_type": "manual"}
    others = {"dag_id": "elsewhere", "dag_run_id": "manual__0", "triggering_user_name": "mallory", **started}
    airflow.began = [others, {**others, "dag_id": "orders", "triggering_user_name": "pia"}]
    page = client().get(DAY).text
    assert 'data-label="by">pia</td>' in page
    assert 'href="/dags/orders/runs/manual__0" target="_top"' in page
    assert re.search(r'data-label="took">\d+ (s|min \d+ s)</td>', page)
    airflow.began = []
    assert 'data-label="by"></td>' in client().get(DAY).text


def test_advice_from_access_logs_is_for_who_may_run_the_dag_that_reads_them(
    client: Callable[..., TestClient], orders: Shown
) -> None:
    store, at = orders.lake.store, f"{datetime.now(UTC):%d/%b/%Y:%H:%M:%S +0000}"
    key = next(item.key for item in store.scan("silver/sales/orders/"))
    read = f'o b [{at}] 1.2.3.4 r id REST.GET.OBJECT {key} "GET /{key} HTTP/1.1" 200 - 9 9 1 1 "-" "a" - h SigV4 - AuthHeader e T\n'
    store.put("logs/one", read.encode())
    where = f"/lake/money?logs=s3://{store.bucket}/logs/"
    advised = client().get(where).text
    assert "the suggested classes would cost" in advised
    assert f'<td data-label="table">{ORDERS}</td>' in advised
    assert "is not an address like s3://bucket/prefix/" in client().get("/lake/money?logs=logs").text
    viewer = client(person("vera", may=lambda _: False))
    assert 'name="logs"' not in viewer.get("/lake/money").text
    assert viewer.get(where).status_code == 403
    store.delete(["logs/one"])


def test_backfills_show_progress_rate_and_what_failed(client: Callable[..., TestClient], airflow: ActsServer) -> None:
    operator = client()
    operator.post(ACT, data=form(operator.get(BUILD).text), follow_redirects=False)
    (run,) = airflow.began
    began = datetime.now(UTC) - timedelta(minutes=10)
    over = {**run, "dag_run_id": run["dag_run_id"].replace("2026-01-05_2026-01-05", "2026-01-07_2026-01-07"), "partition_key": "2026-01-07"}  # fmt: skip
    done = {"state": "success", "start_date": began.isoformat(), "end_date": datetime.now(UTC).isoformat()}
    airflow.began.append({**over, **done})
    page = operator.get("/lake/backfills").text
    assert 'max="1" value="0.0"' in page
    assert "0 done, 0 running, 1 waiting, 0 failed" in page
    assert "1 done, 0 running, 0 waiting, 0 failed" in page.partition("Over")[2]
    assert airflow.tokens == {"Bearer token of olga"}, "the person's own session, whatever the server may see"


def test_a_rollback_shows_which_rows_change_without_personal_values(
    client: Callable[..., TestClient], airflow: ActsServer, orders: Shown
) -> None:
    """Kept last: it publishes the day again."""
    publish_again(orders)
    operator = client()
    page = operator.get(DAY).text
    assert "Roll back to 1…" in page
    compared = operator.get(f"/lake/tables/{ORDERS}/difference?path=2026-01-05&before=1&after=2").text
    assert "1 rows become 1" in compared
    assert "elsewhere" in compared
    assert "c@d.e" not in compared
    assert "(withheld)" in compared
    nothing = operator.get(f"/lake/tables/{ORDERS}/difference?path=2026-01-05&before=1&after=7")
    assert (nothing.status_code, "Published with rows: 1, 2" in nothing.text) == (404, True)
    plan = operator.get(f"/lake/tables/{ORDERS}/plan?act=rollback&path=2026-01-05&to=1").text
    assert "What changes for readers" in plan
    assert "1 changed" in plan
    assert "@" not in plan.replace("silver", ""), "an address of a person"
    operator.post(ACT, data=form(plan), follow_redirects=False)
    conf: Any = airflow.began[0]["conf"]
    assert (conf["to"], conf["seen"]) == (1, 2)


def publish_again(orders: Shown) -> None:
    """Publish the day with another value, from a corrected file."""
    from lakeworks.core.file_selection import select
    from lakeworks.loading.period_load import check_files, load_files

    file = orders.lake.scratch / "2026-01-05.csv"
    file.write_text("id,shop,email\n1,elsewhere,c@d.e\n")
    bronze = load_contract("bronze.sales.orders")
    load_files(orders.lake, bronze, Period.parse("2026-01-05"), check_files(bronze, select([file])))
    rebuild(orders.lake, ORDERS, Period.parse("2026-01-05"), Run(id="manual__9", started_at=datetime.now(UTC)))

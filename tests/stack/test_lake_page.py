"""The lake page of the running Airflow: a viewer's login reads it, nobody else does, and it shows what the command line shows."""

import json
import re
import time
from pathlib import Path

import pytest
import requests

from tests.stack.product import Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
TRIPS, MONTH = "silver.transport.trips", "2019-01"
PLAN = f"/lake/tables/{TRIPS}/plan?act=withdraw&path={MONTH}-05"
ACT = f"/lake/tables/{TRIPS}/act"


def page(product: Product, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{product.api.url}{path}", headers=headers, timeout=60)


def shown(product: Product, path: str) -> str:
    """A page with the login's token, once its first reading is complete."""
    headers = {"Authorization": str(product.api.session.headers["Authorization"])}
    deadline = time.monotonic() + 120
    while True:
        answer = page(product, path, **headers)
        assert answer.status_code == 200, answer.text
        if "Refresh" not in answer.headers:
            return answer.text
        assert time.monotonic() < deadline, answer.text
        time.sleep(1)


def test_without_a_login_there_is_nothing_to_see(product: Product) -> None:
    for path in (
        "/lake/",
        "/lake/tables/silver.transport.trips",
        "/lake/tables/silver.transport.trips/partition?path=2019-01-05",
    ):
        assert page(product, path).status_code == 401
        assert page(product, path, Cookie="_token=made-up").status_code in (401, 403)


def test_the_navigation_has_an_entry_for_it(product: Product) -> None:
    (view,) = (
        view
        for plugin in product.api.call("GET", "plugins")["plugins"]
        for view in plugin["external_views"]
        if view["name"] == "Lake"
    )
    assert (view["href"], view["url_route"], view["destination"]) == ("/lake/", "lake", "nav")


def test_a_published_month_is_shown_as_the_command_line_shows_it(product: Product) -> None:
    run_id, state = product.run("taxi", partition_key=MONTH)
    assert state == "success", product.api.failure("taxi", run_id)

    overview = shown(product, "/lake/")
    assert "Running and failed runs are not shown" not in overview, "the api-server knows LAKE_AIRFLOW_URL"
    (matrix,) = product.lakeworks("status", TRIPS)
    table = shown(product, f"/lake/tables/{TRIPS}?year={MONTH[:4]}")
    for state, count in matrix["counts"].items():
        assert f"{count:,} {state}" in table
    day = f"{MONTH}-05"
    assert f'aria-label="{day}: published' in table

    history = product.lakeworks("ledger", TRIPS, day)
    partition = shown(product, f"/lake/tables/{TRIPS}/partition?path={day}")
    assert f"{history[-1]['rows']:,} rows" in partition
    assert history[-1]["run"] in partition
    audits = re.findall(r'href="(/lake/tables/[^"]+/audit[^"]+)"', partition)
    assert audits, "one for each publication; the tests before this one published the day, too"
    assert "Audit passed" in shown(product, audits[0].replace("&amp;", "&"))


def test_the_session_of_the_web_interface_opens_it(product: Product) -> None:
    token = str(product.api.session.headers["Authorization"]).removeprefix("Bearer ")
    assert page(product, "/lake/", Cookie=f"_token={token}").status_code == 200


def session_of(product: Product, name: str, password: str) -> requests.Session:
    """A browser's session: the cookie and nothing else."""
    body = {"username": name, "password": password}
    token = requests.post(f"{product.api.url}/auth/token", json=body, timeout=60).json()["access_token"]
    found = requests.Session()
    found.cookies.set("_token", token)
    return found


@pytest.fixture
def operator(product: Product) -> requests.Session:
    return session_of(product, *product.api.login)


@pytest.fixture
def viewer(product: Product) -> requests.Session:
    """A login of the role viewer; Airflow made its password as it started."""
    kept = Path(product.stack.environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    return session_of(product, "vera", json.loads(kept.read_text())["vera"])


def form(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def test_a_viewer_reads_and_cannot_act(product: Product, viewer: requests.Session, operator: requests.Session) -> None:
    url = product.api.url
    for path in (f"/lake/tables/{TRIPS}", f"/lake/tables/{TRIPS}/partition?path={MONTH}-05"):
        shown_to = {who: who.get(url + path, timeout=60) for who in (viewer, operator)}
        assert {answer.status_code for answer in shown_to.values()} == {200}
        assert "/plan" not in shown_to[viewer].text
        assert "/plan" in shown_to[operator].text
    assert viewer.get(url + PLAN, timeout=60).status_code == 403
    fields = form(operator.get(url + PLAN, timeout=60).text)
    before = len(product.api.runs("lake_withdraw"))
    assert viewer.post(url + ACT, data=fields, timeout=60).status_code == 403
    assert requests.post(url + ACT, data=fields, timeout=60).status_code == 401
    forged = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert operator.post(url + ACT, data=fields, headers=forged, timeout=60).status_code == 403
    assert operator.post(url + ACT, data={**fields, "path": "all"}, timeout=60).status_code == 403
    assert len(product.api.runs("lake_withdraw")) == before


def test_the_pages_about_the_whole_lake_are_there_for_a_viewer(product: Product, viewer: requests.Session) -> None:
    token = {"Authorization": f"Bearer {viewer.cookies['_token']}"}
    for path, says in (("sources", "nyc_tlc"), ("money", "a month at the present rate"), ("backfills", "Backfills")):
        deadline = time.monotonic() + 60
        while "Refresh" in (answer := page(product, f"/lake/{path}", **token)).headers:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert (answer.status_code, says in answer.text) == (200, True), answer.text


def test_an_operator_withdraws_a_day_and_rolls_it_back_as_runs_of_their_own(
    product: Product, operator: requests.Session
) -> None:
    url, day = product.api.url, f"{MONTH}-05"
    rows = product.lakeworks("ledger", TRIPS, day)[-1]["rows"]
    for act, dag_id, live in (("withdraw", "lake_withdraw", 0), ("rollback", "lake_rollback", rows)):
        plan = operator.get(f"{url}/lake/tables/{TRIPS}/plan?act={act}&path={day}", timeout=60)
        assert plan.status_code == 200, plan.text
        sent = operator.post(url + ACT, data=form(plan.text), headers={"Origin": url}, timeout=60)
        assert sent.status_code == 200, sent.text
        run = product.api.runs(dag_id)[0]
        assert run["triggering_user_name"] == product.api.login[0]
        assert run["dag_run_id"] in sent.text
        assert product.wait(dag_id, run["dag_run_id"]) == "success", product.api.failure(dag_id, run["dag_run_id"])
        newest = product.lakeworks("ledger", TRIPS, day)[-1]
        assert (newest["rows"], newest["run"]) == (live, run["dag_run_id"])
    plan = operator.get(f"{url}/lake/tables/{TRIPS}/plan?act=build&from={day}", timeout=60)
    assert "of 1 months" in plan.text, plan.text
    assert "reference.transport.zones" in plan.text

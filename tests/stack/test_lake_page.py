"""The lake page of the running Airflow: a viewer's login reads it, nobody else does, and it shows what the command line shows."""

import re
import time

import pytest
import requests

from tests.stack.product import Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
TRIPS, MONTH = "silver.transport.trips", "2019-01"


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

"""The lake page in a real browser: it fits, it is reached by keys, it loads nothing else, and no hostile value runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from lakeworks.airflow_api import Airflow
from lakeworks.settings import current_settings
from lakeworks_airflow.lake_page.person import Person
from lakeworks_local.stack.process import free_port
from tests.lakeworks_airflow.lake_page.conftest import Shown, opened
from tests.lakeworks_airflow.lake_page.test_pages import ORDERS, PATHS
from tests.support.airflow_acts import ActsServer, serving_acts
from tests.support.chromium import ABSENT, Browser, browsing, executable

pytestmark = pytest.mark.skipif(executable() is None, reason=ABSENT)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An application over HTTP."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def address(orders: Shown) -> Iterator[str]:
    """The pages over HTTP."""
    with served(orders.client.app) as found:
        yield found


@pytest.fixture
def acting(orders: Shown, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ActsServer]]:
    """The pages as an operator sees them, and the Airflow that they act through."""
    with serving_acts({"orders": (ORDERS,)}) as airflow:
        monkeypatch.setenv("LAKE_AIRFLOW_URL", airflow.url)
        current_settings.cache_clear()
        reach = lambda who: Airflow.as_person(airflow.url, who.token)  # noqa: E731
        operator = Person("olga", "session", "token", "secret", lambda _: True)
        with served(opened(orders.lake, lambda: operator, reach=reach).app) as found:
            yield found, airflow
    monkeypatch.undo()
    current_settings.cache_clear()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing(str(executable())) as found:
        yield found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_page_fits_its_window_and_loads_and_runs_nothing_foreign(
    address: str, browser: Browser, path: str, width: int, scheme: str, tmp_path: Path
) -> None:
    browser.open(address + path, width, scheme=scheme)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    dark = browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert dark == (scheme == "dark"), "the style sheet is in force"
    asked = {event["request"]["url"] for event in browser.seen("Network.requestWillBeSent")}
    assert all(url.startswith(f"{address}/lake/") for url in asked), asked
    assert browser.seen("Page.javascriptDialogOpening") == []
    assert [entry for entry in browser.seen("Log.entryAdded") if entry["entry"]["level"] == "error"] == []
    assert browser.evaluate("document.querySelectorAll('script, img, iframe').length") == 0
    assert browser.picture(tmp_path / "page.png").stat().st_size > 10_000


def test_the_page_is_walked_through_by_keys(address: str, browser: Browser) -> None:
    browser.open(f"{address}/lake/")
    focused = []
    for _ in range(8):
        browser.press("Tab")
        focused.append(browser.evaluate("document.activeElement.textContent.trim()"))
    assert focused[:2] == ["Skip to content", "Lake"]
    assert "bronze.sales.orders" in focused


def test_a_square_of_the_calendar_opens_its_partition(address: str, browser: Browser) -> None:
    browser.open(f"{address}/lake/tables/{ORDERS}")
    browser.evaluate("document.querySelector('.calendar a').focus()")
    assert browser.evaluate("document.activeElement.getAttribute('aria-label')").startswith("2026-01-05: published")
    href = browser.evaluate("document.activeElement.href")
    browser.open(href)
    assert "Publication 1 is live" in browser.evaluate("document.body.textContent")


def text_after(browser: Browser, script: str) -> str:
    """Run a script that leaves the page; return the text of the next one."""
    browser.events.clear()
    browser.evaluate(script)
    while not browser.seen("Page.loadEventFired"):
        browser.evaluate("0")
    return str(browser.evaluate("document.body.innerText"))


PRESS = "document.querySelector('form[method=post] button').click()"


def test_an_act_is_started_by_its_button_and_by_no_other_site(acting: tuple[str, ActsServer], browser: Browser) -> None:
    """A real browser sends the origin that our policies let it send; another site has the very same fields."""
    url, airflow = acting
    browser.open(f"{url}/lake/tables/{ORDERS}/plan?act=withdraw&path=2026-01-07")
    form = browser.evaluate("document.querySelector('form[method=post]').outerHTML")
    evil = FastAPI()
    evil.get("/")(lambda: HTMLResponse(form.replace('action="', f'action="{url}')))
    with served(evil) as elsewhere:
        browser.open(elsewhere)
        assert "came from another site than Airflow" in text_after(browser, PRESS)
    assert airflow.began == []
    browser.open(f"{url}/lake/tables/{ORDERS}/plan?act=withdraw&path=2026-01-07")
    shown = text_after(browser, PRESS)
    (run,) = airflow.began
    assert shown.splitlines()[-1] != ""
    assert run["dag_run_id"] in shown
    assert browser.seen("Log.entryAdded") == []

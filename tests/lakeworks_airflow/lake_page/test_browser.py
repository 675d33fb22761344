"""The lake page in a real browser: it fits, it is reached by keys, it loads nothing else, and no hostile value runs."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from lakeworks_local.stack.process import free_port
from tests.lakeworks_airflow.lake_page.conftest import Shown
from tests.lakeworks_airflow.lake_page.test_pages import ORDERS, PATHS
from tests.support.chromium import ABSENT, Browser, browsing, executable

pytestmark = pytest.mark.skipif(executable() is None, reason=ABSENT)


@pytest.fixture(scope="module")
def address(orders: Shown) -> Iterator[str]:
    """The pages over HTTP."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(orders.client.app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


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

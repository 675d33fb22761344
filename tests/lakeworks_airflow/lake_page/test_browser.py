"""The lake page in a real browser: it fits, it is reached by keys, it loads nothing else, and no hostile value runs."""

import json
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


WINDOWS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
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


# What a person sees of a column: each cell with its name (beside it in a wide window, before it in a narrow one), if it is in sight.
SEEN = """JSON.stringify(Object.fromEntries([...document.querySelectorAll('section[aria-labelledby=columns] tbody tr')].map(
  row => [row.cells[0].innerText, Object.fromEntries([...row.cells].filter(cell => cell.getClientRects().length).map(
    cell => [cell.dataset.label, cell.innerText.trim()]))])))"""
# Contrast of a text with what is behind it, as WCAG 2 defines it.
CONTRAST = r"""(() => {
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const rgb = text => text.match(/[\d.]+/g).map(Number);
  const behind = node => { for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return rgb(getComputedStyle(document.documentElement).backgroundColor); };
  return JSON.stringify([...document.querySelectorAll('body *')].filter(node => node.getClientRects().length &&
      [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim()) && !node.closest('svg'))
    .map(node => { const [a, b] = [rgb(getComputedStyle(node).color), behind(node)].map(light).sort((x, y) => y - x);
      return [(a + .05) / (b + .05), node.className, node.textContent.trim().slice(0, 40)]; })
    .filter(([ratio]) => ratio < 4.5));
})()"""


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_a_tables_page_shows_all_that_is_known_of_it_in_every_window(
    address: str, browser: Browser, width: int, scheme: str
) -> None:
    """Columns with contract, classification, checks, statistics and lineage; rules; the SQL; each readable."""
    browser.open(f"{address}/lake/tables/{ORDERS}", width, scheme=scheme)
    columns = json.loads(browser.evaluate(SEEN))
    assert columns["id key"] == {
        "column": "id key", "type": "bigint required", "meaning": "Key.", "classification": "public",
        "values": "no nulls, 1 to 1", "checks": "at least 1", "made of": "bronze.sales.orders.id",
    } | ({"used by": ""} if width == 1280 else {}), "a narrow window leaves empty cells out"  # fmt: skip
    assert columns["email"]["classification"] == "confidential, personal"
    assert columns["email"]["values"] == "no nulls", "and none of a protected column"
    heads = json.loads(
        browser.evaluate("JSON.stringify([...document.querySelectorAll('h2')].map(head => head.innerText))")
    )
    assert [head for head in heads if head in ("Columns", "Row rules", "SQL")] == ["Columns", "Row rules", "SQL"]
    assert "Too <u>large</u>. id < 100" in browser.evaluate(
        "document.querySelector('[aria-labelledby=rules]').innerText"
    )
    assert "FROM bronze_sales.orders -- </code><script>" in browser.evaluate("document.querySelector('pre').innerText")
    assert json.loads(browser.evaluate(CONTRAST)) == [], "a text that is hard to read"
    label = "getComputedStyle(document.querySelector('td[data-label=checks]'), '::before').content"
    assert (browser.evaluate(label) == '"checks"') == (width == 390), "a narrow window names each cell"


@pytest.mark.parametrize("width", [1280, 390])
def test_everything_of_a_table_is_reached_by_keys_and_seen_when_it_is(
    address: str, browser: Browser, width: int
) -> None:
    browser.open(f"{address}/lake/tables/{ORDERS}", width)
    ways = "a[href], button, input, select, [tabindex='0']"
    count = browser.evaluate(f"document.querySelectorAll({json.dumps(ways)}).length")
    places = []
    for _ in range(count):
        browser.press("Tab")
        place = f"[...document.querySelectorAll({json.dumps(ways)})].indexOf(document.activeElement)"
        places.append(browser.evaluate(place))
        ring = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid", browser.evaluate("document.activeElement.outerHTML")
    assert places == list(range(count)), "in the order of the page, and none left out"


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

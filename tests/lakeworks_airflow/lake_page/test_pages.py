"""The lake page over a real lake: it answers what the command line answers, to who is logged in, and no value becomes markup."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from fastapi import HTTPException

from lakeworks.airflow_api import Activity
from lakeworks.cost.bill import grouped
from lakeworks.cost.report import bill
from lakeworks.errors import LakeUnavailable
from lakeworks.landing.quota import LakeState
from lakeworks.sources.http.limits import Spent
from lakeworks_airflow.lake_page.money_view import _request
from tests.lakeworks_airflow.lake_page.conftest import MARKUP, Shown, opened

ORDERS = "silver.sales.orders"
PATHS = (
    "/lake/",
    f"/lake/tables/{ORDERS}",
    f"/lake/tables/{ORDERS}/partition?path=2026-01-05",
    "/lake/tables/bronze.sales.orders",
    "/lake/sources",
    "/lake/money",
    "/lake/days/sales",
)


class Markup(HTMLParser):
    """What a browser would take for elements, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.texts = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {str(value) for name, value in attrs if name in ("href", "src")}

    def handle_data(self, data: str) -> None:
        self.texts += data


def test_the_overview_shows_each_table_and_what_needs_attention_first(orders: Shown) -> None:
    page = Markup(orders.text("/lake/")).texts
    assert "bronze.sales.orders" in page
    said = page.partition("Needs attention first")[2].split()
    assert " ".join(said[:10]) == "missing bronze.sales.orders it is expected, but not published: 2026-01-06 late"
    assert " ".join(said[9:16]) == "late silver.sales.orders its newest data is of"


def test_a_quarantined_day_is_a_published_day_with_a_mark(orders: Shown) -> None:
    page = orders.text(f"/lake/tables/{ORDERS}")
    assert 'aria-label="2026-01-05: published, with quarantined rows">•</a>' in page
    assert 'aria-label="2026-01-07: published"></a>' in page
    assert "2026-01-06" not in page, "no upstream has data for it"


def test_a_partition_shows_its_publications_and_the_rows_set_apart_without_personal_values(orders: Shown) -> None:
    text = orders.text(f"/lake/tables/{ORDERS}/partition?path=2026-01-05")
    page = Markup(text).texts
    assert "Publication 1 is live: 1 rows" in page
    assert "quarantined 1 of the 2 rows that it read: 1 of this partition" in page
    assert MARKUP in page, "the value is there, as text"
    assert "secret.example" not in text
    assert "(withheld)" in page


def test_a_table_shows_the_values_of_its_newest_partition_and_withholds_personal_ones(orders: Shown) -> None:
    text = orders.text(f"/lake/tables/{ORDERS}")
    said = Markup(text).texts
    assert "values of 2026-01-07" in said
    assert "no nulls, 1 to 1" in said
    assert "no nulls, <script>alert(1)</script>" in said, "a stranger's value, as text"
    assert "a@b.c" not in text


def test_the_audit_of_a_publication_opens_without_any_right_in_the_browser(orders: Shown) -> None:
    page = Markup(orders.text(f"/lake/tables/{ORDERS}/partition?path=2026-01-05"))
    (link,) = (link for link in page.links if "/audit?" in link)
    report = orders.client.get(link)
    assert (report.status_code, "Audit passed" in report.text) == (200, True)
    assert "sandbox" in report.headers["Content-Security-Policy"]


def test_a_domains_days_are_listed_and_open_without_any_right_in_the_browser(orders: Shown) -> None:
    listed = [link for link in re.findall(r'href="([^"]+)"', orders.text("/lake/days/sales")) if "/days/sales/" in link]
    assert listed == [f"/lake/days/sales/2026-01-0{number}" for number in (7, 6, 5)], "the newest first"
    good, lacking = orders.client.get(listed[0]), orders.client.get(listed[1])
    assert "sandbox" in good.headers["Content-Security-Policy"]
    assert "Complete" in Markup(good.text).texts
    assert "Look at bronze.sales.orders" in Markup(lacking.text).texts
    assert not Markup(good.text).tags & {"script", "img", "iframe", "object"}
    partition = Markup(orders.text(f"/lake/tables/{ORDERS}/partition?path=2026-01-07"))
    assert "/lake/days/sales/2026-01-07" in partition.links
    assert "/lake/days/sales" in Markup(orders.text("/lake/")).links


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("sales/2026-01-09", 404, "lakeworks docs day sales 2026-01-09"),
        ("sales/yesterday", 404, "yesterday"),
        ("nothing", 400, "No table has the domain"),
        ("nothing/2026-01-09", 400, "No table has the domain"),
    ],
)
def test_a_day_without_a_page_says_what_writes_one(orders: Shown, path: str, status: int, says: str) -> None:
    answer = orders.client.get(f"/lake/days/{path}")
    assert (answer.status_code, says in Markup(answer.text).texts) == (status, True)


@pytest.mark.parametrize("path", PATHS)
def test_no_value_of_a_stranger_becomes_markup(orders: Shown, path: str) -> None:
    page = Markup(orders.text(path))
    assert not page.tags & {"script", "img", "iframe", "object", "b", "i", "u"}
    assert not {name for name in page.attributes if name.startswith("on") or name == "style"}
    assert all(link.startswith(("/lake/", "#main")) for link in page.links), page.links


@pytest.mark.parametrize("path", PATHS)
def test_a_page_may_load_nothing_but_its_own_style(orders: Shown, path: str) -> None:
    answer = orders.client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    (style,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', answer.text)
    assert orders.client.get(style).headers["Content-Type"].startswith("text/css")


@pytest.mark.parametrize(
    "path",
    [
        "/lake/tables/silver.sales.nothing",
        "/lake/tables/%3Cscript%3E",
        "/lake/tables/..%2F..%2Fetc",
        f"/lake/tables/{ORDERS}/partition?path=2026-01-06",
        f"/lake/tables/{ORDERS}/partition?path=%3Cscript%3E",
        f"/lake/tables/{ORDERS}/partition?path=year%3D2026/../x%3D1",
        f"/lake/tables/{ORDERS}/audit?period=2026-01-05&attempt=nothing",
        f"/lake/tables/{ORDERS}/audit?period=2026-01-05&attempt=..%2F..%2Fx",
    ],
)
def test_what_is_not_there_is_said_and_is_no_markup(orders: Shown, path: str) -> None:
    answer = orders.client.get(path)
    assert answer.status_code == 404
    assert "script" not in Markup(answer.text).tags


def test_nothing_can_be_changed_by_any_request(orders: Shown) -> None:
    for path in PATHS:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert orders.client.request(method, path).status_code == 405


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/lake/nowhere", 404, "has no such address"),
        (f"/lake/tables/{ORDERS}/partitions/<script>", 404, "has no such address"),
        (f"/lake/tables/{ORDERS}/partition", 422, "lacks a part, or a part has a wrong value: path."),
        (f"/lake/tables/{ORDERS}?skip=<script>", 422, "a wrong value: skip."),
    ],
)
def test_a_wrong_address_is_a_page_that_leads_back(orders: Shown, path: str, status: int, says: str) -> None:
    """FastAPI answered with its own JSON, which a browser shows as text."""
    answer = orders.client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert says in answer.text
    assert 'href="/lake/"' in answer.text
    assert "script" not in Markup(answer.text).tags


def test_a_long_bill_begins_with_its_largest_lines(orders: Shown) -> None:
    page = orders.text("/lake/money").partition('id="by-table"')[2]
    lines = grouped(bill(orders.lake, _request(datetime.now(UTC))), ("layer", "domain", "table"))
    before, _, behind = page.partition("<summary>")
    assert behind.startswith(f"The other {len(lines) - 10}<")
    assert before.count('data-label="USD a month"') == 10


def test_the_bill_is_the_command_lines(orders: Shown) -> None:
    found = grouped(bill(orders.lake, _request(datetime.now(UTC))), ("layer", "domain", "table"))
    page = orders.text("/lake/money").partition('id="by-table"')[2]
    shown = re.findall(r'data-label="objects" class="number">(\d+)<', page)
    assert sorted(map(int, shown)) == sorted(line.objects for line in found)
    assert all((line.table or line.layer) in page for line in found)
    (overview,) = re.findall(r'data-label="a month" class="number">([^<]+)</td></tr>', orders.text("/lake/"))[1:]
    assert overview.startswith(("$", "&lt;"))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("lifecycle=contracts", "and the change itself costs"),
        ("lifecycle=0:GLACIER_IR&compression=50&layer=silver", "and the change itself costs"),
        ("lifecycle=soon", "is not <days>:<storage class>"),
        ("compression=%3Cscript%3E", "is no whole number above 0"),
        ("layer=diamond", "is no layer"),
    ],
)
def test_a_proposal_is_compared_or_says_what_is_wrong(orders: Shown, query: str, says: str) -> None:
    text = orders.text(f"/lake/money?compare=yes&{query}")
    assert says in Markup(text).texts
    assert "script" not in Markup(text).tags


class Denial:
    """The body of S3's refusal."""

    def stream(self) -> Iterator[bytes]:
        yield b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


def test_the_overview_is_shown_without_the_permission_to_read_the_bill(orders: Shown) -> None:
    asked = []

    def deny(request: Any, **_: Any) -> AWSResponse:
        asked.append(request.url)
        return AWSResponse(request.url, 403, {}, Denial())

    events, name = orders.lake.store.client.meta.events, "before-send.s3.GetBucketLifecycleConfiguration"
    events.register(name, deny)
    try:
        client = opened(orders.lake)
        refused = client.get("/lake/money")
        assert (refused.status_code, "read the lifecycle of" in refused.text) == (500, True)
        for _ in range(3):
            assert client.get("/lake/").status_code == 200
    finally:
        events.unregister(name, deny)
    assert len(asked) > 1, "the overview asked for the bill, too"


def test_a_source_shows_what_is_left_what_was_fetched_and_what_waits(orders: Shown) -> None:
    now = datetime.now(UTC)
    spent = Spent(day=f"{now:%Y-%m-%d}", of_day=3, month=f"{now:%Y-%m}", of_month=40, closed_until=now.timestamp() + 900, reason="<b>429</b>")  # fmt: skip
    LakeState(orders.lake.store).swap("file_drop.json", json.dumps(vars(spent)).encode(), None)
    waits = Activity("bronze.sales.orders", "2026-01-08", "running", now, "orders manual__1 fetch: deferred")
    page = Markup(opened(orders.lake, ask=lambda _: ((waits,), "")).get("/lake/sources").text).texts
    assert "requests today3; left: no limit named" in page.replace("\n", "")
    assert "It takes no request before" in page
    assert "<b>429</b>" in page
    assert "orders manual__1 fetch: deferred" in page
    assert "2026-01-07" in page, "the newest run's period"
    orders.lake.store.delete(["_quota/file_drop.json"])


def test_a_lake_that_does_not_answer_is_said_so_and_the_next_look_reads_again(orders: Shown) -> None:
    answers = iter([LakeUnavailable("S3 does not answer <b>at all</b>."), None])

    def ask(_: list[str]) -> tuple[tuple[()], str]:
        if error := next(answers):
            raise error
        return (), ""

    client = opened(orders.lake, ask=ask)
    refused = client.get("/lake/")
    assert refused.status_code == 503
    assert "S3 does not answer <b>at all</b>." in Markup(refused.text).texts
    assert client.get("/lake/").status_code == 200


def test_who_is_not_logged_in_sees_nothing(orders: Shown) -> None:
    def nobody() -> None:
        raise HTTPException(401, "Not authenticated")

    client = opened(orders.lake, nobody)
    for path in (
        *PATHS,
        f"/lake/tables/{ORDERS}/audit?period=2026-01-05&attempt=x",
        "/lake/style-0.css",
        "/lake/docs",
        "/lake/openapi.json",
    ):
        answer = client.get(path)
        assert answer.status_code in (401, 404)
        assert "orders" not in answer.text
    assert client.get("/lake/").status_code == 401

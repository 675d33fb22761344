"""The static site of a filled shop: what it shows, and what a hostile description or value cannot start."""

import base64
import hashlib
import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.site.day_facts import day_page
from lakeworks.site.day_pages import store_day_pages, stored_day, stored_days
from lakeworks.site.destination import write_pages
from lakeworks.site.pages import site_pages
from lakeworks.site.table_facts import read_site
from tests.lakeworks.quality.test_audit_page import Tags
from tests.support.chromium import ABSENT, browsing, executable
from tests.support.shop_lake import EMAIL, HOSTILE, ORDERS, RECEIVED, TOTALS

NOW = datetime(2024, 1, 8, tzinfo=UTC)
DAY = Period.parse("2024-01-05")
ORDERS_PAGE = f"tables/{ORDERS}.html"


@pytest.fixture
def pages(shop: Lake) -> dict[str, str]:
    return dict(site_pages(read_site(shop, NOW)))


def test_a_table_has_its_contract_lineage_statistics_publications_and_audits(pages: dict[str, str]) -> None:
    assert list(pages)[-1] == "index.html", "the first page comes last"
    assert set(pages) == {"index.html", "lineage.html", *(f"tables/{name}.html" for name in (RECEIVED, ORDERS, TOTALS))}
    text = " ".join(Tags(pages[ORDERS_PAGE]).text.split())
    for shown in (
        "Contract 2.0.1, active, of team sales", "late", "6 rows", f"{TOTALS}.revenue", f"{RECEIVED}.amount",
        "2 rows read = 2 staged", "`amount` is below 0.", "manual__3", "FROM bronze_shop.orders",
        "expect_table_row_count_to_be_between", "7.00", "8.25", "quarantined rows in 1",
    ):  # fmt: skip
        assert shown in text, shown
    assert "as read at 2024-01-08 00:00 UTC" in Tags(pages["index.html"]).text


def test_a_protected_column_shows_no_value(pages: dict[str, str]) -> None:
    assert not [path for path, text in pages.items() if EMAIL in text]
    assert "withheld" in pages[ORDERS_PAGE]


def test_hostile_descriptions_and_values_are_text(pages: dict[str, str]) -> None:
    received = Tags(pages[f"tables/{RECEIVED}.html"])
    assert HOSTILE in received.text, "it is shown as it came"
    entries = pages["index.html"].partition('id="entries">')[2].partition("</script>")[0]
    assert "alert" in entries, "the description can be searched"
    assert "<" not in entries, "or a description could end the element"
    for path, text in pages.items():
        page = Tags(text)
        assert {"img", "iframe", "object", "form", "link"}.isdisjoint(page.tags), path
        assert page.tags.count("script") == (2 if path == "index.html" else 0), path
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"], path
        assert not [value for name, value in page.attributes if name == "href" and ":" in value], path


def test_the_policy_allows_the_pages_own_style_and_search_alone(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        (policy,) = [value for name, value in Tags(text).attributes if name == "content" and "default-src" in value]
        style = text.partition("<style>")[2].partition("</style>")[0]
        assert f"style-src '{digest(style)}'" in policy
        scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        assert policy.startswith("default-src 'none'")
        assert ("script-src" in policy) == (path == "index.html")
        assert all(f"script-src '{digest(script)}'" in policy for script in scripts)


def digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def test_every_link_leads_to_a_page_and_a_place(pages: dict[str, str]) -> None:
    places = {path: {value for name, value in Tags(text).attributes if name == "id"} for path, text in pages.items()}
    for path, text in pages.items():
        for address in {value for name, value in Tags(text).attributes if name == "href"}:
            target, _, place = address.partition("#")
            target = target.removeprefix("../") or path
            assert target in pages, address
            assert not place or place in places[target], address


def test_the_day_of_a_domain_begins_with_its_verdict(shop: Lake) -> None:
    page = Tags(day_page(shop, "shop", DAY, NOW))
    text = " ".join(page.text.split())
    assert "Completeshop 2024-01-053 of 3 tables have rows" in text, "the verdict, the day, the counts, in this order"
    assert "3 of 3 tables have rows, 1 rows quarantined" in text
    assert "5 rows read = 4 staged + 1 quarantined + 0 deduplicated" in text
    assert f"lakeworks quarantine show {ORDERS} 2024-01-05" in text
    assert page.tags.count("script") == 0
    with pytest.raises(ConfigError, match=r"Domains: shop\."):
        day_page(shop, "shops", DAY, NOW)


def test_a_day_expects_nothing_from_before_the_first_data_and_of_tables_that_nobody_runs(shop: Lake) -> None:
    text = Tags(day_page(shop, "shop", Period.parse("2023-12-01"), NOW)).text
    assert "Nothing is expected" in text
    assert "Nothing is expected: its data begin with 2024-01-05." in text
    assert "it is expected, but not published" not in text
    shop.store.delete([item.key for item in shop.store.scan("_ledger/bronze/shop/")])
    assert "Nothing is expected: no run of it was there yet." in Tags(day_page(shop, "shop", DAY, NOW)).text


def test_pages_of_days_are_kept_and_written_over(shop: Lake) -> None:
    assert stored_days(shop, "shop") == []
    days = [Period.parse(text) for text in ("2024-01-04", "2024-01", "2024-01-05", "2024-01-05")]
    keys = store_day_pages(shop, "shop", days, NOW)
    assert stored_days(shop, "shop") == [Period.parse("2024-01"), DAY, Period.parse("2024-01-04")], "the newest first"
    assert stored_day(shop, "shop", "2024-01-05").decode() == day_page(shop, "shop", DAY, NOW)
    assert keys[0] == "_audits/_days/shop/2024-01-04.html"
    with pytest.raises(LakeNotFound, match="To write one now: lakeworks docs day shop 2024-01-06"):
        stored_day(shop, "shop", "2024-01-06")
    with pytest.raises(ConfigError, match=r"Domains: shop\."):
        store_day_pages(shop, "shops", days, NOW)


def test_a_day_that_lacks_a_table_says_which(shop: Lake) -> None:
    gone = [item.key for item in shop.store.scan(f"_ledger/{TOTALS.replace('.', '/')}/") if "05" in item.key]
    shop.store.delete(gone)
    text = Tags(day_page(shop, "shop", DAY, NOW)).text
    assert f"Look at {TOTALS}" in text
    assert "missing" in text


def test_the_site_is_written_to_a_bucket_with_its_types(shop: Lake, pages: dict[str, str]) -> None:
    address = f"s3://{shop.store.bucket}/exports/site"
    assert write_pages(pages.items(), address, shop.store.client, [shop.store.bucket]) == len(pages)
    read = partial(shop.store.client.get_object, Bucket=shop.store.bucket)
    stored = read(Key="exports/site/index.html")
    assert (stored["ContentType"], stored["Body"].read().decode()) == ("text/html; charset=utf-8", pages["index.html"])
    for refused in (f"s3://{shop.store.bucket}", f"s3://{shop.store.bucket}/silver/site"):
        with pytest.raises(ConfigError, match="among the lake's own objects"):
            write_pages(pages.items(), refused, shop.store.client, [shop.store.bucket])


@pytest.mark.skipif(executable() is None, reason=ABSENT)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_search_works_from_a_folder(pages: dict[str, str], tmp_path: Path, scheme: str) -> None:
    write_pages(pages.items(), str(tmp_path / "site"), None)
    with browsing(str(executable())) as browser:
        for width in (390, 1280):
            for path in pages:
                browser.open((tmp_path / "site" / path).as_uri(), width=width, scheme=scheme)
                assert browser.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
                assert not browser.seen("Log.entryAdded"), browser.seen("Log.entryAdded")
                assert not browser.seen("Runtime.exceptionThrown"), path
        browser.open((tmp_path / "site/index.html").as_uri(), scheme=scheme)
        browser.evaluate(
            "box.value = 'daily rev'; box.dispatchEvent(new Event('input')); document.getElementById('hits').innerText"
        )
        hits = browser.evaluate(
            "[...document.querySelectorAll('#hits a')].map((link) => link.getAttribute('href')).join()"
        )
        assert hits == f"tables/{TOTALS}.html#c-revenue"
        assert browser.evaluate("document.getElementById('all').hidden") is True

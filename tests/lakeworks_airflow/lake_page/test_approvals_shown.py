"""A partition's page: who was asked, why, who answered, and the comparison that the person saw."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from lakeworks.settings import current_settings
from tests.lakeworks.approvals.guarded_shop import GuardedShop
from tests.lakeworks_airflow.lake_page.conftest import MARKUP, Shown, opened
from tests.support.memory_s3 import memory_lake
from tests.support.shop_project import DAYS, ORDERS, write_shop

PAGE = f"/lake/tables/{ORDERS}/partition?path=2024-01-05"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedShop]:
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path / "project"))
    monkeypatch.setenv("LAKE_BUCKET", "lake")
    (tmp_path / "project").mkdir()
    current_settings.cache_clear()
    made = GuardedShop(memory_lake(tmp_path), write_shop(tmp_path / "project"))
    made.fill()
    made.demand(changed_rows_above=0.5)
    yield made
    made.contracts()
    current_settings.cache_clear()


def test_the_partition_page_shows_a_request_and_then_its_answer(shop: GuardedShop) -> None:
    page = Shown(shop.lake, opened(shop.lake))
    assert "Approvals" not in page.text(PAGE), "no one was asked"
    shop.arrive(DAYS[0], ["11.00", "7.00"])
    request = shop.asked(shop.audited(DAYS[0]))
    asked = page.text(PAGE)
    assert '<td data-label="state">waiting</td>' in asked
    assert "more than 50.0%" in asked
    assert '<td data-label="by"></td>' in asked
    shop.answered(request, "refused", MARKUP)
    decided = page.text(PAGE)
    assert '<td data-label="state">refused</td>' in decided
    assert '<td data-label="by">ana</td>' in decided
    assert MARKUP not in decided
    assert "&lt;script&gt;alert(1)" in decided
    address = unescape(decided.split('data-label="changes"><a href="')[1].split('"')[0])
    assert page.client.get(address).status_code == 200, address
    other = PAGE.replace("2024-01-05", "2024-01-06")
    assert "Approvals" not in page.text(other), "of another day no one was asked"

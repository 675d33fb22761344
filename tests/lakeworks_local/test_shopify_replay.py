"""The replayed shop answers as Shopify's documentation says: cursors, filters, limits, errors, and orders that change."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from lakeworks_local.replay import start_replay
from lakeworks_local.replay.shop import history, order_json
from lakeworks_local.replay.shopify import TOKEN
from tests.lakeworks_local.shops import small_shop

ORDERS = "/admin/api/2026-07/orders.json"


@pytest.fixture(scope="module")
def running() -> Iterator[str]:
    with start_replay(small_shop) as url:
        yield url


@pytest.fixture
def shop(running: str) -> str:
    requests.post(f"{running}/_control/limits", json={"source": "shopify"}, timeout=5)
    at(running, "2018-02-01T00:00:00Z")
    return running


def at(url: str, now: str) -> None:
    assert requests.post(f"{url}/_control/clock", json={"source": "shopify", "now": now}, timeout=5).ok


def get(url: str, path: str = ORDERS, token: str = TOKEN, **params: Any) -> requests.Response:
    return requests.get(url + path, params=params, headers={"X-Shopify-Access-Token": token}, timeout=5)


def test_only_open_orders_come_unasked(shop: str) -> None:
    at(shop, "2017-01-02T16:00:00Z")
    by_status = {
        status: get(shop, status=status, limit=250).json()["orders"]
        for status in ("open", "closed", "cancelled", "any")
    }
    unasked = get(shop, limit=250).json()["orders"]
    assert unasked == by_status["open"] != by_status["any"]
    assert all(row["closed_at"] is None and row["cancelled_at"] is None for row in unasked)
    assert sum(len(by_status[status]) for status in ("open", "closed", "cancelled")) == len(by_status["any"])


def test_cursors_lead_through_every_row_once_and_carry_the_filters(shop: str) -> None:
    answer = get(shop, status="any", limit=7, updated_at_min="2017-01-03T00:00:00+00:00")
    seen = answer.json()["orders"]
    while "next" in answer.links:
        assert answer.links["next"]["url"].startswith(f"{shop}{ORDERS}?limit=7&page_info=")
        answer = requests.get(answer.links["next"]["url"], headers={"X-Shopify-Access-Token": TOKEN}, timeout=5)
        seen += answer.json()["orders"]
    assert [row["id"] for row in seen] == sorted({row["id"] for row in seen})
    first = datetime(2017, 1, 3, tzinfo=UTC)
    assert len(seen) == sum(
        order.updated_at >= first for order in small_shop().orders(datetime(2018, 2, 1, tzinfo=UTC))
    )


def test_nothing_but_limit_and_fields_may_stand_beside_a_cursor(shop: str) -> None:
    cursor = get(shop, status="any", limit=2).links["next"]["url"].rpartition("page_info=")[2]
    refused = get(shop, page_info=requests.utils.unquote(cursor), updated_at_min="2017-01-01")
    assert (refused.status_code, refused.json()) == (
        400,
        {
            "errors": {
                "updated_at_min": "updated_at_min cannot be passed when page_info is present. See "
                "https://shopify.dev/api/usage/pagination-rest for more information."
            }
        },
    )
    assert get(shop, page_info=requests.utils.unquote(cursor), fields="id", limit=1).json()["orders"][0].keys() == {
        "id"
    }
    assert get(shop, page_info="nonsense").status_code == 400


def test_a_clock_set_back_refuses_no_one_for_the_years_between(shop: str) -> None:
    """A bucket that a request of 2018 had begun to fill refused every request of 2017: a run waited for ever."""
    limits = {"source": "shopify", "per_second": 2, "burst": 40}
    requests.delete(f"{shop}/_control/limits", timeout=5)
    requests.post(f"{shop}/_control/limits", json=limits, timeout=5)
    used = int(get(shop, limit=1).headers["X-Shopify-Shop-Api-Call-Limit"].split("/")[0])
    at(shop, "2017-03-02T00:10:00Z")
    answer = get(shop, limit=1)
    assert (used, answer.status_code) == (1, 200)
    assert answer.headers["X-Shopify-Shop-Api-Call-Limit"] in ("1/40", "2/40"), "what was used a moment ago is counted"


def test_forty_calls_fill_the_bucket_and_two_a_second_leak_out(shop: str) -> None:
    limits = {"source": "shopify", "per_second": 2, "burst": 40}
    requests.delete(f"{shop}/_control/limits", timeout=5)
    requests.post(f"{shop}/_control/limits", json=limits, timeout=5)
    started, answers = time.monotonic(), [get(shop, limit=1, fields="id")]
    while answers[-1].status_code == 200:
        answers.append(get(shop, limit=1, fields="id"))
        assert len(answers) <= 41 + 2 * (time.monotonic() - started), "more was taken than the bucket holds and leaks"
    *taken, refused = answers  # on a busy machine calls leak out meanwhile
    assert taken[0].headers["X-Shopify-Shop-Api-Call-Limit"] == "1/40"
    assert len(taken) >= 40
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "2.0"
    assert refused.json()["errors"].startswith("Exceeded 2 calls per second for api client")
    at(shop, "2018-02-01T00:01:00Z")
    assert get(shop, limit=1).status_code == 200, "the vendor's time counts"


def test_wrong_token_and_unknown_addresses(shop: str) -> None:
    refused = get(shop, token="other")
    assert (refused.status_code, refused.json()) == (
        401,
        {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"},
    )
    for path in ("/admin/api/2026-07/carts.json", "/admin/nothing"):
        assert (get(shop, path).status_code, get(shop, path).json()) == (404, {"errors": "Not Found"})


def test_an_order_changes_in_place_and_its_amounts_add_up() -> None:
    kinds = set()
    for basket in small_shop().baskets:
        events = list(history(basket))
        versions = [order_json(events[: count + 1]) for count in range(len(events))]
        assert len({version["updated_at"] for version in versions}) == len(versions)
        assert {version["created_at"] for version in versions} == {versions[0]["created_at"]}
        kinds |= {event.kind for event in events}
        for order in versions:
            lines = order["line_items"]
            gross = sum(round(float(line["price"]) * 100) * line["quantity"] for line in lines)
            assert gross == round(float(order["total_line_items_price"]) * 100)
            discounts = sum(round(float(line["total_discount"]) * 100) for line in lines)
            assert gross - discounts == round(float(order["total_price"]) * 100)
    assert kinds == {"placed", "fulfilled", "cancelled", "refunded"}


def test_times_are_written_in_the_shops_zone() -> None:
    (first, *_) = small_shop().baskets
    assert order_json(list(history(first)))["created_at"] == "2017-01-01T10:00:00-05:00"


def test_another_store_is_another_shop(shop: str) -> None:
    assert get(shop, f"/shop-406{ORDERS}", status="any", limit=1).status_code == 200

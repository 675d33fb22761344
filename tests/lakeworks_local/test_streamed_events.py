"""The sample shop's events as a stream has them."""

import json
from datetime import date

from lakeworks_local.data.events import VIEWS, lines, streamed
from tests.lakeworks_local.shops import small_shop

FIRST, LAST = date(2017, 1, 1), date(2017, 1, 2)


def test_orders_are_streamed_once_with_views_of_each_product_before_them() -> None:
    shop = small_shop()
    events = [json.loads(line) for line in streamed(shop, FIRST, LAST)]
    orders = {one["event_id"]: one for one in events if one["event_type"] != "product_viewed"}
    dropped = {json.loads(line)["event_id"] for day in (FIRST, LAST) for line in lines(shop, day)}
    assert orders.keys() == dropped, "the same as in files, so that silver takes each once"
    views = [one for one in events if one["event_type"] == "product_viewed"]
    placed = [one for one in orders.values() if one["event_type"] == "order_placed"]
    assert len(views) == 2 * VIEWS * len(placed), "two lines an order"
    assert len({one["event_id"] for one in events}) == len(events)
    for view in views:
        order = orders[f"{view['event_id'].partition('-')[0]}-placed"]
        assert view["occurred_at"] < order["occurred_at"]

"""Replay of Shopify's Admin REST API over a `Shop`: filters, Link-header cursors, the leaky bucket, and its exact errors.

`/admin/api/<version>/orders.json` is the busiest store; `/shop-406/admin/api/...` another one. Events after the vendor's
clock (`/_control/clock`, source `shopify`) are not visible yet. The clock starts after the last event of the sample data.
"""

import base64
import json
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lakeworks_local.data import completejourney
from lakeworks_local.replay.faults import changed
from lakeworks_local.replay.moved_dates import whole_weeks
from lakeworks_local.replay.shop import Shop
from lakeworks_local.replay.world import Allowance, World

NAME = "shopify"
# The events of some days as the shop's tills and pages stream them; no address of Shopify.
TILL = "/till/events.jsonl"
TOKEN = "shpat_demo_0123456789abcdef"
# Where dates are moved, this is today: the shop opened one to two weeks ago, so that no order is older than the lake.
ANCHOR = date(2017, 1, 8)
AFTER_ALL = datetime(2018, 2, 1, tzinfo=UTC)
# Parameters allowed beside page_info.
_WITH_CURSOR = {"limit", "fields", "page_info"}
_UNAUTHORISED = "[API] Invalid API key or access token (unrecognized login or wrong password)"
_EXCEEDED = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."


def routes(world: World) -> list[Route]:
    """The vendor's addresses."""
    world.vendor(NAME, AFTER_ALL, Allowance(per_second=2, burst=40))
    shops, lock = dict[int, Shop](), threading.Lock()

    def shop(store: int) -> Shop:
        with lock:  # the first request reads the package
            if store not in shops:
                found = (world.open_shop or sample_shop)(store)
                shops[store] = found.moved(whole_weeks(ANCHOR, world.today)) if world.today else found
            return shops[store]

    def listing(request: Request) -> Response:  # not async: Starlette runs it beside the event loop
        store = int(request.path_params.get("store", completejourney.BUSIEST_STORE))
        return _answer(request, world, lambda: shop(store))

    def events(request: Request) -> Response:
        from lakeworks_local.data.events import streamed  # it imports this package

        days = [date.fromisoformat(request.query_params[name]) for name in ("first", "last")]
        return PlainTextResponse("".join(f"{line}\n" for line in streamed(shop(completejourney.BUSIEST_STORE), *days)))

    path = "/admin/api/{version}/{dataset}.json"
    return [
        Route(path, listing, methods=["GET"]),
        Route(TILL, events, methods=["GET"]),
        Route("/shop-{store:int}" + path, listing, methods=["GET"]),
        Route("/admin/{rest:path}", lambda _: JSONResponse({"errors": "Not Found"}, 404)),
    ]


def sample_shop(store: int) -> Shop:
    """Return a store of the sample data as a shop."""
    return Shop(completejourney.baskets(store), completejourney.catalogue(store), completejourney.demographics())


def _answer(request: Request, world: World, shop: Callable[[], Shop]) -> Response:
    if request.headers.get("x-shopify-access-token") != TOKEN:
        return JSONResponse({"errors": _UNAUTHORISED}, 401)
    key = str(request.path_params.get("store", ""))
    exceeded = world.over(NAME, key)
    allowed = world.allowances[NAME]
    headers = {"X-Shopify-Shop-Api-Call-Limit": f"{min(world.used(NAME, key), allowed.burst)}/{allowed.burst}"}
    if exceeded:
        return JSONResponse({"errors": _EXCEEDED}, 429, {**headers, "Retry-After": "2.0"})
    dataset = request.path_params["dataset"]
    if dataset not in ("orders", "customers", "products"):
        return JSONResponse({"errors": "Not Found"}, 404, headers)
    query = dict(request.query_params)
    try:
        filters, after = _read(query)
    except KeyError as error:
        return JSONResponse({"errors": error.args[0]}, 400, headers)
    rows, link = _page(request, dataset, filters, after, (shop(), world.now(NAME)))
    if link:
        headers["Link"] = link
    rows = changed(_limited(rows, query.get("fields")), world.faults.content(request))
    return JSONResponse({dataset: rows}, headers=headers)


def _read(query: dict[str, str]) -> tuple[dict[str, str], int]:
    """Return the active filters and the id that the page starts after. A cursor contains both."""
    if "page_info" not in query:
        return query, int(query.get("since_id", 0))
    for name in query:
        if name not in _WITH_CURSOR:
            see = "See https://shopify.dev/api/usage/pagination-rest for more information."
            raise KeyError({name: f"{name} cannot be passed when page_info is present. {see}"})
    try:
        inside = json.loads(base64.urlsafe_b64decode(query["page_info"]))
        return {**inside["filters"], "limit": query.get("limit", "50")}, int(inside["after"])
    except (ValueError, KeyError, TypeError):
        raise KeyError({"page_info": "Invalid value."}) from None


def _page(
    request: Request, dataset: str, filters: dict[str, str], after: int, data: tuple[Shop, datetime]
) -> tuple[list[dict[str, Any]], str]:
    shop, now = data
    listed = {"orders": shop.orders, "customers": shop.customers, "products": shop.catalogue}[dataset](now)
    limit, rows, more = min(int(filters.get("limit", 50)), 250), list[dict[str, Any]](), False
    first, last = _moment(filters.get("updated_at_min")), _moment(filters.get("updated_at_max"))
    for number, updated_at, make in listed:
        if number <= after or (first and updated_at < first) or (last and updated_at > last):
            continue
        row = make()
        if not _matches(row, dataset, filters):
            continue
        if more := len(rows) == limit:
            break
        rows.append(row)
    return rows, _link(request, filters, rows, limit) if more else ""


def _matches(row: dict[str, Any], dataset: str, filters: dict[str, str]) -> bool:
    created = datetime.fromisoformat(row["created_at"])
    first, last = _moment(filters.get("created_at_min")), _moment(filters.get("created_at_max"))
    if (first and created < first) or (last and created > last):
        return False
    if dataset != "orders":
        return True
    state = "cancelled" if row["cancelled_at"] else "closed" if row["closed_at"] else "open"
    return filters.get("status", "open") in ("any", state)


def _link(request: Request, filters: dict[str, str], rows: list[dict[str, Any]], limit: int) -> str:
    kept = {name: value for name, value in filters.items() if name not in ("limit", "fields", "since_id", "page_info")}
    inside = json.dumps({"filters": kept, "after": rows[-1]["id"]}, sort_keys=True)
    cursor = base64.urlsafe_b64encode(inside.encode()).decode()
    address = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
    return f'<{address}?{urlencode({"limit": limit, "page_info": cursor})}>; rel="next"'


def _moment(value: str | None) -> datetime | None:
    """Parse ISO 8601; a space is a decoded `+`."""
    if not value:
        return None
    moment = datetime.fromisoformat(value.replace(" ", "+"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _limited(rows: list[dict[str, Any]], fields: str | None) -> list[dict[str, Any]]:
    names = fields.split(",") if fields else None
    return [{name: row[name] for name in names if name in row} for row in rows] if names else rows

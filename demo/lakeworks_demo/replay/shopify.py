"""Shopify's Admin REST API over a `Shop`: filters, Link-header cursors, the leaky bucket, and its errors word for word.

`/admin/api/<version>/orders.json` is the busiest store; `/shop-406/admin/api/...` another one. POST `/_control/shopify` sets
the shop's clock (`{"now": "2017-01-10T05:00:00Z"}`: later events have not happened yet), how fast the bucket leaks, or how many
answers repeat the page before (`{"repeat_pages": 2}`).
"""

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lakeworks_demo.data import completejourney
from lakeworks_demo.replay.shop import Shop

TOKEN = "shpat_demo_0123456789abcdef"
BUCKET = 40
# What may stand beside page_info.
_WITH_CURSOR = {"limit", "fields", "page_info"}
_UNAUTHORISED = "[API] Invalid API key or access token (unrecognized login or wrong password)"
_EXCEEDED = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."


@dataclass
class Bucket:
    """Forty requests, draining two a second."""

    leak_per_second: float = 2.0
    level: float = 0.0
    at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        """Whether there is room for one more."""
        now = time.monotonic()
        self.level = max(self.level - (now - self.at) * self.leak_per_second, 0.0)
        self.at = now
        if self.level + 1 > BUCKET:
            return False
        self.level += 1
        return True


@dataclass
class State:
    """What can be set from outside."""

    now: datetime | None = None
    repeat_pages: int = 0
    bucket: Bucket = field(default_factory=Bucket)
    last_page: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)


def routes(open_shop: Callable[[int], Shop] | None = None) -> list[Route]:
    """The vendor's addresses; `open_shop` gives the data of a store."""
    state, shops, lock = State(), dict[int, Shop](), threading.Lock()

    def shop(store: int) -> Shop:
        with lock:  # the first request reads the package
            if store not in shops:
                shops[store] = (open_shop or sample_shop)(store)
            return shops[store]

    def listing(request: Request) -> Response:  # not async: Starlette runs it beside the event loop
        store = int(request.path_params.get("store", completejourney.BUSIEST_STORE))
        return _answer(request, state, lambda: shop(store))

    async def control(request: Request) -> Response:
        wanted = await request.json()
        if "now" in wanted:
            state.now = datetime.fromisoformat(wanted["now"]) if wanted["now"] else None
        state.repeat_pages = wanted.get("repeat_pages", state.repeat_pages)
        if "leak_per_second" in wanted:
            state.bucket = Bucket(wanted["leak_per_second"])
        return JSONResponse({"now": state.now.isoformat() if state.now else None, "repeat_pages": state.repeat_pages})

    path = "/admin/api/{version}/{dataset}.json"
    return [
        Route("/_control/shopify", control, methods=["POST"]),
        Route(path, listing, methods=["GET"]),
        Route("/shop-{store:int}" + path, listing, methods=["GET"]),
        Route("/admin/{rest:path}", lambda _: JSONResponse({"errors": "Not Found"}, 404)),
    ]


def sample_shop(store: int) -> Shop:
    """A store of the sample data as a shop."""
    return Shop(completejourney.baskets(store), completejourney.catalogue(store), completejourney.demographics())


def _answer(request: Request, state: State, shop: Callable[[], Shop]) -> Response:
    if request.headers.get("x-shopify-access-token") != TOKEN:
        return JSONResponse({"errors": _UNAUTHORISED}, 401)
    taken = state.bucket.take()
    headers = {"X-Shopify-Shop-Api-Call-Limit": f"{max(int(state.bucket.level), 1)}/{BUCKET}"}
    if not taken:
        return JSONResponse({"errors": _EXCEEDED}, 429, {**headers, "Retry-After": "2.0"})
    dataset = request.path_params["dataset"]
    if dataset not in ("orders", "customers", "products"):
        return JSONResponse({"errors": "Not Found"}, 404, headers)
    query = dict(request.query_params)
    if state.repeat_pages and "page_info" in query and dataset in state.last_page:
        state.repeat_pages -= 1
        body, before = state.last_page[dataset]
        return Response(body, headers=before, media_type="application/json")
    try:
        filters, after = _read(query)
    except KeyError as error:
        return JSONResponse({"errors": error.args[0]}, 400, headers)
    rows, link = _page(request, dataset, filters, after, (shop(), state.now or datetime.now(UTC)))
    if link:
        headers["Link"] = link
    body = json.dumps({dataset: _limited(rows, query.get("fields"))}).encode()
    state.last_page[dataset] = body, headers
    return Response(body, headers=headers, media_type="application/json")


def _read(query: dict[str, str]) -> tuple[dict[str, str], int]:
    """The filters in force and the id the page comes after: with a cursor, both are inside it."""
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
    for updated_at, make in listed:
        if (first and updated_at < first) or (last and updated_at > last):
            continue
        row = make()
        if row["id"] <= after or not _matches(row, dataset, filters):
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
    """ISO 8601; a + that came as a space is put back."""
    if not value:
        return None
    moment = datetime.fromisoformat(value.replace(" ", "+"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _limited(rows: list[dict[str, Any]], fields: str | None) -> list[dict[str, Any]]:
    wanted = fields.split(",") if fields else None
    return [{name: row[name] for name in wanted if name in row} for row in rows] if wanted else rows

"""Shopify's Admin REST API: orders, customers and products that changed, page by page.

https://shopify.dev/docs/api/admin-rest - token in a header, Link-header cursors whose `page_info` admits no filter beside it,
a leaky bucket of 40 requests that drains 2 a second. Orders are mutable: the same id comes back with a newer `updated_at`.
The API leaves out rows silently in two cases, which this client handles: closed orders without `status=any`, and orders
placed more than 60 days ago without the scope read_all_orders.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from lakeworks.core.clock import utc_now
from lakeworks.errors import ConfigError, MalformedSource, NotPublishedYet, SourceRejected
from lakeworks.sources import FetchRequest, ResponseStore, Rows, SourceConnection
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.limits import Limiter, Limits
from lakeworks.sources.http.paging import Pages, next_link
from lakeworks.sources.http.retry import RetryableResponse
from lakeworks.sources.http.secrets import Secret
from lakeworks.sources.options import Options, no_data_set, read_connection, read_options
from lakeworks.sources.response import SourceResponse

DATASETS = ("orders", "customers", "products")
TOKEN_HEADER = "X-Shopify-Access-Token"  # noqa: S105 - the header's name
# The age up to which an app sees orders without read_all_orders.
VISIBLE_ORDERS = timedelta(days=60)
# Plans: bucket size, and requests per second that leak out of it.
_BUCKETS = {"basic": (40, 2.0), "advanced": (40, 4.0), "plus": (400, 20.0)}


class WindowOptions(Options):
    """Options of a fetch of changes. Windows overlap, because an order may become visible after its `updated_at`."""

    overlap_minutes: int = Field(60, ge=0)
    page_size: int = Field(250, ge=1, le=250)
    longest_window_days: int = Field(31, ge=1)
    first_fetch: Literal["period", "everything"] = "period"


class ShopifyConnection(Options):
    """The extra of the Airflow connection: the shop's plan and the app's scopes."""

    plan: Literal["basic", "advanced", "plus"] = "basic"
    read_all_orders: bool = False
    api_version: str = Field("2026-07", pattern=r"^\d{4}-\d{2}$")


@dataclass(frozen=True)
class Shopify:
    """Data sets `orders`, `customers` and `products`: changes in a period, and before it since the last fetch."""

    http: HttpSource
    access: ShopifyConnection = field(default_factory=ShopifyConnection)
    now: Callable[[], datetime] = utc_now

    @property
    def variant(self) -> str:
        """Return the shop and its plan, so that a fetch is not continued with another shop's pages."""
        return f"{self.http.base_url} {self.access.model_dump_json()}"

    def collect(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """See `RequestSource.collect`; the facts are the window.

        Raises:
            NotPublishedYet: the period is not over.
            ConfigError: the time since the last fetch is too long for one fetch.
        """
        if request.dataset not in DATASETS:
            raise no_data_set("shopify", request.dataset, DATASETS)
        options = read_options(WindowOptions, request)
        window = self._window(request, options)
        pages = Pages(f"shopify {request.dataset} {request.period}")
        used: set[str] = set()

        def take(number: int, cursor: dict[str, str] | None) -> SourceResponse:
            if cursor:
                used.add(cursor["page_info"])
            filters = {"page_info": cursor["page_info"]} if cursor else window
            params: dict[str, str | int] = {"limit": options.page_size, **filters}
            return landing.fetch_once(
                f"page-{number:04d}.json", lambda: self._ask(request.dataset, params, pages, used), **window
            )

        # If this attempt continues an earlier one, use that one's window: its cursors contain it.
        asked, *_ = (answer.facts for answer in pages.walk(take))
        return asked

    def _window(self, request: FetchRequest, options: WindowOptions) -> dict[str, str]:
        """Return the filters of the first page. The cursors of later pages contain them."""
        start, end = request.period.start, request.period.end
        if self.now() < end:
            raise NotPublishedYet(
                f"{request.period} is not over before {end:%Y-%m-%d %H:%M} UTC: its {request.dataset} may still "
                "change. No request was sent. The run tries again later."
            )
        since = min(request.since or start, start)
        if start - since > timedelta(days=options.longest_window_days):
            raise ConfigError(
                f"shopify {request.dataset} {request.period}: the fetch before ended {since:%Y-%m-%d}, "
                f"{(start - since).days} days earlier, more than longest_window_days of "
                f"{options.longest_window_days}. No request was sent. Run the days between first (airflow backfill "
                "create), or raise the number in the contract's source_options."
            )
        first = since - timedelta(minutes=options.overlap_minutes)
        # The API's bounds are inclusive and its times whole seconds.
        window = {"updated_at_min": _text(first), "updated_at_max": _text(end - timedelta(seconds=1))}
        if request.dataset == "orders":
            self._refuse_hidden(request, since)
            window["status"] = "any"
        if options.first_fetch == "everything" and request.since is None:
            del window["updated_at_min"]
        return window

    def _refuse_hidden(self, request: FetchRequest, since: datetime) -> None:
        if not self.access.read_all_orders and since < self.now() - VISIBLE_ORDERS:
            raise SourceRejected(
                f"Shopify shows this app orders of the last {VISIBLE_ORDERS.days} days only, and {request.period} "
                f"needs those since {since:%Y-%m-%d}. Older orders would be missing silently. No request was sent. "
                'Ask Shopify for the scope read_all_orders, then set {"read_all_orders": true} in the extra of the '
                "Airflow connection `shopify`."
            )

    def _ask(self, dataset: str, params: Mapping[str, str | int], pages: Pages, used: set[str]) -> SourceResponse:
        def check(answer: SourceResponse) -> bool:
            """Reject a response that is no page, came before, or leads back to an earlier page."""
            if answer.status != 200:
                return False
            problem = _problem(answer, dataset)
            following = next_link(answer)
            if not problem and following and following.get("page_info") in used:
                problem = "its next page came before: the cursor repeats itself"
            if problem:
                raise RetryableResponse(f"{problem} ({answer.quoted(80)})", final=MalformedSource)
            pages.check(answer)
            return False

        return self.http.ask(f"admin/api/{self.access.api_version}/{dataset}.json", params, check=check)


def connect(access: SourceConnection) -> Shopify:
    """Return a client of one shop.

    Raises:
        ConfigError: the connection lacks host or token, or its extra is wrong.
    """
    if not access.base_url or not access.secret:
        raise ConfigError(
            "Shopify needs an Airflow connection `shopify` with the shop's address as host "
            "(https://my-shop.myshopify.com) and the Admin API access token as password. No request was sent."
        )
    extra = read_connection(ShopifyConnection, "shopify", access)
    burst, rate = _BUCKETS[extra.plan]
    limiter = Limiter("shopify", Limits(per_second=rate, burst=burst), access.state)
    return Shopify(HttpSource(access.base_url, secret=Secret(TOKEN_HEADER, access.secret), limiter=limiter), extra)


def parse(request: FetchRequest, answer: SourceResponse) -> Rows:
    """Return the objects of one landed page."""
    rows: list[dict[str, Any]] = answer.json()[request.dataset]
    return rows


def _problem(answer: SourceResponse, dataset: str) -> str | None:
    try:
        content: Any = answer.json()
    except ValueError:
        return "the answer is no JSON"
    rows = content.get(dataset) if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        return f"the answer has no list `{dataset}`"
    return None


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"

"""CoinGecko API v3: prices of coins over time, candles, and the market list. Data provided by CoinGecko.

https://docs.coingecko.com - a Demo key gets 100 requests a minute, 10,000 a month (failed ones count) and the last 365 days;
without a key the address is limited. Errors come in four shapes (`_code`), and 401 also means "not in your plan". The
API Terms require attribution, so every fetch contains it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Literal

from pydantic import Field

from lakeworks.errors import ConfigError, MalformedSource, SourceRejected
from lakeworks.sources import FetchRequest, ResponseStore, Rows, SourceConnection
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.limits import Limiter, Limits
from lakeworks.sources.http.paging import Pages
from lakeworks.sources.http.retry import RetryableResponse, json_or_again
from lakeworks.sources.http.secrets import Secret
from lakeworks.sources.options import Options, no_data_set, read_connection, read_options
from lakeworks.sources.per_symbol import land_each
from lakeworks.sources.response import SourceResponse

ATTRIBUTION = "Data provided by CoinGecko"
HOSTS = {"demo": "https://api.coingecko.com/api/v3", "pro": "https://pro-api.coingecko.com/api/v3"}
_LIMITS = {
    "demo": Limits(per_second=100 / 60, burst=10, per_month=10_000),
    "pro": Limits(per_second=500 / 60, burst=50),
}
_PAGE = 250


class CoinOptions(Options):
    """Coins by CoinGecko's id (`bitcoin`), and the currency of the amounts."""

    coins: tuple[str, ...] = Field(min_length=1)
    vs_currency: str = "usd"


class CandleOptions(CoinOptions):
    """The number of days back. The vendor's candles are 30 minutes up to 2 days, 4 hours up to 30, 4 days beyond."""

    days: Literal[1, 7, 14, 30, 90, 180, 365] = 1


class MarketOptions(Options):
    """The largest coins by market capitalisation."""

    top: int = Field(250, ge=1, le=20_000)
    vs_currency: str = "usd"


class CoinGeckoConnection(Options):
    """The extra of the Airflow connection: the kind of key."""

    profile: Literal["demo", "pro"] = "demo"


@dataclass(frozen=True)
class CoinGecko:
    """Data sets `market_chart` (points of the period), `ohlc` (candles up to now) and `markets` (the list, in pages)."""

    http: HttpSource

    def collect(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """See `RequestSource.collect`."""
        if request.dataset == "markets":
            self._markets(read_options(MarketOptions, request), landing)
            return {"attribution": ATTRIBUTION}
        if request.dataset == "market_chart":
            options, path = read_options(CoinOptions, request), "market_chart/range"
            last = request.period.end - timedelta(seconds=1)  # the end belongs to the next period
            query: dict[str, str | int] = {"from": int(request.period.start.timestamp()), "to": int(last.timestamp())}
        elif request.dataset == "ohlc":
            options, path = (candles := read_options(CandleOptions, request)), "ohlc"
            query = {"days": candles.days}
        else:
            raise no_data_set(
                "coingecko",
                request.dataset,
                (
                    "market_chart",
                    "ohlc",
                    "markets",
                ),
            )
        query["vs_currency"] = options.vs_currency

        def ask(coin: str) -> SourceResponse:
            return self.http.ask(f"coins/{coin}/{path}", query, check=self._check_response)

        given = {"vs_currency": options.vs_currency}
        return {**land_each("CoinGecko", options.coins, landing, ask, _is_known, **given), "attribution": ATTRIBUTION}

    def _markets(self, options: MarketOptions, landing: ResponseStore) -> None:
        """Fetch the market list. Each page is a plain array without a total; the first page that is not full is the last."""
        pages, size = Pages("coins/markets"), min(options.top, _PAGE)
        query: dict[str, str | int] = {"vs_currency": options.vs_currency, "order": "market_cap_desc", "per_page": size}

        def check(answer: SourceResponse) -> bool:
            kept = self._check_response(answer)
            pages.check(answer)
            return kept

        for number in range(1, -(-options.top // size) + 1):
            params = {**query, "page": number}
            ask = partial(self.http.ask, "coins/markets", params, check=check)
            answer = landing.fetch_once(f"page-{number:04d}.json", ask, vs_currency=options.vs_currency)
            pages.add(answer)
            if len(answer.json()) < size:
                return

    def _check_response(self, answer: SourceResponse) -> bool:
        if answer.status == 429 or answer.status >= 500:
            return False
        body = json_or_again(answer)
        code, said = _code(body), str(body)[:300]
        if code == 10012:
            raise SourceRejected(
                "CoinGecko: the period is older than the 365 days a Demo key may see. The response was not landed "
                f'({said}). Run a later period, or use a Pro key: extra {{"profile": "pro"}} of the connection '
                "`coingecko`."
            )
        if code in (10002, 10010, 10011):
            raise ConfigError(
                f"CoinGecko refuses the key ({said}). Nothing was landed. Correct password and profile (demo, pro) of "
                "the Airflow connection `coingecko`."
            )
        if code == 10005:
            raise SourceRejected(
                f"CoinGecko: the plan of this key does not include the request ({said}). The response was not landed. "
                "Use a key of a larger plan."
            )
        if code == 429:  # also seen with other statuses than 429
            raise RetryableResponse("too many requests", wait=30)
        if answer.status == 404 and "coin not found" in answer.text:
            return True
        if answer.status == 200 and not _has_data(body):
            raise RetryableResponse(f"no data, but {said}", final=MalformedSource)
        return False


def connect(access: SourceConnection) -> CoinGecko:
    """Return the client: key from the connection's password, its kind from the extra."""
    profile = read_connection(CoinGeckoConnection, "coingecko", access).profile
    secret = Secret(f"x-cg-{profile}-api-key", access.secret) if access.secret else None
    limiter = Limiter("coingecko", _LIMITS[profile], access.state)
    return CoinGecko(HttpSource(access.base_url or HOSTS[profile], secret=secret, limiter=limiter, longest_wait=150))


def parse(request: FetchRequest, answer: SourceResponse) -> Rows:
    """Return the rows of one landed response; an unknown coin has none."""
    if answer.status != 200:
        return []
    body = answer.json()
    about = {**answer.facts, "vendor": "coingecko"}
    if request.dataset == "markets":
        return [{**row, **about} for row in body]
    if request.dataset == "ohlc":
        names = ("close_time_ms", "open", "high", "low", "close")
        return [{**about, **dict(zip(names, candle, strict=True))} for candle in body]
    return _points(body, about)


def _points(body: Mapping[str, Any], about: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Join the three series by their timestamps; a timestamp may be missing in one of them."""
    points: dict[int, dict[str, Any]] = {}
    for series, name in (("prices", "price"), ("market_caps", "market_cap"), ("total_volumes", "total_volume")):
        for moment, value in body.get(series) or []:
            points.setdefault(moment, {"price": None, "market_cap": None, "total_volume": None})[name] = value
    for moment, values in sorted(points.items()):
        yield {**about, "timestamp_ms": moment, **values}


def _is_known(answer: SourceResponse) -> bool:
    return answer.status == 200


def _has_data(body: Any) -> bool:
    return isinstance(body, list) or (isinstance(body, dict) and isinstance(body.get("prices"), list))


def _code(body: Any) -> int | None:
    """Return the error code from any of the four shapes."""
    if not isinstance(body, dict):
        return None
    inner = body.get("error")
    for holder in (body.get("status"), inner.get("status") if isinstance(inner, dict) else None, body):
        if isinstance(holder, dict) and isinstance(holder.get("error_code"), int):
            return int(holder["error_code"])
    return None

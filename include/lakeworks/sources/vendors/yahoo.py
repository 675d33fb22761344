"""Yahoo Finance's chart API (v8): unofficial, undocumented, for personal use by Yahoo's terms. It has to be switched on.

Responses are parallel arrays with nulls. Prices are adjusted for every split known at the fetch, so each split rewrites
history. A request therefore covers the period up to the time of the fetch, and the response has the splits too. The newest
bar may be live, come twice, or have a volume and no prices. Since 2025 Yahoo refuses plain HTTP clients (429 by TLS
fingerprint): a deployment that needs it uses its own proxy, named as the connection's host.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from lakeworks.errors import MalformedSource, SourceRejected
from lakeworks.sources import FetchRequest, ResponseStore, Rows, SourceConnection
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.limits import Limiter, Limits
from lakeworks.sources.http.retry import RetryableResponse, json_or_again
from lakeworks.sources.options import Options, no_data_set, read_connection, read_options
from lakeworks.sources.per_symbol import land_each
from lakeworks.sources.response import SourceResponse

BASE_URL = "https://query1.finance.yahoo.com"
_PRICES = ("open", "high", "low", "close", "volume")


class YahooOptions(Options):
    """Symbols to request; class shares have a dash (BRK-B)."""

    symbols: tuple[str, ...] = Field(min_length=1)


class YahooConnection(Options):
    """The extra of the Airflow connection: acceptance of the terms, and the User-Agent."""

    accept_terms: Literal[True]
    user_agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass(frozen=True)
class Yahoo:
    """Data set `daily_bars`."""

    http: HttpSource
    clock: Callable[[], float] = time.time

    def collect(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """See `RequestSource.collect`."""
        if request.dataset != "daily_bars":
            raise no_data_set("yahoo", request.dataset, ("daily_bars",))
        since, until = int(request.period.start.timestamp()), int(self.clock())
        params: dict[str, str | int] = {"period1": since, "period2": until, "interval": "1d"}
        params["events"] = "div,splits,capitalGains"

        def ask(symbol: str) -> SourceResponse:
            return self.http.ask(f"v8/finance/chart/{symbol}", params, check=_check_response)

        symbols = read_options(YahooOptions, request).symbols
        return land_each("Yahoo", symbols, landing, ask, lambda answer: answer.status == 200)


def connect(access: SourceConnection) -> Yahoo:
    """Return the client. The connection's extra must have `{"accept_terms": true}`."""
    said = read_connection(YahooConnection, "yahoo", access)
    limiter = Limiter("yahoo", Limits(per_second=0.5, burst=2), access.state)  # no limit is published
    return Yahoo(HttpSource(access.base_url or BASE_URL, user_agent=said.user_agent, limiter=limiter))


def _check_response(answer: SourceResponse) -> bool:
    if answer.status == 429 or answer.status >= 500 or "Too Many Requests" in answer.text[:100]:
        raise RetryableResponse(f"HTTP {answer.status}: {answer.quoted(40)}", wait=10)
    chart = json_or_again(answer).get("chart") or {}
    error = chart.get("error") or {}
    if answer.status == 404 and error.get("code") == "Not Found":
        return True
    if error:
        raise SourceRejected(f"Yahoo: {error.get('description')} The response was not landed. Run another period.")
    if answer.status == 200 and not chart.get("result"):
        raise RetryableResponse(f"no result; the answer begins with {answer.quoted()}", final=MalformedSource)
    return False


def parse(_: FetchRequest, answer: SourceResponse) -> Rows:
    """Return one row per bar or event of a landed response; an unknown symbol has none."""
    return _bars(answer) if answer.status == 200 else []


def _bars(answer: SourceResponse) -> Iterator[dict[str, Any]]:
    result = answer.json()["chart"]["result"][0]
    meta, indicators = result.get("meta", {}), result.get("indicators", {})
    quote, adjusted = _first(indicators.get("quote")), _first(indicators.get("adjclose"))
    events = _events(result.get("events") or {})
    moments = result.get("timestamp") or []  # an empty window has no such key
    about = {"currency": meta.get("currency"), "exchange_timezone_name": meta.get("exchangeTimezoneName")}
    seen: set[int] = set()
    for number, moment in enumerate(moments):
        bar = {name: _at(quote.get(name), number) for name in _PRICES}
        bar["adjclose"] = _at(adjusted.get("adjclose"), number)
        event = events.get(moment, _NOTHING) if moment not in seen else _NOTHING  # a bar may come twice, its event once
        seen.add(moment)
        yield {"symbol": answer.facts["symbol"], "timestamp": moment, **bar, **event, **about, "vendor": "yahoo"}
    nothing = dict.fromkeys((*_PRICES, "adjclose"))
    for moment in sorted(events.keys() - seen):
        yield {
            "symbol": answer.facts["symbol"],
            "timestamp": moment,
            **nothing,
            **events[moment],
            **about,
            "vendor": "yahoo",
        }


_NOTHING: dict[str, Any] = {"dividend_amount": None, "split_numerator": None, "split_denominator": None}


def _events(events: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    by_moment: dict[int, dict[str, Any]] = {}
    for item in (events.get("dividends") or {}).values():
        by_moment.setdefault(item["date"], dict(_NOTHING))["dividend_amount"] = item["amount"]
    for item in (events.get("splits") or {}).values():
        split = {"split_numerator": item["numerator"], "split_denominator": item["denominator"]}
        by_moment.setdefault(item["date"], dict(_NOTHING)).update(split)
    return by_moment


def _first(items: list[dict[str, Any]] | None) -> dict[str, Any]:
    return items[0] if items else {}


def _at(values: list[Any] | None, number: int) -> Any:
    return values[number] if values and number < len(values) else None

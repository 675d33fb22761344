"""Alpha Vantage: daily and minute bars, company overviews and the listing of all symbols.

https://www.alphavantage.co/documentation/ - one endpoint, key in the query, values are text, no paging and no date range.
A free key gets 25 requests a day, 1 a second, and the last 100 daily bars; minute and adjusted bars need a premium key. All
errors are HTTP 200 with a sentence whose wording changed four times. So a response without the expected data is an error,
and the sentence (`_refusal`) only decides its kind.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from lakeworks.errors import ConfigError, MalformedSource, PartitionKeyError, SourceRejected
from lakeworks.formats.text.csv_file import read_text
from lakeworks.sources import FetchRequest, ResponseStore, Rows, SourceConnection
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.limits import Limiter, Limits
from lakeworks.sources.http.retry import RetryableResponse, json_or_again
from lakeworks.sources.http.secrets import Secret
from lakeworks.sources.options import Options, no_data_set, read_connection, read_options
from lakeworks.sources.per_symbol import land_each
from lakeworks.sources.response import SourceResponse

BASE_URL = "https://www.alphavantage.co"
_LISTING_HEADER = "symbol,name,exchange,assetType,ipoDate,delistingDate,status"
# The vendor does not document when its day begins, so retry every hour.
_LOOK_AGAIN = timedelta(hours=1)


class AlphaVantageOptions(Options):
    """Symbols to request; class shares have a dot (BRK.B)."""

    symbols: tuple[str, ...] = Field(min_length=1)


class ListingOptions(Options):
    """The state of the listings: active or delisted, as of the period's day."""

    state: Literal["active", "delisted"] = "active"


class AlphaVantageConnection(Options):
    """The extra of the Airflow connection: the plan of the key."""

    profile: Literal["free", "premium"] = "free"
    requests_per_minute: float = Field(75, gt=0)  # premium plans: 75 to 1200


@dataclass(frozen=True)
class AlphaVantage:
    """Data sets `daily_bars`, `minute_bars`, `overview` and `listings`."""

    http: HttpSource
    premium: bool = False

    @property
    def variant(self) -> str:
        """Return the key's plan. Responses differ by plan, so a fetch begun with one is not continued with another."""
        return "premium" if self.premium else "free"

    def collect(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """See `RequestSource.collect`."""
        if request.dataset == "listings":
            return self._listings(request, landing)
        query, symbols = self._function(request), read_options(AlphaVantageOptions, request).symbols

        def ask(symbol: str) -> SourceResponse:
            return self.http.ask("query", {**query, "symbol": symbol}, check=self._check_response)

        return land_each("Alpha Vantage", symbols, landing, ask, lambda answer: _has_data(answer.json()))

    def _function(self, request: FetchRequest) -> dict[str, str]:
        if request.dataset == "daily_bars":
            if self.premium:
                return {"function": "TIME_SERIES_DAILY_ADJUSTED", "outputsize": "full"}
            return {"function": "TIME_SERIES_DAILY", "outputsize": "compact"}
        if request.dataset == "overview":
            return {"function": "OVERVIEW"}
        if request.dataset != "minute_bars":
            raise no_data_set(
                "alpha_vantage",
                request.dataset,
                (
                    "daily_bars",
                    "minute_bars",
                    "overview",
                    "listings",
                ),
            )
        if request.period.grain != "month":
            raise PartitionKeyError(
                f"alpha_vantage.minute_bars has files of a month; `{request.period}` is a {request.period.grain}. "
                "No request was sent."
            )
        if not self.premium:
            raise SourceRejected(
                "alpha_vantage.minute_bars needs a premium key, but the connection `alpha_vantage` has profile "
                '`free`. No request was sent. With a premium key set its extra to {"profile": "premium"}.'
            )
        month = {"interval": "1min", "month": str(request.period), "outputsize": "full"}
        return {"function": "TIME_SERIES_INTRADAY", **month, "adjusted": "false", "extended_hours": "true"}

    def _listings(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        params = {"function": "LISTING_STATUS", "state": read_options(ListingOptions, request).state}
        if request.period.grain == "day":
            params["date"] = str(request.period)
        landing.fetch_once("listings.csv", lambda: self.http.ask("query", params, check=self._judge_csv))
        return {}

    def _check_response(self, answer: SourceResponse) -> bool:
        if answer.status != 200:
            return False
        body = json_or_again(answer)
        if not isinstance(body, dict):
            raise RetryableResponse(f"the answer is no object; it begins with {answer.quoted()}", final=MalformedSource)
        if not _has_data(body):
            self._refusal(body)
        return True

    def _judge_csv(self, answer: SourceResponse) -> bool:
        """Check a listing. Errors are JSON, or that JSON's first key as a row of letters (`I,n,f,o,...`)."""
        if answer.status != 200:
            return False
        if answer.text.startswith(_LISTING_HEADER):
            _check_lines(answer)
            return False
        if answer.text.lstrip().startswith("{"):
            self._check_response(answer)
        raise RetryableResponse(f"the answer is no listing; it begins with {answer.quoted()}", final=MalformedSource)

    def _refusal(self, body: dict[str, Any]) -> None:
        """Raise the error that a sentence means; return for an unknown symbol. Order matters: all sentences have `premium`."""
        said = " ".join(str(body.get(key, "")) for key in ("Information", "Note", "Error Message")).strip()
        if "spreading out" in said:
            raise RetryableResponse("too many requests a second", wait=1.5)
        if "is a premium" in said:
            raise SourceRejected(
                f"Alpha Vantage: {said} The response was not landed. Set the extra of the connection `alpha_vantage` "
                'to {"profile": "free"}, or use a premium key.'
            )
        if "standard API rate limit is" in said:
            raise self.http.exhausted(_LOOK_AGAIN, "Alpha Vantage reports that the requests of the day are used up")
        if "apikey is invalid" in said:
            raise ConfigError(
                "Alpha Vantage does not know the key. Nothing was landed. Set the password of the Airflow connection "
                "`alpha_vantage` to the key."
            )
        if not said or "Invalid API call" in said:
            return
        raise RetryableResponse(f"no data, but the sentence {said[:200]!r}")


def connect(access: SourceConnection) -> AlphaVantage:
    """Return the client: key from the connection's password, profile from its extra."""
    said = read_connection(AlphaVantageConnection, "alpha_vantage", access)
    premium = said.profile == "premium"
    limits = Limits(said.requests_per_minute / 60) if premium else Limits(per_second=1, per_day=25)
    http = HttpSource(
        access.base_url or BASE_URL,
        secret=Secret("apikey", access.secret or "", "query"),
        limiter=Limiter("alpha_vantage", limits, access.state),
    )
    return AlphaVantage(http, premium)


def parse(request: FetchRequest, answer: SourceResponse) -> Rows:
    """Return the rows of one landed response: bars, the overview, or the listing's lines. A symbol without data has none."""
    if request.dataset == "listings":
        return read_text(io.StringIO(answer.text, newline=""))
    body = answer.json()
    if not _has_data(body):
        return []
    return [body] if request.dataset == "overview" else _bars(request, answer, body)


def _bars(request: FetchRequest, answer: SourceResponse, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    about = {_plain(key): value for key, value in body.get("Meta Data", {}).items()}
    daily = request.dataset == "daily_bars"
    extra = {"last_refreshed": about.get("last_refreshed")} if daily else {"time_zone": about.get("time_zone")}
    for moment, bar in body[_series(body)].items():
        fields = {_plain(key): value for key, value in bar.items()}
        at = {"session_date" if daily else "bar_at": moment}
        yield {"symbol": answer.facts["symbol"], **at, **fields, **extra, "vendor": "alpha_vantage"}


def _check_lines(answer: SourceResponse) -> None:
    """Refuse a listing with a line of another width, because a comma in a name moves every later value."""
    try:
        for _ in read_text(io.StringIO(answer.text, newline="")):
            pass
    except ValueError as error:
        raise RetryableResponse(f"the listing is broken: {error}", final=MalformedSource) from error


def _has_data(body: dict[str, Any]) -> bool:
    return bool(_series(body) or body.get("Symbol"))


def _series(body: dict[str, Any]) -> str:
    """Return the key of the bars (`Time Series (Daily)`, `Time Series (5min)`); empty if there is none."""
    return next((key for key in body if "Time Series" in key and isinstance(body[key], dict)), "")


def _plain(key: str) -> str:
    """Return `5. adjusted close` as `adjusted_close`: the numbers differ between functions."""
    return re.sub(r"^\d+[.:] ", "", key).strip().lower().replace(" ", "_")

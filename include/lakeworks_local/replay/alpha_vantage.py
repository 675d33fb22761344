"""Replay of Alpha Vantage's one endpoint: real daily bars, refusals as sentences with HTTP 200, the limits of a free key.

A key that begins with `PREMIUM` may request everything without limits. `INVALID` is unknown. Any other key is a free key.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lakeworks_local.data import equities
from lakeworks_local.data.equities import Bar, TradingSession
from lakeworks_local.replay.faults import Fault, changed
from lakeworks_local.replay.moved_dates import moved_sessions
from lakeworks_local.replay.world import Allowance, World

NAME = "alpha_vantage"
_PREMIUM = "https://www.alphavantage.co/premium/"
_THANKS = "Thank you for using Alpha Vantage! "
BURST = (
    f"{_THANKS}Please consider spreading out your free API requests more sparingly (1 request per second). You may subscribe "
    f"to any of the premium plans at {_PREMIUM} to lift the free key rate limit (25 requests per day), raise the per-second "
    "burst limit, and instantly unlock all premium endpoints"
)
DAILY_CAP = (
    "We have detected your API key as {key} and our standard API rate limit is 25 requests per day. Please subscribe to any of "
    f"the premium plans at {_PREMIUM} to instantly remove all daily rate limits."
)
PREMIUM_ONLY = (
    f"{_THANKS}This is a premium endpoint. You may subscribe to any of the premium plans at {_PREMIUM} to instantly unlock all "
    "premium endpoints"
)
FULL_IS_PREMIUM = (
    f"{_THANKS}The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint. You may subscribe "
    f"to any of the premium plans at {_PREMIUM} to instantly unlock all premium features"
)
NO_KEY = (
    "the parameter apikey is invalid or missing. Please claim your free API key on "
    "(https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds."
)
_DOCUMENTATION = "https://www.alphavantage.co/documentation/"
INVALID_CALL = f"Invalid API call. Please retry or visit the documentation ({_DOCUMENTATION}) for {{function}}."
# Facts about the companies. A missing fact is "None", as in the vendor's responses.
with (Path(__file__).parent.parent / "data" / "companies.csv").open(encoding="utf-8") as _file:
    COMPANIES = {row["Symbol"]: row for row in csv.DictReader(_file)}
_UNKNOWN = """
    MarketCapitalization EBITDA PERatio PEGRatio BookValue DividendPerShare DividendYield EPS RevenuePerShareTTM ProfitMargin
    OperatingMarginTTM ReturnOnAssetsTTM ReturnOnEquityTTM RevenueTTM GrossProfitTTM DilutedEPSTTM QuarterlyEarningsGrowthYOY
    QuarterlyRevenueGrowthYOY AnalystTargetPrice AnalystRatingStrongBuy AnalystRatingBuy AnalystRatingHold AnalystRatingSell
    AnalystRatingStrongSell TrailingPE ForwardPE PriceToSalesRatioTTM PriceToBookRatio EVToRevenue EVToEBITDA Beta
    SharesOutstanding DividendDate ExDividendDate
""".split()  # noqa: SIM905 - a column of 35 lines says no more


def routes(world: World) -> list[Route]:
    """The vendor's address."""
    # The morning after the last session of the data.
    world.vendor(NAME, datetime(2013, 3, 2, 6, tzinfo=UTC), Allowance(per_second=1, per_day=25))

    async def query(request: Request) -> Response:
        return _answer(world, request)

    return [Route("/query", query)]


def _answer(world: World, request: Request) -> Response:
    params = request.query_params
    key, function = params.get("apikey", ""), params.get("function", "")
    if not key or key.startswith("INVALID"):
        return JSONResponse({"Error Message": NO_KEY})
    premium = key.startswith("PREMIUM")
    limit = None if premium else world.over(NAME, key)
    if limit:
        return JSONResponse({"Information": BURST if limit == "second" else DAILY_CAP.format(key=key)})
    answer = _FUNCTIONS.get(function)
    if answer is None:
        return JSONResponse({"Error Message": INVALID_CALL.format(function=function)})
    if not premium and (refusal := _entitlement(function, params.get("outputsize", "compact"))):
        return JSONResponse({"Information": refusal})
    faults = world.faults.content(request)
    content = answer(Asked(dict(params), world.now(NAME), faults, _book(world.today)))
    if isinstance(content, Response):
        return content
    return JSONResponse(
        changed(content, faults) if content else {"Error Message": INVALID_CALL.format(function=function)}
    )


@dataclass(frozen=True)
class Asked:
    """A request: its parameters, the vendor's time, the active faults, and every symbol's sessions."""

    params: dict[str, str]
    now: datetime
    faults: list[Fault]
    book: dict[str, list[TradingSession]]


@lru_cache(maxsize=2)
def _book(today: date | None) -> dict[str, list[TradingSession]]:
    return moved_sessions(equities.sessions(), today) if today else equities.sessions()


def _entitlement(function: str, size: str) -> str | None:
    if function in ("TIME_SERIES_DAILY_ADJUSTED", "TIME_SERIES_INTRADAY"):
        return PREMIUM_ONLY
    return FULL_IS_PREMIUM if function == "TIME_SERIES_DAILY" and size == "full" else None


def _history(asked: Asked) -> tuple[list[TradingSession], bool]:
    symbol, faults = asked.params.get("symbol", "").upper(), asked.faults
    if symbol not in asked.book or any(fault.kind == "empty" for fault in faults):
        return [], False
    sessions, running = equities.known_at(symbol, asked.now, asked.book)
    if sessions and any(fault.kind == "partial" for fault in faults):
        noon = datetime.combine(sessions[-1].day, datetime.min.time().replace(hour=12))
        return [*sessions[:-1], equities.partial(symbol, sessions[-1], noon)], True
    if sessions and any(fault.kind == "republished" for fault in faults):
        last = sessions[-1]
        sessions[-1] = TradingSession(
            last.day, Bar(last.bar.open, last.bar.high + 1, last.bar.low, last.bar.close + 1, last.bar.volume)
        )
    return sessions, running


def _daily(asked: Asked) -> dict[str, Any]:
    params, now = asked.params, asked.now
    history, running = _history(asked)
    if not history:
        return {}
    adjusted = params["function"].endswith("ADJUSTED")
    closes = equities.adjusted_closes(history)
    full = params.get("outputsize") == "full"
    series = {}
    for number in range(len(history) - 1, max(len(history) - (len(history) if full else 100), 0) - 1, -1):
        session = history[number]
        series[str(session.day)] = _adjusted(session, closes[number]) if adjusted else _plain(session.bar)
    last = history[-1].day
    return {
        "Meta Data": {
            "1. Information": "Daily Time Series with Splits and Dividend Events"
            if adjusted
            else "Daily Prices (open, high, low, close) and Volumes",
            "2. Symbol": params["symbol"],
            "3. Last Refreshed": f"{now.astimezone(equities.NEW_YORK):%Y-%m-%d %H:%M:%S}" if running else str(last),
            "4. Output Size": "Full size" if full else "Compact",
            "5. Time Zone": "US/Eastern",
        },
        "Time Series (Daily)": series,
    }


def _plain(bar: Bar) -> dict[str, str]:
    values = {"1. open": bar.open, "2. high": bar.high, "3. low": bar.low, "4. close": bar.close}
    return {**{name: f"{value:.4f}" for name, value in values.items()}, "5. volume": str(bar.volume)}


def _adjusted(session: TradingSession, close: float) -> dict[str, str]:
    plain = _plain(session.bar)
    volume = plain.pop("5. volume")
    events = {"7. dividend amount": f"{session.dividend:.4f}", "8. split coefficient": f"{session.split:.1f}"}
    return {**plain, "5. adjusted close": f"{close:.13g}", "6. volume": volume, **events}


def _intraday(asked: Asked) -> dict[str, Any]:
    params, now = asked.params, asked.now
    history, _ = _history(asked)
    step, month = params.get("interval", ""), params.get("month", f"{now:%Y-%m}")
    if step not in ("1min", "5min", "15min", "30min", "60min"):
        return {}
    local = now.astimezone(equities.NEW_YORK).replace(tzinfo=None)
    bars = {}
    for session in history:
        if f"{session.day:%Y-%m}" == month:
            bars.update(_stepped(params["symbol"].upper(), session, int(step.removesuffix("min"))))
    known_bars = sorted(((at, bar) for at, bar in bars.items() if at <= local), reverse=True)
    if not known_bars:
        return {}
    if params.get("outputsize") != "full":
        known_bars = known_bars[:100]
    return {
        "Meta Data": {
            "1. Information": f"Intraday ({step}) open, high, low, close prices and volume",
            "2. Symbol": params["symbol"],
            "3. Last Refreshed": str(known_bars[0][0]),
            "4. Interval": step,
            "5. Output Size": "Full size" if params.get("outputsize") == "full" else "Compact",
            "6. Time Zone": "US/Eastern",
        },
        f"Time Series ({step})": {str(at): _plain(bar) for at, bar in known_bars},
    }


def _stepped(symbol: str, session: TradingSession, minutes: int) -> dict[datetime, Bar]:
    bars = [*equities.minute_bars(symbol, session).items()]
    return {
        bars[start][0]: equities.merged([bar for _, bar in bars[start : start + minutes]])
        for start in range(0, len(bars), minutes)
    }


def _overview(asked: Asked) -> Response | dict[str, Any]:
    params, now = asked.params, asked.now
    history, _ = _history(asked)
    company = COMPANIES.get(params.get("symbol", "").upper())
    if not history or company is None:
        return JSONResponse({})  # the vendor's response for an unknown symbol
    closes = equities.adjusted_closes(history)
    year = [session.bar for session in history[-252:]]
    quarter = date(now.year, (now.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)
    described = {name: company[name] for name in ("Name", "CIK", "Exchange", "Sector", "Industry", "FiscalYearEnd")}
    return {
        "Symbol": params["symbol"], "AssetType": "Common Stock", "Description": "None", **described, "Currency": "USD",
        "Country": "USA", "Address": "-", "OfficialSite": "None", "LatestQuarter": str(quarter),
        **dict.fromkeys(_UNKNOWN, "None"),
        "52WeekHigh": f"{max(bar.high for bar in year):.2f}", "52WeekLow": f"{min(bar.low for bar in year):.2f}",
        "50DayMovingAverage": f"{sum(closes[-50:]) / len(closes[-50:]):.2f}",
        "200DayMovingAverage": f"{sum(closes[-200:]) / len(closes[-200:]):.2f}",
    }  # fmt: skip


def _listings(asked: Asked) -> Response:
    params, now = asked.params, asked.now
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\r\n")
    sheet.writerow(["symbol", "name", "exchange", "assetType", "ipoDate", "delistingDate", "status"])
    day = params.get("date") or f"{now:%Y-%m-%d}"
    for symbol, company in COMPANIES.items():
        if params.get("state", "active") == "active" and company["ipoDate"] <= day:
            sheet.writerow(
                [symbol, company["Name"], company["Exchange"], "Stock", company["ipoDate"], "null", "Active"]
            )
    return Response(text.getvalue(), media_type="application/x-download")


_FUNCTIONS: dict[str, Callable[[Asked], Any]] = {
    "TIME_SERIES_DAILY": _daily,
    "TIME_SERIES_DAILY_ADJUSTED": _daily,
    "TIME_SERIES_INTRADAY": _intraday,
    "OVERVIEW": _overview,
    "LISTING_STATUS": _listings,
}

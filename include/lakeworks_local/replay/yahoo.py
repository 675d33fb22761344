"""Replay of Yahoo's chart API v8 with Apple's real prices: parallel arrays, float noise, a live bar, gaps, two error shapes."""

import struct
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lakeworks_local.data import yahoo_prices
from lakeworks_local.data.equities import NEW_YORK
from lakeworks_local.data.yahoo_prices import YahooSession
from lakeworks_local.replay.faults import Fault, changed
from lakeworks_local.replay.world import Allowance, World

NAME = "yahoo"
SYMBOL = "AAPL"
_PRICES = ("open", "high", "low", "close", "volume")


def routes(world: World) -> list[Route]:
    """The vendor's address."""
    world.vendor(NAME, datetime(2024, 12, 31, 6, tzinfo=UTC), Allowance(per_second=2, burst=20))

    async def chart(request: Request) -> Response:
        if world.over(NAME, "address"):
            return PlainTextResponse("Edge: Too Many Requests", 429)
        return _answer(request, world.now(NAME), world.faults.content(request))

    return [Route("/v8/finance/chart/{symbol}", chart)]


def _answer(request: Request, now: datetime, faults: list[Fault]) -> Response:
    params, symbol = request.query_params, request.path_params["symbol"].upper()
    if symbol != SYMBOL:
        return _error(404, "Not Found", "No data found, symbol may be delisted")
    interval = params.get("interval", "1d")
    if interval != "1d":
        said = (
            f"{interval} data not available for startTime={params.get('period1')} and endTime={params.get('period2')}. "
        )
        return _error(422, "Unprocessable Entity", f"{said}The requested range must be within the last 60 days.")
    sessions, running = yahoo_prices.sessions(now)
    inside = [session for session in sessions if _start(params, sessions) <= session.opens_at < _end(params, now)]
    if any(fault.kind == "empty" for fault in faults):
        inside = []
    result = _result(inside, sessions, now, interval)
    if inside and (running or any(fault.kind == "partial" for fault in faults)):
        _make_partial(result, now)
    if inside and any(fault.kind == "null_bar" for fault in faults):
        _make_gap(result, len(inside) // 2)
    if inside and any(fault.kind == "republished" for fault in faults):
        result["indicators"]["adjclose"][0]["adjclose"][0] *= 0.99
    return JSONResponse(changed({"chart": {"result": [result], "error": None}}, faults))


def _start(params: Any, sessions: list[YahooSession]) -> int:
    return int(params["period1"]) if "period1" in params else sessions[0].opens_at


def _end(params: Any, now: datetime) -> int:
    return int(params["period2"]) if "period2" in params else int(now.timestamp())


def _result(inside: list[YahooSession], sessions: list[YahooSession], now: datetime, interval: str) -> dict[str, Any]:
    meta = _meta(sessions, now, interval)
    if not inside:
        return {"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}
    columns: dict[str, list[Any]] = {name: [_noisy(getattr(item.bar, name)) for item in inside] for name in _PRICES}
    result = {
        "meta": meta,
        "timestamp": [item.opens_at for item in inside],
        "indicators": {"quote": [columns], "adjclose": [{"adjclose": [_noisy(item.adjclose) for item in inside]}]},
    }
    if events := _events(inside):
        result["events"] = events
    return result


def _events(inside: list[YahooSession]) -> dict[str, Any]:
    dividends = {
        str(item.opens_at): {"amount": round(item.dividend, 4), "date": item.opens_at}
        for item in inside
        if item.dividend
    }
    splits = {
        str(item.opens_at): {"date": item.opens_at, "numerator": item.split, "denominator": 1.0, "splitRatio": "4:1"}
        for item in inside
        if item.split != 1
    }
    return {name: items for name, items in (("dividends", dividends), ("splits", splits)) if items}


def _make_partial(result: dict[str, Any], now: datetime) -> None:
    """Return the open session: its trades so far, and the same again as the live quote."""
    quote, last = result["indicators"]["quote"][0], len(result["timestamp"]) - 1
    quote["volume"][last] //= 2
    quote["close"][last] = quote["open"][last]
    result["indicators"]["adjclose"][0]["adjclose"][last] = quote["open"][last]
    result["timestamp"].append(max(int(now.timestamp()), result["timestamp"][last] + 60))
    for values in (*quote.values(), result["indicators"]["adjclose"][0]["adjclose"]):
        values.append(values[last])


def _make_gap(result: dict[str, Any], number: int) -> None:
    quote = result["indicators"]["quote"][0]
    for name in ("open", "high", "low", "close"):
        quote[name][number] = None
    quote["volume"][number] = 0
    result["indicators"]["adjclose"][0]["adjclose"][number] = None


def _meta(sessions: list[YahooSession], now: datetime, interval: str) -> dict[str, Any]:
    offset = int((now.astimezone(NEW_YORK).utcoffset() or now.utcoffset() or now - now).total_seconds())
    last = sessions[-1]
    trading = {"timezone": "EST", "start": last.opens_at, "end": last.opens_at + 23_400, "gmtoffset": offset}
    return {
        "currency": "USD", "symbol": SYMBOL, "exchangeName": "NMS", "fullExchangeName": "NasdaqGS", "instrumentType": "EQUITY",
        "firstTradeDate": 345479400, "regularMarketTime": last.opens_at + 23_400, "hasPrePostMarketData": True,
        "gmtoffset": offset, "timezone": "EST", "exchangeTimezoneName": "America/New_York",
        "regularMarketPrice": _noisy(last.bar.close), "regularMarketDayHigh": _noisy(last.bar.high),
        "regularMarketDayLow": _noisy(last.bar.low), "regularMarketVolume": last.bar.volume, "longName": "Apple Inc.",
        "shortName": "Apple Inc.", "chartPreviousClose": _noisy(last.bar.close), "priceHint": 2,
        "currentTradingPeriod": {"pre": trading, "regular": trading, "post": trading}, "dataGranularity": interval, "range": "",
        "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"],
    }  # fmt: skip


def _noisy(value: float) -> float:
    """Return a 32-bit price written with 64 bits: 288.7 is 288.70001220703125."""
    return value if isinstance(value, int) else float(struct.unpack("f", struct.pack("f", value))[0])


def _error(status: int, code: str, description: str) -> Response:
    return JSONResponse({"chart": {"result": None, "error": {"code": code, "description": description}}}, status)

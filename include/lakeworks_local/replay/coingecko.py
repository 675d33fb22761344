"""CoinGecko v3 with SYNTHETIC prices: no package carries real ones with a licence. Shapes, limits and errors are the vendor's.

Prices are a seeded function of coin and time, so every request about the same time gets the same prices. Every response has
the header `x-lakeworks-synthetic: true`. A key that begins with `INVALID` is refused.
"""

import math
import random
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lakeworks_local.replay.faults import Fault, changed
from lakeworks_local.replay.world import Allowance, World

NAME = "coingecko"
_ROOT = "/api/v3"
_YEAR = timedelta(days=365)
SYNTHETIC = {"x-lakeworks-synthetic": "true"}
# id: symbol, name, price in US dollars about which it moves, coins in circulation
COINS = {
    "bitcoin": ("btc", "Bitcoin", 60_000.0, 19_700_000),
    "ethereum": ("eth", "Ethereum", 2_500.0, 120_000_000),
    "solana": ("sol", "Solana", 140.0, 470_000_000),
    "tether": ("usdt", "Tether", 1.0, 119_000_000_000),
}
TOO_MANY = {
    "status": {
        "error_code": 429,
        "error_message": "You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing to subscribe "
        "to our API plans for higher rate limits.",
    }
}
TOO_OLD = (
    "Your request exceeds the allowed time range. Public API users are limited to querying historical data within the past "
    "365 days. Upgrade to a paid plan to enjoy full historical data access: https://www.coingecko.com/en/api/pricing."
)


def routes(world: World) -> list[Route]:
    """The vendor's addresses."""
    world.vendor(NAME, datetime(2013, 3, 2, 6, tzinfo=UTC), Allowance(per_second=100 / 60, burst=100))
    made = {
        "ping": _ping,
        "coins/markets": _markets,
        "coins/{coin}/ohlc": _ohlc,
        "coins/{coin}/market_chart/range": _chart,
    }

    def endpoint(answer: Any) -> Any:
        async def handle(request: Request) -> Response:
            return _refusal(world, request) or answer(request, world.now(NAME), world.faults.content(request))

        return handle

    return [Route(f"{_ROOT}/{path}", endpoint(answer)) for path, answer in made.items()]


def _refusal(world: World, request: Request) -> Response | None:
    key = request.headers.get("x-cg-demo-api-key") or request.query_params.get("x_cg_demo_api_key") or "keyless"
    if world.over(NAME, key):
        return JSONResponse(TOO_MANY, 429, {"retry-after": "60", **SYNTHETIC})
    if key.startswith("INVALID"):
        said = {
            "timestamp": _time(world.now(NAME)),
            "error_code": 10002,
            "error_message": "API Key Missing. Please make sure you're using the right authentication method.",
        }
        return JSONResponse({"status": said}, 401, SYNTHETIC)
    return None


def _ping(_: Request, __: datetime, faults: list[Fault]) -> Response:
    return _json({"gecko_says": "(V3) To the Moon!"}, faults)


def _chart(request: Request, now: datetime, faults: list[Fault]) -> Response:
    params, coin = request.query_params, request.path_params["coin"]
    if coin not in COINS:
        return JSONResponse({"error": "coin not found"}, 404, SYNTHETIC)
    if missing := [name for name in ("vs_currency", "from", "to") if name not in params]:
        return JSONResponse({"error": f"Missing parameter {missing[0]}"}, 422, SYNTHETIC)
    first, last = (datetime.fromtimestamp(float(params[name]), UTC) for name in ("from", "to"))
    if first < now - _YEAR:
        said = {"timestamp": _time(now), "error_code": 10012, "error_message": TOO_OLD}
        return JSONResponse({"error": {"status": said}}, 401, SYNTHETIC)
    moments = [] if any(fault.kind == "empty" for fault in faults) else _moments(first, last, now)
    if any(fault.kind == "partial" for fault in faults):
        moments.append(min(last, now))
    prices: list[list[Any]] = [[_ms(moment), price(coin, moment)] for moment in moments]
    if prices and any(fault.kind == "null_bar" for fault in faults):
        prices[len(prices) // 2][1] = None
    if prices and any(fault.kind == "republished" for fault in faults):
        prices[0][1] += 1
    supply = COINS[coin][3]
    caps = [[_ms(moment), round(price(coin, moment) * supply, 2)] for moment in moments]
    volumes = [[_ms(moment), round(price(coin, moment) * supply * _share(coin, moment), 2)] for moment in moments]
    return _json({"prices": prices, "market_caps": caps, "total_volumes": volumes}, faults)


def _moments(first: datetime, last: datetime, now: datetime) -> list[datetime]:
    """Return the points' times: every five minutes up to a day, hourly up to 90 days, daily beyond. The last may be live."""
    stretch = last - first
    step = timedelta(minutes=5) if stretch <= timedelta(days=1) else timedelta(hours=1)
    step = timedelta(days=1) if stretch > timedelta(days=90) else step
    seconds = step.total_seconds()
    moment = datetime.fromtimestamp(math.ceil(first.timestamp() / seconds) * seconds, UTC)
    moments = []
    while moment <= min(last, now):
        # finer points lie some milliseconds to seconds after the mark
        late = 0 if step.days else random.Random(moment.timestamp()).randrange(0, 9000)
        moments.append(moment + timedelta(milliseconds=late))
        moment += step
    return [item for item in moments if item <= min(last, now)] + ([now] if last >= now else [])


def _ohlc(request: Request, now: datetime, faults: list[Fault]) -> Response:
    coin, days = request.path_params["coin"], request.query_params.get("days", "")
    if coin not in COINS:
        return JSONResponse({"error": "coin not found"}, 404, SYNTHETIC)
    if days not in ("1", "7", "14", "30", "90", "180", "365"):
        return JSONResponse({"error": "Invalid days parameter"}, 422, SYNTHETIC)
    step = timedelta(minutes=30) if int(days) <= 2 else timedelta(hours=4) if int(days) <= 30 else timedelta(days=4)
    count = int(timedelta(days=int(days)) / step)
    end = datetime.fromtimestamp(now.timestamp() // step.total_seconds() * step.total_seconds(), UTC)
    candles = []
    for number in range(count - 1, -1, -1):
        close = end - number * step
        points = [price(coin, close - step + step * part / 6) for part in range(7)]
        candles.append([_ms(close), points[0], max(points), min(points), points[-1]])
    return _json([] if any(fault.kind == "empty" for fault in faults) else candles, faults)


def _markets(request: Request, now: datetime, faults: list[Fault]) -> Response:
    params = request.query_params
    if "vs_currency" not in params:
        return JSONResponse({"error": "Missing parameter vs_currency"}, 422, SYNTHETIC)
    size, page = min(int(params.get("per_page", 100)), 250), int(params.get("page", 1))
    coins = params["ids"].split(",") if params.get("ids") else [*COINS]
    rows = sorted((_market(coin, now) for coin in coins if coin in COINS), key=lambda row: -row["market_cap"])
    rows = [{**row, "market_cap_rank": number} for number, row in enumerate(rows, start=1)]
    return _json(rows[(page - 1) * size : page * size], faults)


def _market(coin: str, now: datetime) -> dict[str, Any]:
    symbol, name, _, supply = COINS[coin]
    last, before = price(coin, now), price(coin, now - timedelta(days=1))
    change = round((last / before - 1) * 100, 5)
    day = [price(coin, now - timedelta(hours=hour)) for hour in range(25)]
    return {
        "id": coin, "symbol": symbol, "name": name, "image": f"https://coin-images.coingecko.com/coins/images/{coin}.png",
        # whole numbers have no decimal point, as in the vendor's responses
        "current_price": round(last) if last > 1000 else last, "market_cap": round(last * supply), "market_cap_rank": 1,
        "fully_diluted_valuation": round(last * supply), "total_volume": round(last * supply * _share(coin, now)),
        "high_24h": max(day), "low_24h": min(day), "price_change_24h": last - before,
        "price_change_percentage_24h": change, "market_cap_change_24h": round((last - before) * supply),
        "market_cap_change_percentage_24h": change, "circulating_supply": float(supply),
        "total_supply": float(supply), "max_supply": 21_000_000.0 if coin == "bitcoin" else None, "ath": max(day),
        "ath_change_percentage": 0.0, "ath_date": _time(now), "atl": min(day), "atl_change_percentage": 0.0,
        "atl_date": _time(now), "roi": None, "last_updated": _time(now),
    }  # fmt: skip


@lru_cache(maxsize=100_000)
def price(coin: str, moment: datetime) -> float:
    """Return a SYNTHETIC price in US dollars: slow and fast waves around a level, and noise per five minutes."""
    waves, seconds = random.Random(coin), moment.timestamp()
    size = 0.0005 if coin == "tether" else 0.12
    total = 0.0
    for days in (211.0, 47.0, 9.3, 1.7):
        total += waves.uniform(0.3, 1.0) * math.sin(
            seconds / 86_400 / days * 2 * math.pi + waves.uniform(0, 2 * math.pi)
        )
    noise = random.Random(f"{coin} {int(seconds // 300)}").gauss(0, 0.01)
    return float(f"{COINS[coin][2] * math.exp(size * (total / 2 + noise)):.10g}")


def _share(coin: str, moment: datetime) -> float:
    return 0.02 + 0.03 * random.Random(f"{coin} volume {moment.date()}").random()


def _json(body: Any, faults: list[Fault]) -> Response:
    return JSONResponse(changed(body, faults), headers=SYNTHETIC)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"

"""The replay server answers as the vendors do: the clients that others use against them read it without a change.

Run by `make conformance`, which installs those clients beside the lake's own packages; skipped where they are not installed.
"""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lakeworks.sources.vendor_lake import Vendor

sys.path.append(str(Path(__file__).parents[2] / ".local" / "conformance"))  # behind ours: the lake's versions win
KEY = "FREE0123456789AB"


def vendor(url: str, name: str, now: str) -> Vendor:
    found = Vendor(url, name)
    found.reset(now)
    return found


@pytest.fixture
def series(replay_url: str) -> Any:
    library = pytest.importorskip("alpha_vantage.timeseries")
    alpha = pytest.importorskip("alpha_vantage.alphavantage")
    vendor(replay_url, "alpha_vantage", "2013-02-15T22:00:00Z")
    alpha.AlphaVantage._ALPHA_VANTAGE_API_URL = f"{replay_url}/query?"
    return library.TimeSeries


def test_alpha_vantages_bars_are_read(series: Any) -> None:
    bars, about = series(KEY).get_daily("IBM")
    assert (len(bars), bars["2013-02-15"]["4. close"]) == (100, "200.9800")
    assert about["3. Last Refreshed"] == "2013-02-15"
    adjusted, _ = series("PREMIUM012345678").get_daily_adjusted("AAPL", outputsize="full")
    assert adjusted["2005-02-28"]["8. split coefficient"] == "2.0"
    minutes, _ = series("PREMIUM012345678").get_intraday("IBM", interval="5min", month="2013-01", outputsize="full")
    assert len(minutes) == 21 * 78


def test_alpha_vantages_refusals_are_seen_as_such(series: Any, replay_url: str) -> None:
    for call in (lambda: series(KEY).get_daily_adjusted("IBM"), lambda: series(KEY).get_daily("ENRNQ")):
        with pytest.raises(ValueError, match=r"premium endpoint|Invalid API call"):
            call()
    Vendor(replay_url, "alpha_vantage").limits(per_day=0)
    with pytest.raises(ValueError, match="standard API rate limit is 25 requests per day"):
        series(KEY).get_daily("IBM")


def test_coingeckos_answers_are_read(replay_url: str) -> None:
    library = pytest.importorskip("pycoingecko")
    vendor(replay_url, "coingecko", "2026-01-15T12:00:00Z")
    client = library.CoinGeckoAPI(demo_api_key="CG-0123456789abcdef")
    client.api_base_url = f"{replay_url}/api/v3/"
    assert client.ping() == {"gecko_says": "(V3) To the Moon!"}
    chart = client.get_coin_market_chart_range_by_id("bitcoin", "usd", 1768348800, 1768435199)
    assert {name: len(points) for name, points in chart.items()} == dict.fromkeys(
        ("prices", "market_caps", "total_volumes"), 288
    )
    assert len(client.get_coin_ohlc_by_id("bitcoin", "usd", days=1)[0]) == 5
    assert [row["market_cap_rank"] for row in client.get_coins_markets("usd", per_page=2)] == [1, 2]
    with pytest.raises(ValueError, match="coin not found"):
        client.get_coin_ohlc_by_id("nocoin", "usd", days=1)
    with pytest.raises(ValueError, match="10012"):
        client.get_coin_market_chart_range_by_id("bitcoin", "usd", 1577836800, 1577923200)


def test_coingeckos_shapes_follow_its_openapi_description(replay_url: str) -> None:
    """The vendor's own client is generated from the description; asked to be strict, it refuses what differs from it."""
    library = pytest.importorskip("coingecko_sdk")
    vendor(replay_url, "coingecko", "2026-01-15T12:00:00Z")
    client = library.Coingecko(
        demo_api_key="CG-0123456789abcdef", environment="demo", base_url=f"{replay_url}/api/v3", max_retries=0,
        _strict_response_validation=True,
    )  # fmt: skip
    assert client.ping.get().gecko_says == "(V3) To the Moon!"
    chart = client.coins.market_chart.get_range("bitcoin", vs_currency="usd", from_="1768348800", to="1768435199")
    assert {len(chart.prices), len(chart.market_caps), len(chart.total_volumes)} == {288}
    assert {len(candle) for candle in client.coins.ohlc.get("bitcoin", vs_currency="usd", days="1")} == {5}
    coins = client.coins.markets.get(vs_currency="usd")
    assert [coin.market_cap_rank for coin in coins] == [1, 2, 3, 4]
    assert {name for coin in coins for name in coin.model_extra or {}} == set(), (
        "no field the description does not know"
    )
    with pytest.raises(library.NotFoundError, match="coin not found"):
        client.coins.ohlc.get("nocoin", vs_currency="usd", days="1")
    Vendor(replay_url, "coingecko").limits(per_second=0.001, burst=1)
    with pytest.raises(library.RateLimitError, match="exceeded the Rate Limit"):
        [client.ping.get() for _ in range(2)]
    Vendor(replay_url, "coingecko").limits()
    Vendor(replay_url, "coingecko").fault(kind="rename", column="last_updated", to="updated")
    with pytest.raises(library.APIResponseValidationError):
        client.coins.markets.get(vs_currency="usd")


def test_yahoos_charts_are_read(replay_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library = pytest.importorskip("yfinance")
    library.set_tz_cache_location(str(tmp_path))
    vendor(replay_url, "yahoo", "2020-09-02T22:00:00Z")
    monkeypatch.setattr("yfinance.base._BASE_URL_", replay_url)
    monkeypatch.setattr("yfinance.scrapers.history._BASE_URL_", replay_url)
    found = library.Ticker("AAPL").history(start="2020-08-06", end="2020-09-02", auto_adjust=False, actions=True)
    assert len(found) == 19
    assert found["Stock Splits"].loc["2020-08-31"] == 4.0
    assert found["Dividends"].loc["2020-08-07"] == pytest.approx(0.205, abs=0.02)
    assert (found["Adj Close"] <= found["Close"] + 1e-9).all()

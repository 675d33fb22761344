"""The years that the backfill benchmarks bring, one of each domain."""

from dataclasses import dataclass

from lakeworks.core.partition import Period


@dataclass(frozen=True)
class Year:
    """A DAG's year, and the vendor's clock at which that year is over and still to be had."""

    dag: str
    first: str
    source: str
    now: str
    tables: tuple[str, ...]
    runs: int = 12

    def last(self, months: int) -> str:
        """The last day of a month of the year."""
        return str(Period.parse(f"{self.first[:4]}-{months:02}").split("day")[-1])


# A Demo key of CoinGecko sees 365 days of what is over: thirty days of January and eleven months.
YEARS = (
    Year("taxi", "2019-01-01", "nyc_tlc", "2020-06-01T00:00:00Z", (".transport.",)),
    Year("market", "2012-01-01", "alpha_vantage", "2013-03-01T22:00:00Z", (".market.",)),
    Year("market_crypto", "2013-01-02", "coingecko", "2014-01-01T01:00:00Z", (".market.crypto",), 30 + 11),
    Year("commerce", "2017-01-01", "shopify", "2018-01-01T06:00:00Z", (".commerce.",)),
)

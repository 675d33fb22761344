"""SEC EDGAR companyfacts: every figure that a company filed, with its filing. Public domain, no key.

https://www.sec.gov/search-filings/edgar-application-programming-interfaces - requires a User-Agent with a name and an e-mail
address, and at most 10 requests per second. Otherwise it sends an HTML page (403, sometimes 200) for about ten minutes. One
response is a company's whole history, 5 to 20 MB. Each filing that repeats a figure adds it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from lakeworks.errors import ConfigError
from lakeworks.sources import FetchRequest, ResponseStore, Rows, SourceConnection
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.limits import Limiter, Limits
from lakeworks.sources.http.retry import json_or_again
from lakeworks.sources.options import Options, no_data_set, read_connection, read_options
from lakeworks.sources.per_symbol import land_each
from lakeworks.sources.response import SourceResponse

BASE_URL = "https://data.sec.gov"
_BLOCKED = timedelta(minutes=10)


class CompanyOptions(Options):
    """The companies: our symbol mapped to the SEC's number (CIK) with ten digits."""

    ciks: dict[str, Annotated[str, Field(pattern=r"^\d{1,10}$")]] = Field(min_length=1)


class SecConnection(Options):
    """The extra of the Airflow connection: the User-Agent that the SEC requires."""

    user_agent: str = Field(
        pattern=r"^\S.*\s\S+@\S+\.\S+$", description="Name and e-mail: `Example Ltd data@example.org`."
    )


@dataclass(frozen=True)
class Sec:
    """Data set `company_facts`."""

    http: HttpSource

    def collect(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """See `RequestSource.collect`."""
        if request.dataset != "company_facts":
            raise no_data_set("sec", request.dataset, ("company_facts",))
        ciks = read_options(CompanyOptions, request).ciks

        def ask(symbol: str) -> SourceResponse:
            return self.http.ask(f"api/xbrl/companyfacts/CIK{int(ciks[symbol]):010d}.json", check=self._check_response)

        return land_each("The SEC", ciks, landing, ask, lambda answer: answer.status == 200)

    def _check_response(self, answer: SourceResponse) -> bool:
        if answer.status == 404:
            return True
        if "Undeclared Automated Tool" in answer.text:
            raise ConfigError(
                "The SEC refuses this User-Agent. Nothing was landed. Set the extra of the Airflow connection `sec` to "
                '{"user_agent": "<your name> <your e-mail>"}.'
            )
        if "Request Rate Threshold" in answer.text:
            raise self.http.exhausted(_BLOCKED, "the SEC reports too many requests from this address")
        if answer.status == 200:
            json_or_again(answer)
        return False


def connect(access: SourceConnection) -> Sec:
    """Return the client. Without a user_agent in the connection's extra it sends no request."""
    agent = read_connection(SecConnection, "sec", access).user_agent
    limiter = Limiter("sec", Limits(per_second=8), access.state)  # of 10: other programs share the address
    return Sec(HttpSource(access.base_url or BASE_URL, user_agent=agent, limiter=limiter))


def parse(_: FetchRequest, answer: SourceResponse) -> Rows:
    """Return one row per fact and filing of a landed response; a company without facts has none."""
    return _facts(answer) if answer.status == 200 else []


def _facts(answer: SourceResponse) -> Iterator[dict[str, Any]]:
    body = answer.json()
    company = {"symbol": answer.facts["symbol"], "cik": body.get("cik"), "entity_name": body.get("entityName")}
    for taxonomy, tags in body.get("facts", {}).items():
        for tag, fact in tags.items():
            of = {**company, "taxonomy": taxonomy, "tag": tag, "label": fact.get("label")}
            for unit, entries in fact.get("units", {}).items():
                for entry in entries:
                    # `start` and `frame` may be missing in every fact; the columns must still exist
                    yield {**of, "unit": unit, "start": None, "frame": None, **entry, "vendor": "sec"}

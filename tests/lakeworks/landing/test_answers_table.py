"""A table over raw answers: what Athena sees is whole fetches, and never a row of one that has not ended."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Period
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ContractError
from lakeworks.lake import Lake
from lakeworks.landing.landing_set import LandingSet
from lakeworks.landing.quota import LakeState
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.catalog_difference import CatalogDifference
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.pipeline.fetch_step import land
from lakeworks.sources import FetchRequest, ResponseStore, SourceConnection, open_source
from lakeworks.sources.response import SourceResponse
from tests.conftest import client, contract_of
from tests.lakeworks.sources.vendor_lake import Vendor
from tests.support.athena_engine import Engine
from tests.support.athena_server import serving_athena

DAY, NEXT = Period.parse("2026-01-05"), Period.parse("2026-01-06")
COLUMNS = {"coin": "string", "prices": "list<list<double>>"}
SHOWN = "SELECT coin, prices[1][2] AS first_price FROM landing_test.coingecko_market_chart ORDER BY coin, 2"
RunAt = Callable[..., Run]


class KilledError(BaseException):
    """What nothing in the pipeline catches, as SIGKILL."""


@dataclass
class Coins:
    """A vendor that answers from memory, and may end the process at a coin."""

    prices: dict[str, float]
    dies_at: str = ""
    asked: list[str] = field(default_factory=list)

    def collect(self, wanted: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        for coin in self.prices:
            landing.fetch_once(f"{coin}.json", lambda coin=coin: self.ask(coin))  # type: ignore[misc]
        return {}

    def ask(self, coin: str) -> SourceResponse:
        if coin == self.dies_at:
            raise KilledError
        self.asked.append(coin)
        body = f'{{"coin": "{coin}", "prices": [[1767571200000, {self.prices[coin]}]]}}'
        return SourceResponse(body.encode(), f"https://coins/{coin}", 200, {}, datetime.now(UTC))


def contract(**changes: Any) -> Contract:
    fields: dict[str, Any] = {"catalog": {"landing": {"columns": COLUMNS}}, "partition_by": ["day"], **changes}
    return contract_of("bronze.test.coins", source="coingecko.market_chart", **fields)


Ask = Callable[[str], list[list[str | None]]]


@pytest.fixture
def ask(lake: Lake, moto_url: str) -> Iterator[Ask]:
    """Rows that Athena gives, or its refusal."""
    with serving_athena(Engine(client("glue", moto_url), client("s3", moto_url))) as (athena, url):
        athena.groups["primary"]["Configuration"] = {
            "ResultConfiguration": {"OutputLocation": f"s3://{lake.store.bucket}/_results/"}
        }

        def rows(sql: str) -> list[list[str | None]]:
            boto = client("athena", url)
            query = boto.start_query_execution(QueryString=sql)["QueryExecutionId"]
            status = {"State": "QUEUED"}
            while status["State"] in ("QUEUED", "RUNNING"):
                status = boto.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            if status["State"] == "FAILED":
                return [[status["StateChangeReason"].partition(":")[0]]]
            found = boto.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"][1:]
            return [[cell.get("VarCharValue") for cell in row["Data"]] for row in found]

        yield rows


@pytest.fixture(autouse=True)
def fresh(moto_url: str) -> None:
    """The catalog is the server's, shared by all tests."""
    glue = client("glue", moto_url)
    for database in ("landing_test", "acme__landing_test", "landing_market"):
        try:
            glue.delete_database(Name=database)
        except glue.exceptions.EntityNotFoundException:
            continue


def kinds(found: Iterator[CatalogDifference]) -> dict[str, int]:
    return dict(Counter(item.kind for item in found))


def test_half_a_fetch_is_never_seen(lake: Lake, run_at: RunAt, ask: Ask) -> None:
    dying = Coins({"bitcoin": 1.5, "ethereum": 2.5}, dies_at="ethereum")
    with pytest.raises(KilledError):
        land(lake, contract(), DAY, run_at(1), dying)
    assert dying.asked == ["bitcoin"], "an answer lies in landing"
    assert ask(SHOWN) == [["TABLE_NOT_FOUND"]]
    list(compare_catalog(lake, contract(), repair=True))
    assert ask(SHOWN) == [["TABLE_NOT_FOUND"]], "a repair does not register it either"

    land(lake, contract(), DAY, run_at(1), Coins({"bitcoin": 1.5, "ethereum": 2.5}))
    whole = [["bitcoin", "1.5"], ["ethereum", "2.5"]]
    assert ask(SHOWN) == whole
    with pytest.raises(KilledError):  # a second fetch of the day, half way
        land(lake, contract(), DAY, run_at(2), Coins({"bitcoin": 9.5, "ethereum": 9.5}, dies_at="ethereum"))
    list(compare_catalog(lake, contract(), repair=True))
    assert ask(SHOWN) == whole
    land(lake, contract(), DAY, run_at(2), Coins({"bitcoin": 9.5, "ethereum": 9.5}))
    ((newest,),) = ask("SELECT MAX(fetch_id) FROM landing_test.coingecko_market_chart WHERE period = '2026-01-05'")
    of_newest = SHOWN.replace("ORDER BY", f"WHERE fetch_id = '{newest}' ORDER BY")
    assert ask(of_newest) == [["bitcoin", "9.5"], ["ethereum", "9.5"]]
    assert len(ask(SHOWN)) == 4, "both fetches are whole"


def test_the_same_answers_again_are_not_seen_twice(lake: Lake, run_at: RunAt, ask: Ask) -> None:
    for number in (1, 2):
        land(lake, contract(), DAY, run_at(number), Coins({"bitcoin": 1.5}))
    land(lake, contract(), NEXT, run_at(3), Coins({"bitcoin": 1.75}))
    assert ask(SHOWN) == [["bitcoin", "1.5"], ["bitcoin", "1.75"]]
    assert ask("SELECT period FROM landing_test.coingecko_market_chart WHERE period >= '2026-01-06'") == [
        ["2026-01-06"]
    ]
    assert kinds(compare_catalog(lake, contract())) == {}


def test_a_crash_before_registration_and_a_removed_fetch_are_repaired(lake: Lake, run_at: RunAt, ask: Ask) -> None:
    unregistered = contract(catalog={})
    made = land(lake, unregistered, DAY, run_at(1), Coins({"bitcoin": 1.5}))
    land(lake, unregistered, DAY, run_at(2), Coins({"bitcoin": 1.5}))
    assert isinstance(made, LandingSet)
    found = {"landing table behind contract": 1, "landed, not in catalog": 1}
    assert kinds(compare_catalog(lake, contract())) == found, "the second has the same content"
    assert kinds(compare_catalog(lake, contract(), repair=True)) == found
    assert kinds(compare_catalog(lake, contract(), repair=True)) == {}
    assert ask(SHOWN) == [["bitcoin", "1.5"]]
    wider = contract(catalog={"landing": {"columns": {**COLUMNS, "market_caps": "list<list<double>>"}}})
    assert kinds(compare_catalog(lake, wider, repair=True)) == {"landing table behind contract": 1}
    assert ask("SELECT market_caps FROM landing_test.coingecko_market_chart") == [[None]]

    lake.store.delete([made.key])
    assert kinds(compare_catalog(lake, wider, repair=True)) == {"no complete fetch": 1}
    assert ask(SHOWN) == []


def test_a_retry_registers_what_the_first_try_landed(lake: Lake, run_at: RunAt, ask: Ask) -> None:
    source = Coins({"bitcoin": 1.5})
    land(lake, contract(catalog={}), DAY, run_at(1), source)
    land(lake, contract(), DAY, run_at(1), source)
    assert (source.asked, ask(SHOWN)) == (["bitcoin"], [["bitcoin", "1.5"]])


def test_without_columns_a_line_is_one_text(lake: Lake, run_at: RunAt, ask: Ask) -> None:
    lines = contract(catalog={"landing": {}}, partition_by=[])
    land(lake, lines, DAY, run_at(1), Coins({"bitcoin": 1.5}))
    ((answer, period),) = ask("SELECT answer, period FROM landing_test.coingecko_market_chart")
    assert (answer, period) == ('{"coin": "bitcoin", "prices": [[1767571200000, 1.5]]}', "all")


def test_the_shipped_table_shows_what_the_vendor_sent(lake: Lake, run_at: RunAt, ask: Ask, replay_url: str) -> None:
    vendor = Vendor(replay_url, "coingecko")
    vendor.reset("2013-03-11T06:00:00Z")
    access = SourceConnection(f"{vendor.url}/api/v3", None, {}, LakeState(lake.store))
    shipped = load_contract("bronze.market.crypto_bars")
    land(lake, shipped, Period.parse("2013-03-10"), run_at(1), open_source("coingecko", access=access))
    points = "CARDINALITY(prices) = CARDINALITY(market_caps) AND CARDINALITY(prices) = CARDINALITY(total_volumes)"
    rows = ask(f"SELECT period, prices[1][2] > 0, {points} FROM landing_market.coingecko_market_chart")
    assert rows == [["2013-03-10", "true", "true"]] * 2, "one answer a coin"


def test_a_tenants_answers_are_in_its_own_database(lake: Lake, run_at: RunAt, ask: Ask) -> None:
    land(lake.for_tenant(Tenant("acme")), contract(), DAY, run_at(1), Coins({"bitcoin": 1.5}))
    assert ask(SHOWN) == [["TABLE_NOT_FOUND"]]
    assert ask(SHOWN.replace("landing_test", "acme__landing_test")) == [["bitcoin", "1.5"]]


def test_a_source_of_files_is_refused_before_anything_is_fetched(lake: Lake, run_at: RunAt) -> None:
    files = contract_of("bronze.test.zones", source="nyc_tlc.zones", catalog={"landing": {}})
    with pytest.raises(ContractError, match="has files. Nothing was landed"):
        land(lake, files, DAY, run_at(1), open_source("nyc_tlc", "http://127.0.0.1:9"))
    assert list(compare_catalog(lake, files)) == []


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"fetch_id": "string"}, "is a partition key"),
        ({"a": "string", "A": "int"}, "differ in case"),
        ({"a": "text"}, "text"),
    ],
)
def test_columns_that_cannot_be_are_refused(columns: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        contract(catalog={"landing": {"columns": columns}})

"""SEC companyfacts on real HTTP: facts as filed, the pages for robots, the budget shared by all."""

from dataclasses import replace

import pytest

from lakeworks.errors import ConfigError, ContractError, MalformedSource, QuotaExhausted, SourceRejected
from lakeworks.sources import SourceConnection
from lakeworks.sources.vendors.sec import Sec, connect, parse
from lakeworks_local.replay.sec import ROBOT, TOO_FAST
from tests.lakeworks.sources.vendor_lake import MemoryLanding, Vendor, rows, wanted

FACTS = wanted("company_facts", "2013-02-15", ciks={"AAPL": "0000320193", "IBM": "51143"})
AGENT = {"user_agent": "Example Ltd data@example.org"}


@pytest.fixture
def vendor(replay_url: str) -> Vendor:
    found = Vendor(replay_url, "sec")
    found.reset("2013-02-15T22:00:00Z")
    return found


def client(vendor: Vendor) -> Sec:
    made = connect(SourceConnection(vendor.url, options=AGENT))
    return replace(made, http=replace(made.http, sleep=lambda _: None))


def test_every_fact_of_every_filing_is_a_row(vendor: Vendor) -> None:
    landing = MemoryLanding()
    assert client(vendor).collect(FACTS, landing) == {}
    found = rows(parse, FACTS, landing)
    assert [item["path"] for item in vendor.seen()] == [
        "/api/xbrl/companyfacts/CIK0000320193.json", "/api/xbrl/companyfacts/CIK0000051143.json",
    ]  # fmt: skip
    assert found[0].keys() == {
        "symbol", "cik", "entity_name", "taxonomy", "tag", "label", "unit", "start", "end", "val", "accn", "fy", "fp", "form",
        "filed", "frame", "vendor",
    }  # fmt: skip
    assets = [row for row in found if (row["symbol"], row["tag"], row["end"]) == ("IBM", "Assets", "2011-06-30")]
    assert [(row["filed"], row["frame"], row["start"]) for row in assets] == [
        ("2011-08-04", None, None), ("2012-08-03", "CY2011Q2I", None),
    ]  # fmt: skip
    assert {row["taxonomy"] for row in found} == {"dei", "us-gaap"}
    assert max(row["filed"] for row in found) <= "2013-02-15"


def test_who_does_not_say_who_he_is_does_not_ask(vendor: Vendor) -> None:
    for options in ({}, {"user_agent": "lakeworks"}, {"user_agent": "a@b.org"}):
        with pytest.raises(ConfigError, match="connection `sec`: `user_agent`"):
            connect(SourceConnection(vendor.url, options=options))
    vendor.fault(kind="status", status=403, body=ROBOT)
    with pytest.raises(ConfigError, match="refuses this User-Agent"):
        client(vendor).collect(FACTS, MemoryLanding())


@pytest.mark.parametrize("status", [403, 200])
def test_asking_too_fast_stops_everybody_for_ten_minutes(vendor: Vendor, status: int) -> None:
    vendor.fault(kind="status", status=status, body=TOO_FAST)
    with pytest.raises(QuotaExhausted, match="too many requests from this address"):
        client(vendor).collect(FACTS, MemoryLanding())


def test_another_403_is_refused_and_another_page_is_no_json(vendor: Vendor) -> None:
    vendor.fault(kind="status", status=403, body="<html>firewall</html>")
    with pytest.raises(SourceRejected, match="HTTP 403.*firewall"):
        client(vendor).collect(FACTS, MemoryLanding())
    vendor.fault(kind="html", times=9)
    with pytest.raises(MalformedSource, match="no JSON"):
        client(vendor).collect(FACTS, MemoryLanding())


def test_a_company_without_facts_is_named(vendor: Vendor) -> None:
    asked, landing = wanted("company_facts", "2013-02-15", ciks={"IBM": "51143", "NONE": "1"}), MemoryLanding()
    assert client(vendor).collect(asked, landing) == {"unknown": "NONE"}
    assert {row["symbol"] for row in rows(parse, asked, landing)} == {"IBM"}
    with pytest.raises(ContractError, match="ciks"):
        client(vendor).collect(wanted("company_facts", "2013-02-15", ciks={"IBM": "IBM"}), landing)

"""The cost of a plan: requests as S3 got them, dollars by the price book, and Athena's scans."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lakeworks.changes.column_changes import Reach
from lakeworks.changes.costs import Work, builds_of, estimate, in_dollars
from lakeworks.changes.plans import TablePlan
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.pipeline.fetch_step import land
from lakeworks.prices import load_price_book
from lakeworks.s3.listed.body_memory import BodyMemory
from lakeworks.s3.request_count import RequestCount
from lakeworks.sources import open_source
from lakeworks.status.partition_index import PartitionIndex

BOOK = load_price_book(None)
ZONES, BRONZE = "reference.transport.zones", "bronze.transport.yellow_trips"
SILVER = "silver.transport.trips"
MONTH = Period.parse("2019-01")


def counted(lake: Lake) -> Lake:
    count = RequestCount()
    count.on(lake.store.client)
    return replace(lake, requests=count)


def built(lake: Lake, table: str, run: Run, **storage: Any) -> RunRecord:
    def contract(name: str) -> Any:
        known = load_contract(name)
        return known.model_copy(update={"storage": known.storage.model_copy(update=storage)})

    return rebuild(replace(lake, contract=contract), table, MONTH, run)


def test_the_requests_of_a_publication_that_replaces_another_are_predicted_from_first_ones(
    lake: Lake, replay_url: str, run_at: Callable[..., Run]
) -> None:
    lake = counted(lake)
    source = open_source("nyc_tlc", replay_url)
    for table in (ZONES, BRONZE):
        land(lake, load_contract(table), MONTH, run_at(1), source)
        built(lake, table, run_at(1))
    first = built(lake, SILVER, run_at(1))
    assert first.created == len(first.partitions) == 31
    contract = load_contract(SILVER)
    planned = TablePlan(contract, (), Reach(every=True), PartitionIndex(lake).published(contract))
    found = estimate(lake, planned, BOOK, "us-east-1")
    lake.store.memory = BodyMemory()  # a run is a process of its own, which remembers nothing
    again = built(lake, SILVER, run_at(2), compression="snappy")  # the same rows in other bytes, as changed code gives
    assert (again.created, again.outcome) == (0, {"published": 31})
    assert found.writes == again.requests["writes"] != first.requests["writes"]
    assert found.reads == pytest.approx(again.requests["reads"], rel=0.05)
    assert found.rows == again.balance.staged
    assert found.usd == in_dollars(Work(found.bytes, found.writes or 0, found.reads or 0, 0), 30, BOOK, "us-east-1")
    on_spark = estimate(
        lake, replace(planned, contract=contract.model_copy(update={"engine": "spark"})), BOOK, "us-east-1"
    )
    assert (on_spark.unpriced, found.unpriced) == ("the cluster's hours are not priced", "")
    assert on_spark.usd == estimate(lake, planned, BOOK, "us-east-1").usd, "of requests and storage"
    assert estimate(lake, planned, BOOK, "nowhere-1").usd is None, "a region without prices costs an unknown sum"


def test_dollars_are_requests_replaced_versions_and_scans() -> None:
    assert in_dollars(Work(0, 1000, 1000, 0), 30, BOOK, "us-east-1") == pytest.approx(0.0054)
    assert in_dollars(Work(1 << 30, 0, 0, 0), 15, BOOK, "us-east-1") == pytest.approx(0.023 / 2)
    assert in_dollars(Work(0, 0, 0, 1 << 40), 30, BOOK, "us-east-1") == pytest.approx(5.0)
    assert in_dollars(Work(0, 1, 1, 1), 30, BOOK, "nowhere-1") is None


@pytest.mark.parametrize(
    ("table", "periods", "builds"),
    [
        (BRONZE, ["2019-01", "2019-02", "2020-01"], 3),
        ("reference.transport.zones", ["2019-01", "2019-02", "2020-01"], 2),  # the last of each year's run
        (SILVER, ["2019-01-01", "2019-01-02", "2019-01-04", "2019-02"], 4),
    ],
)
def test_builds_are_those_of_the_runs(table: str, periods: list[str], builds: int) -> None:
    assert len(builds_of(load_contract(table), [Period.parse(key) for key in periods])) == builds

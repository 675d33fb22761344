"""Athena builds a table: the planned partitions and no others, whole microseconds or none, and every end with its own error."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lakeworks.athena.builds import AthenaBuilds
from lakeworks.athena.executions import QueryExecutions
from lakeworks.contract import Contract, load_contract
from lakeworks.errors import ContractError, LakeNotFound, LakeUnavailable, QueryFailed, ScanLimitExceeded, StaleBuild
from lakeworks.infrastructure.resources.athena import WorkGroup
from lakeworks.lake import Lake
from lakeworks.pipeline.external_transform import started_build
from lakeworks.pipeline.run_inputs import RunInputs
from lakeworks.pipeline.write_step import start, write
from lakeworks.transform.sql import load_sql
from tests.conftest import client
from tests.lakeworks.pipeline.test_late_data import SILVER, TOP, Shop, day_of, order
from tests.support.athena_engine import Engine
from tests.support.athena_server import Athena, serving_athena


class AthenaShop(Shop):
    """A shop on real S3 and Glue, whose report Athena builds."""

    def __init__(self, lake: Lake, athena: Athena, url: str) -> None:
        super().__init__(lake.scratch)
        self.contracts: dict[str, Contract] = {
            TOP: Contract.model_validate({**load_contract(TOP).model_dump(), "engine": "athena"})
        }
        self.athena, self.group = athena, WorkGroup("lake", f"s3://{lake.store.bucket}/_results/", 10_000_000)
        self.queries = queries = QueryExecutions(client("athena", url), "lake", sleep=lambda _: None)
        self.group.write(queries.client, self.group.desired())
        own = self.lake.contract
        self.lake = replace(
            lake,
            engine=self.lake.engine,
            contract=lambda name: self.contracts.get(name) or own(name),
            engines={"athena": AthenaBuilds(queries)}.get,
        )

    def sold(self, day: int, *rows: dict[str, Any]) -> None:
        self.arrive(day, rows)
        self.build(SILVER, day)

    @property
    def sent(self) -> list[str]:
        return [item.call["QueryString"] for item in self.athena.executions.values()]

    def built_here(self) -> "AthenaShop":
        """The same lake without Athena."""
        self.lake = replace(self.lake, engines=lambda _: None)
        return self


@pytest.fixture
def shop(lake: Lake, moto_url: str) -> Iterator[AthenaShop]:
    engine = Engine(client("glue", moto_url), client("s3", moto_url))
    with serving_athena(engine) as (athena, url):
        yield AthenaShop(lake, athena, url)


def test_rows_and_bytes_are_those_of_a_build_here(shop: AthenaShop) -> None:
    shop.sold(1, order(0), order(0, id=7), order(1, customer={"id": 8}))
    shop.sold(2, order(2))
    theirs = shop.build(TOP, 1)
    assert theirs.engine.endswith(", athena")
    assert theirs.balance.staged
    mine = shop.built_here().build(TOP, 1)
    assert mine.outcome == {"unchanged": len(theirs.partitions)}
    (text,) = shop.sent
    assert re.search(r"TO 's3://[^']+/_staging/gold/commerce/top_customers/period=2017-01-02/run-\d+\.1/built/'", text)
    assert "\"year\" IN ('2017') AND \"month\" IN ('01')" in text, "partitions are skipped by their keys"
    assert [item.key for item in shop.lake.store.scan("_staging/gold/")] == []


def test_a_retry_of_the_start_pays_once(shop: AthenaShop) -> None:
    shop.sold(1, order(0))
    run = shop.run()
    assert start(shop.lake, TOP, day_of(1), run) == start(shop.lake, TOP, day_of(1), run)
    assert write(shop.lake, TOP, day_of(1), run).balance.staged == 1
    assert len(shop.sent) == 1


TIMES = "SELECT CAST(order_id AS BIGINT) AS order_id, CAST(created_at AS TIMESTAMP) AS created_at FROM silver_commerce.orders"


def inputs_of(shop: AthenaShop, sql: str) -> RunInputs:
    inputs = RunInputs.read(shop.lake, shop.contracts[TOP], day_of(1), load_sql(shop.contracts[TOP]) or "")
    assert inputs
    return replace(inputs, sql=sql)


def test_microseconds_that_athena_would_cut_are_refused_before_it_is_asked(shop: AthenaShop) -> None:
    engine = shop.lake.engines("athena")
    assert engine
    shop.sold(1, order(0))
    assert started_build(inputs_of(shop, TIMES), shop.run(), engine)
    assert len(shop.sent) == 1
    assert 'CAST("created_at" AS VARCHAR) AS "created_at"' in shop.sent[0]
    assert "AS TIMESTAMP(6))" in shop.sent[0]
    moment = f"{datetime(2017, 1, 1, 22) + timedelta(microseconds=1):%Y-%m-%dT%H:%M:%S.%f}-05:00"
    shop.sold(1, order(1, created_at=moment))
    says = r"`silver.commerce.orders.created_at` has microseconds.*milliseconds.*Nothing was built.*`engine: spark`"
    with pytest.raises(ContractError, match=says):
        started_build(inputs_of(shop, TIMES), shop.run(), engine)
    assert len(shop.sent) == 1
    assert shop.build(TOP, 1).balance.staged, "its SQL names no timestamp"


def test_a_partition_that_glue_lacks_is_no_lost_row(shop: AthenaShop) -> None:
    shop.sold(1, order(0))
    live = shop.lake.ledger.live_partitions(load_contract(SILVER).table)
    shop.lake.catalog.drop_partitions(load_contract(SILVER), list(live))
    with pytest.raises(
        LakeNotFound, match=r"Glue does not have `silver.commerce.orders`.*catalog repair silver.commerce.orders"
    ):
        shop.build(TOP, 1)
    assert shop.sent == []


def test_an_input_published_meanwhile_is_never_mixed(shop: AthenaShop) -> None:
    shop.sold(1, order(0))
    run = shop.run()
    start(shop.lake, TOP, day_of(1), run)
    shop.sold(2, order(0, 1))
    with pytest.raises(StaleBuild, match="was published while athena read it"):
        write(shop.lake, TOP, day_of(1), run)
    assert shop.lake.ledger.live_partitions(load_contract(TOP).table) == {}


@pytest.mark.parametrize(
    ("happens", "error", "says"),
    [
        ("interrupt", LakeUnavailable, "failed for a reason that can pass: S3 slows down"),
        ("limit", ScanLimitExceeded, "the group allows 10,000,000 bytes"),
        ("stop", QueryFailed, "was stopped: Query cancelled by user"),
    ],
)
def test_every_end_has_its_error_and_the_next_attempt_a_fresh_folder(
    shop: AthenaShop, happens: str, error: type[Exception], says: str
) -> None:
    shop.sold(1, order(0))
    run = shop.run()
    if happens == "interrupt":
        shop.athena.interrupt = [{"Retryable": True, "ErrorMessage": "S3 slows down"}]
    shop.athena.scale = 10**9 if happens == "limit" else 1
    build = start(shop.lake, TOP, day_of(1), run)
    if happens == "stop":
        shop.athena.do_StopQueryExecution({"QueryExecutionId": build})
    with pytest.raises(error, match=says):
        write(shop.lake, TOP, day_of(1), run)
    assert shop.lake.ledger.live_partitions(load_contract(TOP).table) == {}
    shop.athena.scale = 1
    shop.publish(write(shop.lake, TOP, day_of(1), run.model_copy(update={"attempt": 2})))
    assert len(shop.lake.ledger.live_partitions(load_contract(TOP).table)) == 1
    assert [item.key for item in shop.lake.store.scan("_staging/gold/")] == []

"""A taxi month from bronze to gold, built on local Spark: the bytes are DuckDB's. A job that is killed changes nothing.

Run by `make conformance`.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lakeworks.contract import Contract, load_contract
from lakeworks.engines.remote.local_spark import LocalSpark
from lakeworks.engines.spark import find_spark
from lakeworks.errors import ConfigError, EngineFailed
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.write_step import write
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.vendors.nyc_tlc import NycTlc
from lakeworks.transform.sql import load_sql
from tests.lakeworks.pipeline.test_pipeline import JANUARY, SILVER, TAXI, step

RunAt = Callable[..., Run]
WITH_SQL = [name for name in TAXI if load_sql(load_contract(name)) and not load_contract(name).source]


def on_spark(name: str) -> Contract:
    engine = "spark" if name in WITH_SQL else "duckdb"
    return Contract.model_validate({**load_contract(name).model_dump(), "engine": engine})


@pytest.fixture
def spark(tmp_path: Path) -> LocalSpark:
    try:
        find_spark()
    except ConfigError as error:
        pytest.skip(f"{error} `make conformance` installs it.")
    return LocalSpark(tmp_path / "spark")


@pytest.mark.timeout(900)
def test_a_month_has_the_rows_of_a_build_here_and_a_killed_job_changes_nothing(
    lake: Lake, spark: LocalSpark, replay_url: str, run_at: RunAt
) -> None:
    source = NycTlc(HttpSource(replay_url, sleep=lambda _: None))
    for name in TAXI:
        step(lake, name, run_at(1), source)
    there = replace(lake, contract=on_spark, engines={"spark": spark}.get)
    differing = {}
    for name in WITH_SQL:
        mine = write(lake, name, JANUARY, run_at(2))
        theirs = write(there, name, JANUARY, run_at(3))
        assert "spark" in theirs.engine
        assert theirs.balance == mine.balance, name
        pairs = zip(theirs.partitions, mine.partitions, strict=True)
        differing[name] = sum(one.content != other.content for one, other in pairs)
    # ADR 5: a mean that lies between two decimals is rounded the other way in a few rows
    assert {name for name, count in differing.items() if count} <= {"gold.transport.zone_daily_summary"}, differing
    before = lake.ledger.live_partitions(load_contract(SILVER).table)
    threading.Thread(target=kill_first_job, args=(spark,)).start()
    with pytest.raises(EngineFailed, match=r"killed by signal 9.*live data is unchanged"):
        write(there, SILVER, JANUARY, run_at(4))
    assert lake.ledger.live_partitions(load_contract(SILVER).table) == before
    assert [item.key for item in lake.store.scan("_staging/silver/") if "built/" in item.key] == []


def kill_first_job(spark: LocalSpark) -> None:
    while not spark._jobs:
        time.sleep(0.05)
    time.sleep(4)
    os.kill(next(iter(spark._jobs.values())).process.pid, signal.SIGKILL)

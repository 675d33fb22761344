"""Fetches on bad days: killed in the middle, random faults, landed bytes that a person changed."""

import gzip
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
import requests

from lakeworks.contract import load_contract
from lakeworks.errors import LakeError, LakeNotFound, MalformedSource
from lakeworks.lake import Lake
from lakeworks.landing.landing_set import LandingSet
from lakeworks.landing.reader import newest_set
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.write_step import write
from lakeworks.s3.object_store import Target
from lakeworks.sources import SourceConnection, open_source
from lakeworks.sources.vendors.alpha_vantage import AlphaVantage
from tests.conftest import KEYS
from tests.domains.market_steps import BARS, DAY, access, landed
from tests.lakeworks.sources.vendor_lake import Vendor

RunAt = Callable[..., Run]


@pytest.fixture
def vendor(replay_url: str) -> Vendor:
    found = Vendor(replay_url, "alpha_vantage")
    found.reset("2013-02-15T22:00:00Z")
    return found


def test_a_landed_answer_that_was_changed_is_not_read(lake: Lake, vendor: Vendor, run_at: RunAt) -> None:
    key = landed(lake, BARS, DAY, run_at(1), access(vendor, lake)).answers[0].key
    stored, item = lake.store.get(key)
    for body in (gzip.compress(b"{}"), stored[:-20], b"plain"):
        lake.store.put(Target(key, item.metadata), body)
        with pytest.raises(MalformedSource, match=r"differs from the landed response.*first version"):
            write(lake, BARS, DAY, run_at(1))
    lake.store.put(Target(key, item.metadata), stored)
    write(lake, BARS, DAY, run_at(1))


@pytest.mark.parametrize("seed", range(3))
def test_on_a_bad_day_the_rows_are_the_same_or_there_are_none(
    lake: Lake, vendor: Vendor, run_at: RunAt, seed: int
) -> None:
    def attempt(number: int) -> LandingSet:
        source = open_source(
            "alpha_vantage", access=SourceConnection(vendor.url, "PREMIUM012345678", {"profile": "premium"})
        )
        assert isinstance(source, AlphaVantage)
        impatient = replace(source, http=replace(source.http, sleep=lambda _: None, attempts=2))
        found = land(lake, load_contract(BARS), DAY, run_at(1, attempt=number), impatient)
        assert isinstance(found, LandingSet)
        return found

    requests.post(f"{vendor.url}/_control/chaos", json={"rate": 0.6, "seed": seed}, timeout=5).raise_for_status()
    for number in range(1, 50):
        with suppress(LakeError):
            made = attempt(number)
            break
        with pytest.raises(LakeNotFound):
            newest_set(lake, load_contract(BARS), DAY)
    requests.delete(f"{vendor.url}/_control/chaos", timeout=5)
    quiet = land(lake, load_contract(BARS), DAY, run_at(2), open_source("alpha_vantage", access=access(vendor, lake)))
    assert isinstance(quiet, LandingSet)
    assert (quiet.content, quiet.same_as) == (made.content, made.fetch)
    assert len(vendor.seen()) > 6, "three answers each, and some bad ones in between"


FETCH = """
import sys, boto3
from datetime import datetime, UTC
from pathlib import Path
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.pipeline.fetch_step import land
from lakeworks.settings import Settings
from lakeworks.sources import SourceConnection, open_source
from lakeworks.sources.vendors.alpha_vantage import AlphaVantage
from lakeworks.ledger.run_record import Run
from lakeworks.s3.object_store import Target
s3url, bucket, url, scratch, access_key, secret_key = sys.argv[1:]
arguments = dict(endpoint_url=s3url, region_name="us-east-1", aws_access_key_id=access_key, aws_secret_access_key=secret_key)
lake = Lake.of(Settings(bucket=bucket, scratch_dir=Path(scratch)), boto3.client("s3", **arguments), boto3.client("glue", **arguments))
contract = load_contract("bronze.market.equity_daily_bars")
source = open_source("alpha_vantage", access=SourceConnection(url, "PREMIUM012345678", {"profile": "premium"}))
land(lake, contract, Period.parse("2013-02-15"), Run(id="manual__1", started_at=datetime(2026, 1, 1, 1, tzinfo=UTC)), source)
"""


def test_a_process_killed_in_the_middle_is_continued_by_the_next(
    lake: Lake, vendor: Vendor, run_at: RunAt, moto_url: str
) -> None:
    vendor.fault(match="/query?*symbol=IBM*", kind="slow", seconds=20)
    arguments = [moto_url, lake.store.bucket, vendor.url, str(lake.scratch), *KEYS.values()]
    process = subprocess.Popen([sys.executable, "-c", FETCH, *arguments])
    try:
        deadline = time.monotonic() + 60
        while len(vendor.seen()) < 2 and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with pytest.raises(LakeNotFound, match="1 fetches were begun, none is complete"):
        write(lake, BARS, DAY, run_at(1))
    requests.delete(f"{vendor.url}/_control/requests", timeout=5)
    made = landed(lake, BARS, DAY, run_at(1, attempt=2), access(vendor, lake))
    assert [item["query"].partition("symbol=")[2][:4].strip("&") for item in vendor.seen()] == ["IBM", "MSFT"]
    assert [item.request for item in made.answers] == ["AAPL.json", "IBM.json", "MSFT.json"]

"""The list of index members on real HTTP."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from lakeworks.core.partition import Period
from lakeworks.errors import ContractError, MalformedSource, SourceRejected
from lakeworks.sources import Download, NotModified, SourceConnection
from lakeworks.sources.vendors.sp500 import Sp500, connect
from tests.lakeworks.sources.vendor_lake import Vendor

DAY = Period.parse("2026-03-02")


@pytest.fixture
def source(replay_url: str) -> Sp500:
    Vendor(replay_url, "sp500").reset()
    made = connect(SourceConnection(replay_url))
    return replace(made, http=replace(made.http, sleep=lambda _: None))


def test_the_list_is_fetched_once_and_again_when_it_changes(source: Sp500, replay_url: str, tmp_path: Path) -> None:
    first = source.fetch("constituents", DAY, known_etag=None, scratch=tmp_path)
    assert isinstance(first, Download)
    members = [row["Symbol"] for row in csv.DictReader(first.path.open())]
    assert len(members) == 503
    assert {"AAPL", "BRK.B", "BF.B"} <= set(members)
    assert source.fetch("constituents", DAY, known_etag=first.etag, scratch=tmp_path) == NotModified(
        first.url, first.etag or ""
    )
    Vendor(replay_url, "sp500").fault(kind="republished")
    assert isinstance(source.fetch("constituents", DAY, known_etag=first.etag, scratch=tmp_path), Download)


def test_what_is_not_the_list_is_refused(source: Sp500, replay_url: str, tmp_path: Path) -> None:
    vendor = Vendor(replay_url, "sp500")
    vendor.fault(kind="rename", column="Symbol", to="Ticker", times=9)
    with pytest.raises(MalformedSource, match="not the list; it begins with 'Ticker"):
        source.fetch("constituents", DAY, known_etag=None, scratch=tmp_path)
    vendor.reset()
    vendor.fault(kind="status", status=404)
    with pytest.raises(SourceRejected, match="sp500"):
        source.fetch("constituents", DAY, known_etag=None, scratch=tmp_path)
    with pytest.raises(ContractError, match="no data set `members`"):
        source.fetch("members", DAY, known_etag=None, scratch=tmp_path)

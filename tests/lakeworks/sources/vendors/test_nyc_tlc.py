"""The TLC client against real HTTP: what it retries, what it refuses, what it tells."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import requests

from lakeworks.core.partition import Period
from lakeworks.errors import (
    ConfigError,
    ContractError,
    MalformedSource,
    NotPublishedYet,
    PartitionKeyError,
    SourceRejected,
    SourceUnavailable,
)
from lakeworks.sources import Download, NotModified, open_source
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.vendors.nyc_tlc import NycTlc
from lakeworks_local.replay.nyc_tlc import DATA

JANUARY = Period.parse("2019-01")
PATH = "/trip-data/yellow_tripdata_2019-01.parquet"


@pytest.fixture
def server(replay_url: str) -> str:
    for what in ("faults", "requests"):
        requests.delete(f"{replay_url}/_control/{what}", timeout=5)
    return replay_url


def fault(server: str, **fields: Any) -> None:
    requests.post(f"{server}/_control/faults", json={"match": "/*", **fields}, timeout=5)


def requests_seen(server: str) -> int:
    return len(requests.get(f"{server}/_control/requests", timeout=5).json())


def fetch(
    server: str, scratch: Path, waits: list[float] | None = None, period: Period = JANUARY, **source: Any
) -> Download | NotModified:
    waits = waits if waits is not None else []
    client = NycTlc(HttpSource(server, sleep=waits.append, **source))
    return client.fetch("yellow_trips", period, known_etag=None, scratch=scratch)


def test_a_month_is_fetched_whole(server: str, tmp_path: Path) -> None:
    found = fetch(server, tmp_path)
    assert isinstance(found, Download)
    assert found.path.read_bytes() == (DATA / "yellow_tripdata_2019-01.parquet").read_bytes()
    assert (found.size, found.url) == (found.path.stat().st_size, server + PATH)
    assert found.etag
    assert abs((datetime.now(UTC) - found.fetched_at).total_seconds()) < 60


def test_a_known_etag_is_not_fetched_again_but_a_republished_file_is(server: str, tmp_path: Path) -> None:
    client = open_source("nyc_tlc", server)
    first = client.fetch("yellow_trips", JANUARY, known_etag=None, scratch=tmp_path)
    assert isinstance(first, Download)
    again = client.fetch("yellow_trips", JANUARY, known_etag=first.etag, scratch=tmp_path)
    assert again == NotModified(first.url, first.etag or "")
    fault(server, kind="republished")
    changed = client.fetch("yellow_trips", JANUARY, known_etag=first.etag, scratch=tmp_path)
    assert isinstance(changed, Download)
    assert (changed.etag, changed.sha256) != (first.etag, first.sha256)


def test_an_unpublished_month_is_distinguished_from_a_failure(server: str, tmp_path: Path) -> None:
    with pytest.raises(NotPublishedYet, match=r"yellow_trips of 2031-05.*two months late"):
        fetch(server, tmp_path, period=Period.parse("2031-05"))
    assert requests_seen(server) == 1


def test_a_firewalls_403_is_not_taken_for_an_unpublished_month(server: str, tmp_path: Path) -> None:
    fault(server, kind="status", status=403, body="<html><body>Access Denied by policy</body></html>")
    with pytest.raises(SourceRejected, match=r"HTTP 403 \('<html><body>Access Denied"):
        fetch(server, tmp_path)


@pytest.mark.parametrize("key", ["2019-01-05", "2019-01-05T03"])
def test_a_period_that_is_no_month_is_not_asked_for(server: str, tmp_path: Path, key: str) -> None:
    with pytest.raises(PartitionKeyError, match=r"files of a month.*like 2019-01"):
        fetch(server, tmp_path, period=Period.parse(key))
    assert requests_seen(server) == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "truncate"},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
        {"kind": "html"},
        {"kind": "slow", "seconds": 1.0},
    ],
    ids=lambda fields: "-".join(str(value) for value in fields.values()),
)
def test_what_passes_is_retried(server: str, tmp_path: Path, broken: dict[str, Any]) -> None:
    fault(server, times=2, **broken)
    waits: list[float] = []
    assert isinstance(fetch(server, tmp_path, waits, read_timeout=0.3), Download)
    assert len(waits) == 2


def test_retry_after_is_honoured_as_number_and_date(server: str, tmp_path: Path) -> None:
    waits: list[float] = []
    fault(server, kind="status", status=429, headers={"Retry-After": "7.5"})
    fault(server, kind="status", status=503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    fetch(server, tmp_path, waits)
    assert waits == [7.5, 0.0]


def test_waits_grow_with_jitter(server: str, tmp_path: Path) -> None:
    waits: list[float] = []
    fault(server, kind="status", status=500, times=4)
    fetch(server, tmp_path, waits)
    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits))


def test_a_source_that_stays_down_is_transient_and_leaves_nothing(server: str, tmp_path: Path) -> None:
    fault(server, kind="status", status=503, times=5)
    with pytest.raises(SourceUnavailable, match=r"failed 5 times, last: HTTP 503\. Its response was not landed"):
        fetch(server, tmp_path)
    assert requests_seen(server) == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_permanent_error_is_not_retried(server: str, tmp_path: Path, status: int) -> None:
    fault(server, kind="status", status=status)
    with pytest.raises(SourceRejected, match=rf"HTTP {status}\. Nothing was landed.*nyc_tlc"):
        fetch(server, tmp_path)
    assert requests_seen(server) == 1


def test_html_instead_of_parquet_is_quoted(server: str, tmp_path: Path) -> None:
    fault(server, kind="html", times=5)
    with pytest.raises(MalformedSource, match=r"begins with '<html><body>Will be right back"):
        fetch(server, tmp_path)


def test_a_parquet_file_cut_in_half_at_the_source_is_named_and_not_kept(server: str, tmp_path: Path) -> None:
    fault(server, kind="half", times=5)
    with pytest.raises(MalformedSource, match="cut off or damaged"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["nan", "inf", "-5", "soon", "Wed, 21 Oct 2015 07:28:00 -0000"])
def test_a_strange_retry_after_does_not_get_in_the_way(server: str, tmp_path: Path, value: str) -> None:
    waits: list[float] = []
    fault(server, kind="status", status=503, headers={"Retry-After": value})
    assert isinstance(fetch(server, tmp_path, waits), Download)
    assert 0 <= waits[0] <= 1


@pytest.mark.parametrize("address", ["localhost:1", "http://", "ftp://example.org", "example.org"])
def test_an_address_that_is_none_says_what_to_correct(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not an address.*Airflow connection"):
        fetch(address, tmp_path)


def test_a_server_that_is_not_there_is_transient(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="failed 5 times"):
        fetch("http://127.0.0.1:9", tmp_path)


def test_secrets_in_an_address_are_neither_shown_nor_stored(server: str, tmp_path: Path) -> None:
    secret = server.replace("http://", "http://user:s3cret@")
    fault(server, kind="status", status=404)
    with pytest.raises(SourceRejected) as rejected:
        fetch(secret, tmp_path)
    with pytest.raises(NotPublishedYet) as waiting:
        fetch(secret, tmp_path, period=Period.parse("2031-05"))
    found = fetch(secret, tmp_path)
    assert isinstance(found, Download)
    assert not any("s3cret" in text for text in (str(rejected.value), str(waiting.value), found.url))


def test_keys_in_a_query_are_not_shown_when_the_connection_fails(tmp_path: Path) -> None:
    http = HttpSource("http://127.0.0.1:9", attempts=1)
    with pytest.raises(SourceUnavailable) as raised:
        http.download("/query?function=DAILY&apikey=s3cret", tmp_path / "x", check=lambda _: None)
    assert "s3cret" not in str(raised.value)


def test_the_zone_lookup_is_checked_by_its_header(server: str, tmp_path: Path) -> None:
    client = NycTlc(HttpSource(server, sleep=lambda _: None))
    found = client.fetch("zones", JANUARY, known_etag=None, scratch=tmp_path)
    assert isinstance(found, Download)
    assert found.size == 12_331, "the published file's size"
    fault(server, kind="html", times=5)
    with pytest.raises(MalformedSource, match="not the zone lookup"):
        client.fetch("zones", JANUARY, known_etag=None, scratch=tmp_path)


def test_an_unknown_source_or_data_set_is_a_contract_error(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no source `tlc`"):
        open_source("tlc")
    with pytest.raises(ContractError, match="no data set `trips`"):
        open_source("nyc_tlc").fetch("trips", JANUARY, known_etag=None, scratch=tmp_path)


def test_sample_months_have_the_vendors_drift() -> None:
    def fee(month: str) -> str:
        return str(pq.read_schema(DATA / f"yellow_tripdata_{month}.parquet").field("airport_fee").type)

    assert [fee(month) for month in ("2019-01", "2020-04", "2020-09", "2020-10")] == ["null", "null", "double", "null"]


def test_inferring_the_schema_from_the_first_file_fails_on_real_drift() -> None:
    files = [str(DATA / f"yellow_tripdata_{month}.parquet") for month in ("2020-04", "2020-09")]
    with pytest.raises(NotImplementedError, match="null"):
        ds.dataset(files).to_table()


def test_the_zone_lookup_has_every_zone_once() -> None:
    lines = (DATA / "taxi_zone_lookup.csv").read_text().splitlines()[1:]
    assert [int(line.split(",")[0]) for line in lines] == list(range(1, 266))
    boroughs = [line.split(",")[1].strip('"') for line in lines]
    counts = {
        name: boroughs.count(name) for name in ("Manhattan", "Queens", "Brooklyn", "Bronx", "Staten Island", "EWR")
    }
    assert counts == {"Manhattan": 69, "Queens": 69, "Brooklyn": 61, "Bronx": 43, "Staten Island": 20, "EWR": 1}

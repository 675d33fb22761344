"""The HTTP core on real connections: what it retries, when it stops, what it never shows."""

import gzip
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from lakeworks.errors import (
    LakeError,
    MalformedSource,
    QuotaExhausted,
    ScratchUnavailable,
    SourceRejected,
    SourceUnavailable,
)
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.limits import Limiter, Limits
from lakeworks.sources.http.retry import RetryableResponse
from lakeworks.sources.http.secrets import Secret
from lakeworks.sources.response import SourceResponse
from tests.lakeworks.sources.servers import raw_server

ZONES = "/misc/taxi_zone_lookup.csv"
KEY = "k3y+with/odd=signs"


@pytest.fixture
def server(replay_url: str) -> str:
    for what in ("faults", "requests"):
        requests.delete(f"{replay_url}/_control/{what}", timeout=5)
    return replay_url


def fault(server: str, **fields: Any) -> None:
    requests.post(f"{server}/_control/faults", json={"match": "/*", **fields}, timeout=5).raise_for_status()


def seen(server: str) -> list[dict[str, Any]]:
    return requests.get(f"{server}/_control/requests", timeout=5).json()  # type: ignore[no-any-return]


def client(url: str, **fields: Any) -> HttpSource:
    return HttpSource(url, **{"sleep": lambda _: None, **fields})


def whole(error: BaseException) -> str:
    """Everything a log could show of an error, chained ones included."""
    chain, found = [], error
    while found is not None:
        chain.append(repr(found) + repr(vars(found)))
        found = found.__cause__ or found.__context__  # type: ignore[assignment]
    return "".join(traceback.format_exception(error)) + "".join(chain)


def test_an_answer_says_what_was_asked_and_when(server: str) -> None:
    answer = client(server).ask(ZONES, {"page": 2, "name": "a b"})
    assert (answer.status, answer.url) == (200, f"{server}{ZONES}?page=2&name=a+b")
    assert len(answer.body) == 12_331
    assert answer.headers["content-type"].startswith("text/csv")
    assert abs((datetime.now(UTC) - answer.fetched_at).total_seconds()) < 60


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "truncate"},
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 429},
        {"kind": "slow", "seconds": 1},
    ],
    ids=lambda fields: "-".join(map(str, fields.values())),
)
def test_what_passes_is_retried_and_counted(server: str, broken: dict[str, Any]) -> None:
    fault(server, times=2, **broken)
    http = client(server, read_timeout=0.3)
    assert http.ask(ZONES).status == 200
    figures = http.metrics
    assert (figures.requests, figures.retries) == (3, 2)
    assert figures.bytes >= 12_331
    assert figures.seconds > 0


def test_a_judge_may_ask_again_reject_or_keep(server: str) -> None:
    verdicts: list[Any] = [RetryableResponse("busy"), RetryableResponse("busy", wait=9.0), False]
    waits: list[float] = []

    def check(answer: SourceResponse) -> bool:
        verdict = verdicts.pop(0)
        if isinstance(verdict, Exception):
            raise verdict
        return bool(verdict)

    assert client(server, sleep=waits.append).ask(ZONES, check=check).status == 200
    assert waits[1] == 9.0
    verdicts[:] = [SourceRejected("no")]
    with pytest.raises(SourceRejected, match="no"):
        client(server).ask(ZONES, check=check)
    verdicts[:] = [True]
    fault(server, kind="status", status=404, body="gone")
    assert client(server).ask(ZONES, check=check).text == "gone"


def test_a_body_that_stays_bad_is_malformed_not_unavailable(server: str) -> None:
    def check(answer: SourceResponse) -> bool:
        raise RetryableResponse(f"no JSON: {answer.quoted(10)}", final=MalformedSource)

    with pytest.raises(MalformedSource, match=r"failed 5 times, last: no JSON: '.\w+"):
        client(server).ask(ZONES, check=check)


def test_a_long_retry_after_stops_every_task_and_says_until_when(server: str) -> None:
    fault(server, kind="status", status=429, headers={"Retry-After": "119"})
    limiter = Limiter("vendor", clock=lambda: 1_600_000_000.0)
    with pytest.raises(
        QuotaExhausted, match=r"no request before 2020-09-13 12:28:39 UTC.*asks to wait 119 s"
    ) as raised:
        client(server, limiter=limiter, longest_wait=60).ask(ZONES)
    assert raised.value.retry_at == datetime(2020, 9, 13, 12, 28, 39, tzinfo=UTC)
    with pytest.raises(QuotaExhausted):
        client(server, limiter=limiter).ask(ZONES)
    assert len(seen(server)) == 1, "nothing was sent before that"


def test_every_attempt_is_taken_out_of_the_budget(server: str) -> None:
    fault(server, kind="status", status=500, times=2)
    limiter = Limiter("vendor", Limits(per_day=4))
    client(server, limiter=limiter).ask(ZONES)
    client(server, limiter=limiter).ask(ZONES)
    with pytest.raises(QuotaExhausted, match="all 4 requests"):
        client(server, limiter=limiter).ask(ZONES)
    assert len(seen(server)) == 4


@pytest.mark.parametrize("place", ["header", "query"])
@pytest.mark.parametrize("broken", [{"kind": "status", "status": 401}, {"kind": "truncate", "times": 9}, None])
def test_a_key_is_sent_and_never_shown(
    server: str, place: Any, broken: dict[str, Any] | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    if broken:
        fault(server, **broken)
    http = client(server if broken else "http://127.0.0.1:9", secret=Secret("apikey", KEY, place))
    with pytest.raises(LakeError) as raised:
        http.ask(ZONES)
    if broken:
        sent = seen(server)[0]
        assert (sent["headers"].get("apikey") if place == "header" else sent["query"]) in (
            KEY,
            "apikey=k3y%2Bwith%2Fodd%3Dsigns",
        )
    shown = whole(raised.value) + caplog.text + repr(http)
    assert "k3y" not in shown.replace("REDACTED", "")


def test_a_key_the_vendor_echoes_is_not_kept() -> None:
    body = f'{{"Information": "your API key as {KEY}"}}'.encode()
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as url:
        answer = client(url, secret=Secret("apikey", KEY, "query")).ask("/query")
    assert answer.body == b'{"Information": "your API key as REDACTED"}'


def test_a_key_does_not_follow_a_redirect() -> None:
    with (
        raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as elsewhere,
        raw_server(f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()) as url,
        pytest.raises(SourceRejected, match="HTTP 302"),
    ):
        client(url, secret=Secret("X-Token", KEY)).ask("/orders")


def test_a_circle_of_redirects_is_not_walked_twice() -> None:
    with raw_server(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") as url:
        http = client(url)
        with pytest.raises(SourceRejected, match="redirects in a circle"):
            http.ask("/start")
        assert http.metrics.requests == 1


def test_a_server_that_drips_meets_the_deadline(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with raw_server(head, *[b"x"] * 100, pause=0.05) as url:
        http = client(url, deadline=0.4)
        with pytest.raises(
            SourceUnavailable, match="failed 1 times, last: the answer was not complete within the deadline"
        ):
            http.ask("/")
        with pytest.raises(SourceUnavailable, match="deadline"):
            http.download("/", tmp_path / "file", check=lambda _: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", ["abc", "-5", ""])
def test_a_strange_content_length_does_not_get_in_the_way(length: str, tmp_path: Path) -> None:
    with raw_server(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\nhello".encode()) as url:
        fetched = client(url).download("/", tmp_path / "file", check=lambda _: None)
        assert client(url).ask("/").body == b"hello"
    assert (fetched.path.read_bytes(), fetched.size) == (b"hello", 5)


def test_a_compressed_body_is_not_taken_for_a_cut_one(tmp_path: Path) -> None:
    packed = gzip.compress(b"hello " * 1000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with raw_server(head + packed) as url:
        assert client(url).ask("/").body == b"hello " * 1000
        assert client(url).download("/", tmp_path / "file", check=lambda _: None).size == 6000
    with raw_server(head + packed[:-20]) as url, pytest.raises(SourceUnavailable):
        client(url).ask("/")


def test_a_full_disk_is_an_error_of_ours_and_leaves_no_file(server: str, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.symlink_to("/dev/full")
    with pytest.raises(ScratchUnavailable, match="No space left on device.*LAKE_SCRATCH_DIR"):
        client(server).download(ZONES, target, check=lambda _: None)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ScratchUnavailable, match="No such file or directory"):
        client(server).download(ZONES, tmp_path / "no" / "file", check=lambda _: None)


def test_an_endless_answer_is_refused() -> None:
    chunks = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", *[b"x" * 1000] * 50]
    with raw_server(*chunks) as url, pytest.raises(MalformedSource, match="sends more than 20000 bytes"):
        client(url, largest_answer=20_000).ask("/")

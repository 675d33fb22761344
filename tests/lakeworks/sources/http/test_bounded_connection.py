"""A request ends at its deadline whatever drips, and a redirect leads to no private address."""

import time
from pathlib import Path

import pytest
import requests

from lakeworks.errors import SourceRejected, SourceUnavailable
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.http.secrets import Secret
from tests.lakeworks.sources.servers import raw_server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    "chunks",
    [
        [bytes([char]) for char in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400],
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * 400,
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"0"] * 400],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n", *[b"x"] * 400],
    ],
    ids=["headers", "continue", "chunk size", "body"],
)
def test_drips_end_at_the_deadline(tmp_path: Path, chunks: list[bytes]) -> None:
    with raw_server(*chunks, pause=0.05) as url:
        source = HttpSource(url, deadline=0.6, read_timeout=30, attempts=2, sleep=lambda _: None)
        started = time.monotonic()
        with pytest.raises(SourceUnavailable, match="within the deadline"):
            source.ask("x")
        with pytest.raises(SourceUnavailable, match="within the deadline"):
            source.download("x", tmp_path / "file", check=lambda _: None)
        assert time.monotonic() - started < 10, "the server drips for 20 seconds"


def redirect(url: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def test_a_redirect_to_a_private_address_is_refused() -> None:
    with (
        raw_server(OK) as target,
        raw_server(redirect(f"{target}/latest/meta-data")) as url,
        pytest.raises(SourceRejected, match=r"`localhost` redirects to `127.0.0.1`, an address of a private network"),
    ):
        HttpSource(url.replace("127.0.0.1", "localhost"), attempts=1).ask("x")


def test_a_redirect_within_the_host_is_followed() -> None:
    with raw_server(OK) as target, raw_server(redirect(target)) as url:
        assert HttpSource(url).ask("x").body == b"{}"


def test_a_kept_connection_is_watched_too(replay_url: str) -> None:
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    source = HttpSource(replay_url, secret=Secret("X-Key", "0123456789", "header"))
    for _ in range(3):
        assert source.ask("/misc/taxi_zone_lookup.csv").body

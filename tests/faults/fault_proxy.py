"""A real HTTP proxy between boto3 and an endpoint that breaks chosen requests the way networks and S3 do.

A fault happens before the request reaches the endpoint (nothing took effect) or after it took effect and before the answer reaches the
client: the second is what makes retries dangerous.
"""

import contextlib
import http.client
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

Kind = Literal[
    "500 before", "500 after", "503 before", "503 after", "reset before", "reset after", "timeout before", "timeout after",
    "truncated", "garbled",
]  # fmt: skip
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]
QUICK: tuple[Kind, ...] = tuple(kind for kind in KINDS if not kind.startswith("timeout"))  # no one waits for these
_ERRORS = {
    "500": ("InternalError", "We encountered an internal error."),
    "503": ("SlowDown", "Please reduce your request rate."),
}
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "date", "server"}


@dataclass(frozen=True)
class Request:
    """What a chooser sees: the number counts from 1 since the last `choose`."""

    number: int
    method: str
    path: str
    operation: str
    client: int = 0  # the port of the client's connection, by which its process can be found

    def __str__(self) -> str:
        return f"#{self.number} {self.method} {self.operation or self.path}"


Choose = Callable[[Request], Kind | None]


@dataclass
class Faults:
    """Which requests break, and what came by."""

    chooser: Choose = lambda _: None
    seen: list[Request] = field(default_factory=list)
    broken: list[tuple[Request, Kind]] = field(default_factory=list)
    stall: float = 5.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def choose(self, chooser: Choose) -> None:
        """Begin again with another chooser."""
        with self.lock:
            self.chooser, self.seen, self.broken = chooser, [], []

    def peace(self) -> None:
        """Break nothing more; what was seen stays."""
        with self.lock:
            self.chooser = lambda _: None

    def decide(self, method: str, path: str, operation: str, client: int = 0) -> Kind | None:
        with self.lock:
            request = Request(len(self.seen) + 1, method, path, operation, client)
            self.seen.append(request)
            kind = self.chooser(request)
            if kind:
                self.broken.append((request, kind))
            return kind


def nth(number: int, kind: Kind) -> Choose:
    """Break one request."""
    return lambda request: kind if request.number == number else None


def matching(pattern: str, kind: Kind, times: int = 1) -> Choose:
    """Break the first requests whose method and path match."""
    left = [times]

    def chooser(request: Request) -> Kind | None:
        if left[0] and re.search(pattern, f"{request.method} {request.path}"):
            left[0] -= 1
            return kind
        return None

    return chooser


def sometimes(share: float, seed: int, kinds: tuple[Kind, ...] = QUICK) -> Choose:
    """Break a share of the requests, at random."""
    chance = random.Random(seed)
    return lambda _: chance.choice(kinds) if chance.random() < share else None


@contextlib.contextmanager
def proxy(upstream: str) -> Iterator[tuple[str, Faults]]:
    """A proxy in front of `upstream` on a free loopback port; yields its URL and its faults."""
    faults, target = Faults(), urlsplit(upstream)

    class Handler(_Forwarder):
        host, port, plan = str(target.hostname), int(target.port or 80), faults

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Writers are killed in the middle of requests: that is no news."""


class _Forwarder(BaseHTTPRequestHandler):
    """One client connection: forwards each request on a connection of its own, or breaks it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    host: str
    port: int
    plan: Faults

    def do_GET(self) -> None:
        body = self._body()
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        kind = self.plan.decide(self.command, self.path, operation, self.client_address[1])
        if kind and kind.endswith("before"):
            self._fail(kind)
            return
        answer, content = self._forward(body)
        if kind is None:
            self._answer(answer.status, answer.getheaders(), content, len(content))
        elif kind in ("truncated", "garbled"):
            self._cut(kind, answer, content)
        else:
            self._fail(kind)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _forward(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # Host stays: the signature covers it
                if name.lower() not in _HOP - {"date"}:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, length: int) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP - {"date"} or (name.lower() == "content-length" and self.command == "HEAD"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(length))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(content)

    def _cut(self, kind: Kind, answer: http.client.HTTPResponse, content: bytes) -> None:
        """`truncated` closes before the announced length; `garbled` announces only half of a listing or a Glue answer.

        An object's own bytes are never garbled: a length that lies is not what networks do.
        """
        spoken = content.startswith(b"<?xml") or "X-Amz-Target" in self.headers
        kind = kind if spoken else "truncated"
        half = content[: len(content) // 2]
        if not content:  # nothing to cut: the answer gets lost instead
            self._fail("reset after")
            return
        self._answer(answer.status, answer.getheaders(), half, len(content) if kind == "truncated" else len(half))
        if kind == "truncated":
            self.close_connection = True

    def _fail(self, kind: Kind) -> None:
        what = kind.split()[0]
        if what in _ERRORS:
            code, message = _ERRORS[what]
            self._answer(int(what), *_error(self.headers.get("X-Amz-Target"), code, message))
            return
        if what == "timeout":
            time.sleep(self.plan.stall)
        self.close_connection = True
        with contextlib.suppress(OSError):  # an RST, as a machine that went away sends it
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def _error(glue: str | None, code: str, message: str) -> tuple[list[tuple[str, str]], bytes, int]:
    if glue:
        body = f'{{"__type": "{code}", "message": "{message}"}}'.encode()
        return [("Content-Type", "application/x-amz-json-1.1")], body, len(body)
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'.encode()
    return [("Content-Type", "application/xml")], body, len(body)

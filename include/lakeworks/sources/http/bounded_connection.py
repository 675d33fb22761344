"""Connections that keep a request's deadline and follow no redirect to a private address.

A read timeout restarts with every byte, so a server that sends slowly could hold a task forever. A timer closes the connection.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from lakeworks.errors import SourceRejected


@dataclass
class _Watch:
    """The current request of a thread: its host and its connections."""

    host: str
    sockets: list[Any] = field(default_factory=list)
    is_over: bool = False

    def take(self, connection: Any) -> None:
        """Watch a connection that is about to be used.

        Raises:
            SourceRejected: a redirect led it to a private address.
        """
        sock = connection.sock
        if sock is None:
            return
        self.sockets.append(sock)
        if connection.proxy is None and connection.host != self.host and not _is_public(sock):
            connection.close()
            raise SourceRejected(
                f"`{self.host}` redirects to `{connection.host}`, an address of a private network. Nothing was landed. Look at "
                "the host of this source's Airflow connection."
            )
        if self.is_over:
            self.cut()

    def cut(self) -> None:
        """End every waiting read."""
        self.is_over = True
        for sock in self.sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


_thread = threading.local()


def _is_public(sock: Any) -> bool:
    try:
        return ipaddress.ip_address(sock.getpeername()[0].partition("%")[0]).is_global
    except (OSError, ValueError):
        return False


def _watched(connection: Any) -> None:
    watch: _Watch | None = getattr(_thread, "watch", None)
    if watch is not None:
        watch.take(connection)


class _Plain(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _watched(self)

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        _watched(self)  # a connection that was kept open
        super().putrequest(*args, **kwargs)


class _Encrypted(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _watched(self)

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        _watched(self)
        super().putrequest(*args, **kwargs)


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _Encrypted if pool.scheme == "https" else _Plain
        return pool


@contextmanager
def bounded(session: requests.Session, url: str, until: float) -> Iterator[None]:
    """End all requests in this block at a time of the monotonic clock, redirects included.

    Raises:
        SourceRejected: a redirect leads to a private address that is not the host itself.
    """
    for prefix, adapter in list(session.adapters.items()):
        if type(adapter) is HTTPAdapter:
            session.mount(prefix, _Adapter())
    watch = _Watch(urlsplit(url).hostname or "")
    timer = threading.Timer(max(until - time.monotonic(), 0.01), watch.cut)
    timer.daemon = True
    _thread.watch = watch
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        _thread.watch = None

"""Entry point of the page for Airflow: an ASGI application, built by its first request so that starting costs nothing."""

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class LakePage:
    """The page behind Airflow's login. Airflow imports plugins in every process, so only a request imports the page."""

    def __init__(self, build: Callable[[], Asgi] | None = None) -> None:
        self._build = build or _behind_airflows_login
        self._lock = threading.Lock()
        self._app: Asgi | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        with self._lock:
            if self._app is None:
                self._app = self._build()
        await self._app(scope, receive, send)


def _behind_airflows_login() -> Asgi:
    from lakeworks_airflow.connections import connect_lake
    from lakeworks_airflow.lake_page.application import page_of
    from lakeworks_airflow.lake_page.login import logged_in

    return page_of(connect_lake, logged_in)

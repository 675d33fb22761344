"""Faults on demand: POST one to `/_control/faults`, and the next matching requests answer as a bad day would.

`{"match": "/trip-data/*2019-01*", "kind": "status", "status": 503, "headers": {"Retry-After": "1"}, "times": 2}`
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any, Literal, get_args

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Kind = Literal["status", "slow", "truncate", "half", "html", "republished", "rename", "retype", "drop"]
# These change the file itself, so the vendor's module applies them; the rest is done to the answer.
CONTENT_KINDS = ("half", "republished", "rename", "retype", "drop")


@dataclass
class Fault:
    """One fault and how often it still happens."""

    match: str
    kind: Kind
    times: int = 1
    status: int = 503
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 5.0
    column: str = ""
    to: str = ""


class Faults:
    """The faults in force and the requests seen."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.requests: deque[dict[str, Any]] = deque(maxlen=10_000)

    def transport(self, path: str) -> Fault | None:
        """The first matching fault of the answer, used up by this request."""
        return next(iter(self._take(path, content=False)), None)

    def content(self, path: str) -> list[Fault]:
        """Every matching change of the file: a real schema change alters several columns at once."""
        return list(self._take(path, content=True))

    def _take(self, path: str, *, content: bool) -> Iterator[Fault]:
        for fault in self.active:
            if fault.times > 0 and fnmatch(path, fault.match) and (fault.kind in CONTENT_KINDS) == content:
                fault.times -= 1
                yield fault

    async def control(self, request: Request) -> Response:
        """GET lists, POST adds, DELETE clears."""
        if request.method == "POST":
            body = await request.json()
            try:
                added = [Fault(**item) for item in (body if isinstance(body, list) else [body])]
            except TypeError as error:
                return JSONResponse({"error": str(error)}, 400)
            if unknown := [fault.kind for fault in added if fault.kind not in get_args(Kind)]:
                return JSONResponse({"error": f"unknown kind {unknown}; known: {get_args(Kind)}"}, 400)
            self.active += added
        if request.method == "DELETE":
            self.active.clear()
        return JSONResponse([vars(fault) for fault in self.active])

    async def log(self, request: Request) -> Response:
        """The requests seen; DELETE forgets them."""
        if request.method == "DELETE":
            self.requests.clear()
        return JSONResponse(list(self.requests))


class FaultMiddleware:
    """Does the transport faults to whatever a vendor's module answers."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith("/_control"):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        self.faults.requests.append(
            {
                "method": scope["method"],
                "path": scope["path"],
                "query": scope["query_string"].decode(),
                "headers": dict(request.headers),
            }
        )
        fault = self.faults.transport(scope["path"])
        if fault is None:
            await self.app(scope, receive, send)
        else:
            await self._fail(fault, scope, receive, send)

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "status":
            await Response(fault.body, fault.status, fault.headers)(scope, receive, send)
        elif fault.kind == "html":
            await HTMLResponse(fault.body or "<html><body>Will be right back</body></html>")(scope, receive, send)
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, _truncating(send))


def _truncating(send: Send) -> Callable[[Message], Awaitable[None]]:
    """Announce the full length, send half of it and cut the connection."""
    length = 0

    async def cut(message: Message) -> None:
        nonlocal length
        if message["type"] == "http.response.start":
            length = int(dict(message["headers"]).get(b"content-length", b"0"))
            await send(message)
            return
        body = message.get("body", b"")[: max(length // 2, 1)]
        await send({"type": "http.response.body", "body": body, "more_body": True})
        raise ConnectionResetError("injected: truncated answer")

    return cut

"""Middleware that applies transport faults to every vendor's responses, and keeps the log of requests."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakeworks_local.replay.faults import Fault, Faults


class FaultMiddleware:
    """Around every vendor's routes."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults
        self._last: dict[str, Response] = {}  # the last page sent for a path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith("/_control"):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        query = scope["query_string"].decode()
        headers = dict(request.headers)
        self.faults.requests.append(
            {"method": scope["method"], "path": scope["path"], "query": query, "headers": headers}
        )
        fault = self.faults.transport(request)
        if fault is None:
            await self._pass(scope, receive, send)
        else:
            await self._fail(fault, scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, and keep a small one for `duplicate_page`."""
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)
            await send(message)

        await self.app(scope, receive, keep)
        body = b"".join(message.get("body", b"") for message in kept[1:])
        if len(body) < 1 << 20:
            answer = Response(body, kept[0]["status"])
            answer.raw_headers = kept[0]["headers"]
            self._last[scope["path"]] = answer

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "status":
            await Response(fault.body, fault.status, fault.headers)(scope, receive, send)
        elif fault.kind == "note200":
            note = json.dumps({"Information": fault.body})
            await Response(note, 200, fault.headers, "application/json")(scope, receive, send)
        elif fault.kind == "html":
            await HTMLResponse(fault.body or "<html><body>Will be right back</body></html>")(scope, receive, send)
        elif fault.kind == "duplicate_page" and scope["path"] in self._last:
            await self._last[scope["path"]](scope, receive, send)
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            request = Request(scope, receive)
            await request.body()  # a client's disconnect is seen only by reading
            if not await request.is_disconnected():  # a client that has disconnected must not use another fault up
                await self.app(scope, receive, send)
        elif fault.kind == "truncate":
            await self.app(scope, receive, _truncating(send))
        elif fault.kind == "cut_json":
            await self._cut(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _cut(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send valid HTTP whose body ends in the middle, as a broken proxy does."""
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self.app(scope, receive, keep)
        body = b"".join(message.get("body", b"") for message in kept[1:])
        await Response(body[: len(body) // 2], kept[0]["status"], media_type="application/json")(scope, receive, send)


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

"""AWS without a server: answers sampled from botocore's models, and one call that is refused over the wire at a chosen call site."""

import io
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
from botocore import xform_name
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.session import get_session

import lakeworks

SOURCE = Path(lakeworks.__file__).parent
_KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
_METADATA = {"HTTPStatusCode": 200, "HTTPHeaders": {"date": "Fri, 02 Jan 2026 00:00:00 GMT"}}
# A function of a thread, and the function that gave it the call.
_BY_THREAD = {
    ("streaming/fan_out/subscription.py", "Subscription._follow"): (
        "streaming/fan_out/fan_out_reader.py",
        "FanOutReader.read",
    )
}
_TOKENS = ("token", "marker", "nextkey", "evaluatedkey")


@dataclass(frozen=True)
class CallSite:
    """A function of the library, and the operation that it calls."""

    path: str
    function: str
    operation: str

    def __str__(self) -> str:
        return f"{self.path} {self.function} {self.operation}"


@dataclass(frozen=True)
class WireError:
    """An error as a service sends it."""

    code: str
    status: int
    message: str = "as AWS says it"

    def wire(self, protocol: str, *, is_head: bool) -> tuple[dict[str, str], bytes]:
        """Headers and body; the answer to HEAD has no body."""
        if is_head:
            return {}, b""
        if protocol == "rest-xml":
            inner = f"<Code>{self.code}</Code><Message>{self.message}</Message>"
            text = f"<Error>{inner}<RequestId>1</RequestId></Error>"
            return {}, text.encode()
        if protocol == "query":
            inner = f"<Type>Sender</Type><Code>{self.code}</Code><Message>{self.message}</Message>"
            return {}, f"<ErrorResponse><Error>{inner}</Error><RequestId>1</RequestId></ErrorResponse>".encode()
        if protocol == "rest-json":
            return {"x-amzn-ErrorType": f"{self.code}:http://internal/"}, f'{{"message":"{self.message}"}}'.encode()
        return {}, f'{{"__type":"com.amazonaws#{self.code}","message":"{self.message}"}}'.encode()


class _Body(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def sampled(shape: Any, known: Mapping[str, Any], within: tuple[str, ...] = ()) -> Any:
    """An answer of a shape: one member of each list, no further page. `known` overrides members by name."""
    if shape.type_name == "structure":
        return {
            name: known[name] if name in known else sampled(member, known, (*within, shape.name))
            for name, member in shape.members.items()
            if member.name not in within and not name.lower().endswith(_TOKENS)
        }
    if shape.type_name == "list":
        return [sampled(shape.member, known, (*within, shape.name))]
    if shape.type_name == "map":
        return {"x": sampled(shape.value, known, (*within, shape.name))}
    if shape.type_name == "blob":
        return StreamingBody(io.BytesIO(b"{}"), 2) if shape.serialization.get("streaming") else b"{}"
    values = {"boolean": False, "timestamp": datetime(2026, 1, 2, tzinfo=UTC), "float": 1.0, "double": 1.0}
    if shape.type_name == "string":
        return str(shape.enum[0]) if shape.enum else "x"
    return values.get(shape.type_name, 1)


@dataclass
class SampledAws:
    """Clients of every service. `known` has members of answers; `absent` names operations whose first call finds nothing,
    `refused` those that always fail."""

    sites: frozenset[CallSite]
    known: Mapping[str, Any] = field(default_factory=dict)
    absent: Mapping[str, WireError] = field(default_factory=dict)
    refused: Mapping[str, WireError] = field(default_factory=dict)
    target: CallSite | None = None
    error: WireError | None = None
    seen: dict[CallSite, tuple[str, str]] = field(default_factory=dict)
    was_sent: bool = False
    _missed: set[str] = field(default_factory=set)
    _next: threading.local = field(default_factory=threading.local)

    def __call__(self, service: str, region: str | None = None) -> Any:
        client = _client(service)
        client.meta.events._sampled = self  # the client is shared: its hooks ask whose turn it is
        return client

    def answer(self, model: Any) -> Any:
        """Decide on one call: None lets it go to the wire, which refuses it."""
        here = self._here(xform_name(model.name))
        self.seen |= dict.fromkeys(here, (model.service_model.service_name, model.name))
        if self.target in here and not self.was_sent:
            self.was_sent, self._next.error = True, self.error
            return None
        if model.name in self.refused:
            self._next.error = self.refused[model.name]
            return None
        if model.name in self.absent and model.name not in self._missed:
            self._missed.add(model.name)  # what a write makes is there afterwards
            self._next.error = self.absent[model.name]
            return None
        body = sampled(model.output_shape, self.known) if model.output_shape else {}
        return SimpleNamespace(status_code=200, headers={}), {**body, "ResponseMetadata": _METADATA}

    def refuse(self, request: Any, protocol: str) -> AWSResponse:
        """Answer on the wire."""
        error: WireError = self._next.error
        headers, body = error.wire(protocol, is_head=request.method == "HEAD")
        return AWSResponse(request.url, error.status, HeadersDict(headers), _Body(body))  # type: ignore[arg-type]

    def _here(self, method: str) -> list[CallSite]:
        """The sites on the stack that make this call."""
        found, frame = [], sys._getframe()
        while frame := frame.f_back:  # type: ignore[assignment]
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(SOURCE):
                name = frame.f_code.co_qualname.replace("<locals>.", "")
                place = (str(path.relative_to(SOURCE)), name.partition(".<")[0])
                site = CallSite(*_BY_THREAD.get(place, place), method)
                found += [site] if site in self.sites else []
        return found


@cache
def _client(service: str) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    client: Any = boto3.client(
        service, region_name="us-east-1", endpoint_url="http://127.0.0.1:1", config=config, **_KEYS
    )  # type: ignore[call-overload]
    events, protocol = client.meta.events, client.meta.service_model.resolved_protocol

    def before(model: Any, **_: Any) -> Any:
        return events._sampled.answer(model)

    def send(request: Any, **_: Any) -> AWSResponse:
        return events._sampled.refuse(request, protocol)

    events.register("before-call", before)
    events.register("before-send", send)
    return client


def modelled_errors(service: str, operation: str) -> list[WireError]:
    """The errors that AWS models for an operation."""
    model = get_session().get_service_model(service).operation_model(operation)
    return [
        WireError(
            shape.error_code,
            (shape.metadata.get("error") or {}).get("httpStatusCode") or (500 if shape.metadata.get("fault") else 400),
        )
        for shape in model.error_shapes
    ]

"""Faults on demand: POST one to `/_control/faults`, and the next matching requests get it.

`{"match": "/trip-data/*2019-01*", "kind": "status", "status": 503, "headers": {"Retry-After": "1"}, "times": 2}`
`match` is compared with the path, and with `path?query`.
"""

import json
from collections import deque
from collections.abc import Iterator
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

# Applied to any response.
TransportFault = Literal["status", "note200", "slow", "truncate", "cut_json", "html", "duplicate_page"]
# Applied to the content, so the vendor's module applies them.
Content = Literal["half", "republished", "rename", "retype", "drop", "empty", "partial", "null_bar"]
_TRANSPORT = TransportFault.__args__  # type: ignore[attr-defined]


class Fault(BaseModel):
    """One fault and its remaining count."""

    model_config = ConfigDict(extra="forbid", strict=True)

    match: str
    kind: TransportFault | Content
    times: int = Field(1, ge=0)
    status: int = Field(503, ge=100, le=599)
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    seconds: float = Field(5.0, ge=0)
    column: str = ""
    to: str = ""

    @model_validator(mode="after")
    def _complete(self) -> "Fault":
        if self.kind in ("rename", "retype", "drop") and not self.column:
            raise ValueError("`column` must name the field")
        if self.kind == "retype":
            pa.type_for_alias(self.to)  # a ValueError names the type that does not exist
        if self.kind == "rename" and not self.to:
            raise ValueError("`to` must give the new name")
        return self


class Chaos(BaseModel):
    """Random faults: this share of the responses fails, the same ones for the same seed and order of requests."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rate: float = Field(ge=0, le=1)
    seed: int = 0


# The faults to choose from. None lasts, so a client that retries succeeds.
_BAD_LUCK = (
    Fault(match="*", kind="status", status=503),
    Fault(match="*", kind="status", status=429, headers={"Retry-After": "0.01"}),
    Fault(match="*", kind="truncate"),
    Fault(match="*", kind="cut_json"),
    Fault(match="*", kind="html"),
    Fault(match="*", kind="slow", seconds=0.02),
)
_MANY: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])


class Faults:
    """Active faults and the requests seen."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.chaos = Chaos(rate=0)
        self._dice = Random(0)
        self.requests: deque[dict[str, Any]] = deque(maxlen=10_000)

    def transport(self, request: Request) -> Fault | None:
        """Return and count the first matching fault of the response; else a random one, if chaos is set."""
        fault = next(iter(self._take(request, content=False)), None)
        unlucky = fault is None and self._dice.random() < self.chaos.rate
        return self._dice.choice(_BAD_LUCK) if unlucky else fault

    def content(self, request: Request) -> list[Fault]:
        """Return every matching change of the content: a real schema change alters several fields. HEAD does not count."""
        return list(self._take(request, content=True))

    def _take(self, request: Request, *, content: bool) -> Iterator[Fault]:
        for fault in self.active:
            names = (request.url.path, f"{request.url.path}?{request.url.query}")
            fits = any(fnmatchcase(name, fault.match) for name in names)
            if fault.times > 0 and fits and (fault.kind not in _TRANSPORT) == content:
                fault.times -= not (content and request.method == "HEAD")
                yield fault

    async def control(self, request: Request) -> Response:
        """Handle control requests: GET lists, POST adds, DELETE clears."""
        if request.method == "POST":
            try:
                body = json.loads(await request.body())
                self.active += _MANY.validate_python(body if isinstance(body, list) else [body])
            except ValidationError as error:
                return JSONResponse({"error": [f"{e['loc']}: {e['msg']}" for e in error.errors()]}, 400)
            except ValueError as error:
                return JSONResponse({"error": f"the body is no JSON: {error}"}, 400)
        if request.method == "DELETE":
            self.active.clear()
        return JSONResponse([fault.model_dump() for fault in self.active])

    async def bad_day(self, request: Request) -> Response:
        """Handle control requests: POST sets chaos, DELETE ends it."""
        if request.method == "POST":
            try:
                self.chaos = Chaos.model_validate_json(await request.body())
            except ValidationError as error:
                return JSONResponse({"error": [f"{e['loc']}: {e['msg']}" for e in error.errors()]}, 400)
            self._dice = Random(self.chaos.seed)
        if request.method == "DELETE":
            self.chaos = Chaos(rate=0)
        return JSONResponse(self.chaos.model_dump())

    async def log(self, request: Request) -> Response:
        """Return the requests seen; DELETE clears them."""
        if request.method == "DELETE":
            self.requests.clear()
        return JSONResponse(list(self.requests))


def changed(value: Any, faults: list[Fault]) -> Any:
    """Return a JSON document after schema changes, at any depth."""
    for fault in faults:
        if fault.kind in ("rename", "retype", "drop"):
            value = _changed(value, fault)
    return value


def _changed(value: Any, fault: Fault) -> Any:
    if isinstance(value, list):
        return [_changed(item, fault) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {}
    for key, item in value.items():
        if key != fault.column:
            changed[key] = _changed(item, fault)
        elif fault.kind == "rename":
            changed[fault.to] = item
        elif fault.kind == "retype":
            changed[key] = _retyped(item, fault.to)
    return changed


def _retyped(value: Any, to: str) -> Any:
    """Return a value, or a list, in another type. A value that cannot be converted stays unchanged."""
    if isinstance(value, list):
        return [_retyped(item, to) for item in value]
    kind = pa.type_for_alias(to)
    convert: Any = str if pa.types.is_string(kind) or pa.types.is_large_string(kind) else float
    if pa.types.is_integer(kind):
        convert = lambda item: int(float(item))  # noqa: E731 - one of three conversions
    try:
        return None if value is None else convert(value)
    except (TypeError, ValueError):
        return value

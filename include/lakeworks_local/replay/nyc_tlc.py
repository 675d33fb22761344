"""Replay of the NYC TLC's CDN: static files, ETag, Range; an unpublished month is a 403, not a 404."""

import hashlib
import io
import os
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lakeworks.core.partition import Period
from lakeworks_local.data.moved_trips import DATA, month_of_trips
from lakeworks_local.replay.faults import Fault, Faults
from lakeworks_local.replay.world import World

NAME = "nyc_tlc"
# The response of the CDN's origin for a missing key if listing is not allowed.
FORBIDDEN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)


def routes(world: World) -> list[Route]:
    """The vendor's addresses."""
    faults = world.faults
    world.vendor(NAME, datetime(2022, 5, 13, 12, tzinfo=UTC))

    async def trips(request: Request) -> Response:
        name = request.path_params["name"]
        body = _moved_month(name, world.now(NAME)) if world.today else _stored(f"{name}.parquet")
        return _serve(request, body, faults, is_parquet=True)

    async def zones(request: Request) -> Response:
        return _serve(request, _stored("taxi_zone_lookup.csv"), faults, is_parquet=False)

    async def unknown(request: Request) -> Response:
        control = request.path_params["prefix"] == "_control"
        return Response("", 404) if control else Response(FORBIDDEN, 403, media_type="application/xml")

    return [
        Route("/trip-data/{name}.parquet", trips, methods=["GET", "HEAD"]),
        Route("/misc/taxi_zone_lookup.csv", zones, methods=["GET", "HEAD"]),
        Route("/{prefix:str}/{rest:path}", unknown, methods=["GET", "HEAD"]),
    ]


def _stored(name: str) -> bytes | None:
    path = next((folder / name for folder in (DATA, *_further()) if (folder / name).is_file()), None)
    return _content(path) if path else None


def _moved_month(name: str, now: datetime) -> bytes | None:
    """Return a month's file once the TLC would have published it: when the month after it is over."""
    month = Period.find(name.removeprefix("yellow_tripdata_"), "month")
    return month_of_trips(month) if month and month.next.end <= now else None


def _serve(request: Request, content: bytes | None, faults: Faults, *, is_parquet: bool) -> Response:
    if content is None:
        return Response(FORBIDDEN, 403, media_type="application/xml")
    body = _changed(content, faults.content(request), is_parquet=is_parquet)
    etag = f'"{hashlib.md5(body).hexdigest()}"'  # the ETag that S3, the CDN's origin, gives a single-part object
    headers = {
        "ETag": etag,
        "Last-Modified": format_datetime(datetime(2022, 5, 13, 12, tzinfo=UTC), usegmt=True),
        "Accept-Ranges": "bytes",
    }
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    media = "binary/octet-stream" if is_parquet else "text/csv"
    return _ranged(request, body, headers, media)


def _further() -> list[Path]:
    """Return the folder of further files to serve, named by REPLAY_TRIPS."""
    return [Path(folder) for folder in [os.environ.get("REPLAY_TRIPS")] if folder]


def _ranged(request: Request, body: bytes, headers: dict[str, str], media: str) -> Response:
    """Return one range (RFC 9110, 14). A malformed header or several ranges get the whole file."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if not match or not any(match.groups()):
        return Response(body, headers=headers, media_type=media)
    first, last = match.groups()
    start = int(first) if first else max(len(body) - int(last), 0)
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    if start >= len(body) or end < start:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
    return Response(body[start : end + 1], 206, headers, media)


@lru_cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


def _changed(body: bytes, changes: list[Fault], *, is_parquet: bool) -> bytes:
    """Return the file after corrections or schema changes. A change of a missing column has no effect."""
    for fault in changes:
        if fault.kind == "half":
            body = body[: len(body) // 2]
        elif is_parquet:
            table = _apply(pq.read_table(io.BytesIO(body)), fault)
            sink = io.BytesIO()
            pq.write_table(table, sink)
            body = sink.getvalue()
    return body


def _apply(table: pa.Table, fault: Fault) -> pa.Table:
    if fault.kind == "republished":  # the vendor restates one fare
        fares = table["fare_amount"]
        first = pc.add(fares.slice(0, 1), 1.0)
        return _replace(table, "fare_amount", pa.chunked_array([*first.chunks, *fares.slice(1).chunks]))
    if fault.column not in table.column_names:
        return table
    if fault.kind == "drop":
        return table.drop_columns([fault.column])
    if fault.kind == "rename":
        return table.rename_columns({fault.column: fault.to})
    return _replace(table, fault.column, pc.cast(table[fault.column], fault.to))


def _replace(table: pa.Table, name: str, column: pa.ChunkedArray | pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)

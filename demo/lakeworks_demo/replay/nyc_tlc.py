"""NYC TLC trip records as its CDN serves them: static files, ETag, Range; an unpublished month is a 403, not a 404."""

import hashlib
import io
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

from lakeworks_demo.replay.faults import Fault, Faults

DATA = Path(__file__).parent.parent / "data"
# What the CDN's origin answers for a key that does not exist when listing is not allowed.
FORBIDDEN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)


def routes(faults: Faults) -> list[Route]:
    """The vendor's addresses."""

    async def trips(request: Request) -> Response:
        return _serve(request, f"{request.path_params['name']}.parquet", faults)

    async def zones(request: Request) -> Response:
        return _serve(request, "taxi_zone_lookup.csv", faults)

    return [
        Route("/trip-data/{name}.parquet", trips, methods=["GET", "HEAD"]),
        Route("/misc/taxi_zone_lookup.csv", zones, methods=["GET", "HEAD"]),
    ]


def _serve(request: Request, name: str, faults: Faults) -> Response:
    path = DATA / name
    if not path.is_file():
        return Response(FORBIDDEN, 403, media_type="application/xml")
    fault = faults.take(request.url.path, content=True)
    body = _changed(path.read_bytes(), fault) if fault else _content(path)
    etag = f'"{hashlib.md5(body).hexdigest()}"'  # what S3, the CDN's origin, gives a single-part object
    headers = {
        "ETag": etag,
        "Last-Modified": format_datetime(datetime(2022, 5, 13, 12, tzinfo=UTC), usegmt=True),
        "Accept-Ranges": "bytes",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    media = "text/csv" if name.endswith(".csv") else "binary/octet-stream"
    return _ranged(request, body, headers, media)


def _ranged(request: Request, body: bytes, headers: dict[str, str], media: str) -> Response:
    wanted = request.headers.get("range", "")
    if not wanted.startswith("bytes="):
        return Response(body, headers=headers, media_type=media)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(len(body) - int(last), 0)
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
    return Response(body[start : end + 1], 206, headers, media)


@lru_cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


def _changed(body: bytes, fault: Fault) -> bytes:
    """The file as a correction or a schema change would leave it."""
    table = pq.read_table(io.BytesIO(body))
    if fault.kind == "republished":  # the vendor restates one fare
        fares = table["fare_amount"].to_pylist()
        fares[0] = round(fares[0] + 1, 2)
        table = _replace(table, "fare_amount", pa.array(fares, table["fare_amount"].type))
    elif fault.kind == "drop":
        table = table.drop_columns([fault.column])
    elif fault.kind == "rename":
        table = table.rename_columns({fault.column: fault.to})
    elif fault.kind == "retype":
        table = _replace(table, fault.column, pc.cast(table[fault.column], fault.to))
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _replace(table: pa.Table, name: str, column: pa.ChunkedArray | pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)

"""Replay of GitHub's file of S&P 500 members: real names and sectors from pytickersymbols, as of 2026-03."""

import csv
import hashlib
import io
import runpy
from datetime import UTC, datetime
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lakeworks_local.data.packages import TICKERS
from lakeworks_local.replay.world import World

NAME = "sp500"
PATH = "/datasets/s-and-p-500-companies/main/data/constituents.csv"
_HEADER = [
    "Symbol",
    "Security",
    "GICS Sector",
    "GICS Sub-Industry",
    "Headquarters Location",
    "Date added",
    "CIK",
    "Founded",
]
_SECTORS = (
    "Communication Services", "Consumer Discretionary", "Consumer Staples", "Energy", "Financials", "Health Care",
    "Industrials", "Information Technology", "Materials", "Real Estate", "Utilities",
)  # fmt: skip


def routes(world: World) -> list[Route]:
    """The file's address."""
    world.vendor(NAME, datetime(2026, 3, 2, tzinfo=UTC))

    async def constituents(request: Request) -> Response:
        body = content()
        for fault in world.faults.content(request):
            if fault.kind == "half":
                body = body[: len(body) // 2]
            elif fault.kind == "rename":
                body = body.replace(fault.column.encode(), fault.to.encode(), 1)
            elif fault.kind == "republished":
                body = body.partition(b"\n")[0] + b"\n" + b"\n".join(body.split(b"\n")[2:])
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return Response(body, headers={"ETag": etag}, media_type="text/plain")

    return [Route(PATH, constituents)]


@lru_cache
def content() -> bytes:
    """Return the CSV. Facts that the package lacks are empty."""
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(_HEADER)
    index = runpy.run_path(str(TICKERS.file("pytickersymbols/indices_data.py")))["INDICES"]["S&P 500"]
    for company in sorted(index["companies"], key=lambda item: item["symbol"]):
        about, industries = company.get("metadata", {}), company.get("industries", [])
        sector = next((name for name in industries if name in _SECTORS), industries[0] if industries else "")
        others = [name for name in industries if name != sector]
        sheet.writerow(
            [
                company["symbol"].replace("-", "."), company["name"], sector, others[0] if others else "",
                about.get("headquarters", ""), "", "", about.get("founded", ""),
            ]
        )  # fmt: skip
    return text.getvalue().encode()

"""SEC companyfacts with SYNTHETIC figures in the real shape: quarters and years, repeated and restated by later filings.

The companies and their numbers are real, the amounts are made from a seed (header `x-lakeworks-synthetic: true`). A
User-Agent without name and e-mail address gets the SEC's page for robots. Too many requests get its rate-limit page.
"""

import random
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from lakeworks_local.replay.alpha_vantage import COMPANIES
from lakeworks_local.replay.faults import changed
from lakeworks_local.replay.world import Allowance, World

NAME = "sec"
_NAMED = re.compile(r"\S+\s+\S*@\S+")
ROBOT = "<html><head><title>SEC.gov | Your Request Originates from an Undeclared Automated Tool</title></head></html>"
TOO_FAST = "<html><head><title>SEC.gov | Request Rate Threshold Exceeded</title></head></html>"
# tag: label, unit, whether it is measured at a moment, about how many of the unit, in which companies' share of it
_TAGS = {
    "Assets": ("Assets", "USD", True, 120e9),
    "StockholdersEquity": ("Stockholders' Equity Attributable to Parent", "USD", True, 40e9),
    "Revenues": ("Revenues", "USD", False, 25e9),
    "NetIncomeLoss": ("Net Income (Loss) Attributable to Parent", "USD", False, 4e9),
    "EarningsPerShareDiluted": ("Earnings Per Share, Diluted", "USD/shares", False, 2.5),
}


def routes(world: World) -> list[Route]:
    """The vendor's address."""
    world.vendor(NAME, datetime(2013, 3, 2, 6, tzinfo=UTC), Allowance(per_second=10, burst=10))
    by_cik = {int(row["CIK"]): (symbol, row["Name"]) for symbol, row in COMPANIES.items()}

    async def facts(request: Request) -> Response:
        if not _NAMED.search(request.headers.get("user-agent", "")):
            return HTMLResponse(ROBOT, 403)
        if world.over(NAME, "address"):
            return HTMLResponse(TOO_FAST, 403)
        number = int(request.path_params["cik"])
        if number not in by_cik:
            return Response("", 404)
        faults = world.faults.content(request)
        restated = any(fault.kind == "republished" for fault in faults)
        body = company_facts(number, *by_cik[number], world.now(NAME).date(), restated=restated)
        if any(fault.kind == "empty" for fault in faults):
            body["facts"] = {}
        return JSONResponse(changed(body, faults), headers={"x-lakeworks-synthetic": "true"})

    return [Route("/api/xbrl/companyfacts/CIK{cik:int}.json", facts)]


def company_facts(cik: int, symbol: str, name: str, today: date, *, restated: bool = False) -> dict[str, Any]:
    """Return everything filed up to a day."""
    tags: dict[str, Any] = {}
    for tag, (label, unit, is_moment, size) in _TAGS.items():
        entries = [entry for entry in _entries(cik, symbol, tag, is_moment, size) if entry["filed"] <= str(today)]
        if restated and entries:
            entries[-1]["val"] = entries[-1]["val"] * 2
        tags[tag] = {"label": label, "description": f"{label} (synthetic).", "units": {unit: entries}}
    shares = [{**entry, "val": int(1e9)} for entry in tags["Assets"]["units"]["USD"]]
    label = "Entity Common Stock, Shares Outstanding"
    dei = {
        "EntityCommonStockSharesOutstanding": {"label": label, "description": "Synthetic.", "units": {"shares": shares}}
    }
    return {"cik": cik, "entityName": name, "facts": {"dei": dei, "us-gaap": tags}}


def _entries(cik: int, symbol: str, tag: str, is_moment: bool, size: float) -> list[dict[str, Any]]:
    """Return each quarter's figure in its own filing, and again in the filing one year later."""
    entries, scale = [], random.Random(symbol).uniform(0.5, 1.5)
    for number in range(20):  # from the first quarter of 2009
        year, quarter = 2009 + number // 4, number % 4 + 1
        start, end = date(year, quarter * 3 - 2, 1), _last_day(year, quarter * 3)
        noise = random.Random(f"{symbol} {tag} {number}").uniform(0.9, 1.1)
        value = round(size * scale * (1 + number / 40) * noise, 2)
        value = value if tag == "EarningsPerShareDiluted" else int(value)
        frame = f"CY{year}Q{quarter}" + ("I" if is_moment else "")
        period = {} if is_moment else {"start": str(start)}
        for later in (0, 1):
            filed, filing = end + timedelta(days=35 + 365 * later), number + 4 * later
            entry = {
                **period, "end": str(end), "val": value, "accn": f"{cik:010d}-{filed:%y}-{filing:06d}", "fy": year + later,
                "fp": "FY" if quarter == 4 else f"Q{quarter}", "form": "10-K" if quarter == 4 else "10-Q", "filed": str(filed),
            }  # fmt: skip
            entries.append(entry | ({"frame": frame} if later else {}))
    return sorted(entries, key=lambda entry: (entry["end"], entry["filed"]))


def _last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)

"""Text of table cells: numbers, sizes, money and times in a readable form. `--json` has the exact values."""

import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.filesize import decimal as file_size

# Numbers that name something rather than count it: 2019, not 2,019.
_NAMES = {"year", "id", "publication", "live", "before", "after"}
_LEAST_MONEY = 0.000001


def exact_cell(value: Any) -> str:
    """Return the text of a value of the lake's data: no units, no separators, and no exponents either."""
    if isinstance(value, datetime) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    return f"{value:f}" if isinstance(value, Decimal) else cell("", value)


def cell(column: str, value: Any) -> str:
    """Return the text of one value; the column's name says if it is money, a size or a name."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return _number(column, value)
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment.second else f"{moment:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return joined(value) if isinstance(value, list | tuple | set | frozenset) else str(value)


def header(column: str) -> str:
    """Return a column's heading: `old_version_bytes` is "old version size", `storage_usd` is "storage"."""
    words = column.replace("_", " ").split(" ")
    if len(words) > 1 and words[-1] == "usd":
        words.pop()
    return " ".join("size" if word == "bytes" else word for word in words) or column


def money(value: float) -> str:
    """Return US dollars: cents above a cent, two significant digits below."""
    if not math.isfinite(value):
        return str(value)
    sign, size = ("-" if value < 0 else ""), abs(value)
    if size and size < _LEAST_MONEY:
        return f"{sign}<${_LEAST_MONEY:.6f}"
    return f"{sign}${size:,.2f}" if size >= 0.01 or not size else f"{sign}${_plain(size, 2)}"


def joined(values: Iterable[Any]) -> str:
    """Return values in one cell."""
    return ", ".join(map(str, values))


def _number(column: str, value: float | Decimal) -> str:
    if _is_money(column):
        return money(float(value))
    if isinstance(value, int):
        words = column.lower().replace(" ", "_").split("_")
        if "bytes" in words:
            return file_size(value)
        return str(value) if words[-1] in _NAMES else f"{value:,}"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    number = value
    size = abs(number)
    if not math.isfinite(number):
        return str(value)
    if size >= 1 or not size:
        text = f"{number:,.{2 if size >= 1000 else 4}f}"
        return text.rstrip("0").rstrip(".")
    return _plain(number, 4)


def _plain(value: float, digits: int) -> str:
    """Return a number below 1 without an exponent."""
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{places}f}".rstrip("0").rstrip(".")


def _is_money(column: str) -> bool:
    return "usd" in column.lower().replace("_", " ").split(" ")

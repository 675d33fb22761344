"""The difference of two documents, in readable lines: `+ added`, `~ changed`, `- removed`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

_ABSENT: Any = object()


@dataclass(frozen=True)
class Line:
    """One difference at one address of the document."""

    sign: Literal["+", "~", "-"]
    address: str
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        """Return a line such as `~ rules.gold.Expiration.Days: 300 -> 365`."""
        value = {"+": f" = {self.after}", "-": f" (was {self.before})", "~": f": {self.before} -> {self.after}"}
        return f"{self.sign} {self.address}{value[self.sign]}"


def difference(before: Any, after: Any) -> list[Line]:
    """Return the lines that lead from one document to the other, in the order of the keys."""
    return list(_lines(before, after, ""))


def _lines(before: Any, after: Any, address: str) -> Iterator[Line]:
    if isinstance(before, list) and isinstance(after, list):
        if not any(isinstance(item, Mapping | list) for item in (*before, *after)):
            yield from _members(before, after, address)
            return
        before, after = dict(enumerate(before)), dict(enumerate(after))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            inner = f"{address}.{key}" if address else str(key)
            yield from _lines(before.get(key, _ABSENT), after.get(key, _ABSENT), inner)
    elif before is _ABSENT:
        yield from _leaves("+", address, after)
    elif after is _ABSENT:
        yield from _leaves("-", address, before)
    elif before != after:
        yield Line("~", address, before, after)


def _members(before: list[Any], after: list[Any], address: str) -> Iterator[Line]:
    """Yield the values that came and went in a list of plain values; a new order alone is one change."""
    moved = [Line("-", address, item) for item in before if item not in after]
    moved += [Line("+", address, None, item) for item in after if item not in before]
    if not moved and before != after:
        moved = [Line("~", address, before, after)]
    yield from moved


def _leaves(sign: Literal["+", "-"], address: str, value: Any) -> Iterator[Line]:
    """Yield a line for each leaf, so that a new rule is read like a changed one."""
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        value = dict(enumerate(value))
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(sign, f"{address}.{key}", item)
    else:
        yield Line(sign, address, value if sign == "-" else None, value if sign == "+" else None)

"""Names and arguments of the expectations that a contract's `checks` can have; written by `make docs`."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lakeworks.core.names import suggestion

FILE = Path(__file__).with_name("expectations.json")


@cache
def known_expectations() -> Mapping[str, Any]:
    """Return what each expectation does and its arguments, by name."""
    expectations: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return expectations


def expectation_problems(name: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield an unknown name, or arguments that the expectation does not have."""
    known = known_expectations()
    if name not in known:
        yield f"there is no expectation `{name}`. {suggestion(name, known)}"
        return
    for argument in arguments:
        if argument not in known[name]["arguments"]:
            yield f"`{name}` has no argument `{argument}`. {suggestion(argument, known[name]['arguments'])}"

"""What AWS's own models refuse of a request and botocore sends all the same: lengths in bytes, patterns, enums, ranges.

botocore checks types and minima only, and nothing at all for the catalog's client. `watch` hooks into every client of the process,
and `watched/` into those of the processes that a test starts. All write what they find into one file, which the test then reads.
The compiled client's two calls are not seen: the model says nothing of them that botocore would not refuse. Nor is the memory of
the simulation, which is no endpoint.
"""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from botocore import handlers

# Names the file of what was found; without it nothing is written.
RECORD = "REFUSED_BY_AWS_MODEL"
WATCHED = Path(__file__).parent / "watched"
_watching: list[bool] = []


def watch() -> None:
    """Let every client that is made from now on add what it violates to the record."""
    if not _watching:
        _watching.append(True)
        handlers.BUILTIN_HANDLERS.append(("provide-client-params", _check))


def recorded() -> list[str]:
    """Return what was found since the last time, by this process or by one that it started."""
    record = Path(os.environ[RECORD])
    if not record.stat().st_size:
        return []
    found = record.read_text().splitlines()
    record.write_text("")
    return found


def _check(params: Any, model: Any, **_: Any) -> None:
    if model.input_shape is None:
        return
    found = [*faults(params, model.input_shape)]
    if found and (record := os.environ.get(RECORD)):
        with Path(record).open("a") as lines:
            lines.writelines(f"{model.service_model.service_name}.{model.name}{fault}\n" for fault in found)


def faults(value: Any, shape: Any, place: str = "") -> Iterator[str]:
    """Yield what the model of a shape refuses of a value."""
    if shape.type_name == "structure" and isinstance(value, dict):
        yield from _of_structure(value, shape, place)
    elif shape.type_name == "list" and isinstance(value, list | tuple):
        yield from _sized(len(value), shape, place)
        for item in value:
            yield from faults(item, shape.member, f"{place}[]")
    elif shape.type_name == "map" and isinstance(value, dict):
        yield from _sized(len(value), shape, place)
        for key, item in value.items():
            yield from faults(key, shape.key, f"{place} key")
            yield from faults(item, shape.value, f"{place}.{key}")
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _of_text(value, shape, place)
    elif shape.type_name in ("integer", "long", "float", "double") and isinstance(value, int | float):
        yield from _sized(value, shape, place)


def _of_structure(value: dict[str, Any], shape: Any, place: str) -> Iterator[str]:
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from faults(value[name], member, f"{place}.{name}")
        elif name in shape.required_members and not member.metadata.get("idempotencyToken"):  # botocore makes those
            yield f"{place} lacks {name}"


def _of_text(value: str, shape: Any, place: str) -> Iterator[str]:
    yield from _sized(len(value.encode()), shape, place)
    if shape.enum and value not in shape.enum:
        yield f"{place} is {value!r}, which is none of its values"
    pattern = _pattern(shape.metadata.get("pattern", ""))
    if pattern and not pattern.search(value):
        yield f"{place} is {value!r}, which does not match {pattern.pattern}"


def _sized(size: float, shape: Any, place: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{place} has {size}, less than {least}"
    if most is not None and size > most:
        yield f"{place} has {size}, more than {most}"


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    """The pattern of a model in Python's words; None for one that Python cannot read."""
    for name, characters in (
        ("Alpha", "A-Za-z"),
        ("Digit", "0-9"),
        ("Graph", "!-~"),
        ("Print", " -~"),
        ("Blank", " \\t"),
    ):
        text = text.replace(f"\\p{{{name}}}", characters).replace(f"\\p{{{name[0]}}}", characters)
    try:
        return re.compile(text) if text else None
    except re.error:
        return None

"""Periods of a source table that landed again after their last run, from one listing of landing."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import ValidationError

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.landing.files import prefix
from lakeworks.landing.landing_set import SET, LandingSet


def landed_since(lake: Lake, contract: Contract, ran: Mapping[str, datetime]) -> dict[str, datetime]:
    """Return when periods were landed again since their run (`ran`, by key), by landing path; empty for other tables.

    A set with the same content as an earlier one is no change. Its content must be read to know that. Only sets that
    are newer than their period's run are read, which are few.
    """
    if contract.source is None:
        return {}
    after: dict[str, datetime] = {}
    for key, at in ran.items():
        path = Period.parse(key).path if contract.partition_by else ""
        after[path] = max(at, after.get(path, at))
    root = prefix(contract, Period.parse("2000-01")).partition("year=")[0]
    newest: dict[str, datetime] = {}
    sets: list[tuple[str, datetime, str]] = []
    for item in lake.store.scan(root):
        path, name = _object_and_file(item.key.removeprefix(root))
        if item.modified is None or path not in after or item.modified <= after[path]:
            continue
        if name == SET:
            sets.append((path, item.modified, item.key))
        elif name:
            newest[path] = max(item.modified, newest.get(path, item.modified))
    news = lake.store.map(lambda entry: _is_news(lake, entry[2]), sets)
    for (path, at, _), is_news in zip(sets, news, strict=True):
        if is_news:
            newest[path] = max(at, newest.get(path, at))
    return newest


def _object_and_file(below: str) -> tuple[str, str]:
    """Return the period's path and the name of a landed file or complete set; answers of a set have no name."""
    path, is_set, file = f"/{below}".partition("/fetch=")
    if is_set:
        return path.strip("/"), SET if file.partition("/")[2] == SET else ""
    path, _, name = path.rpartition("/")
    return path.strip("/"), name


def _is_news(lake: Lake, key: str) -> bool:
    body, _ = lake.store.get(key)
    try:
        return LandingSet.model_validate_json(body).same_as is None
    except ValidationError:  # a run of the period reports the error; the matrix only shows that a run is due
        return True

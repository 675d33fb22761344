"""The live view compared with the published tables, hour by hour."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from lakeworks.contract import load_contract
from lakeworks.engines.confinement import tables_of_select
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.parquet.dataset import open_dataset
from lakeworks.streaming.live.live_view import LiveView

_COLUMNS = ("day", "hour", "currency", "events", "amount")


def reconciled(lake: Lake, live: LiveView, day: str) -> list[dict[str, Any]]:
    """Return each hour and currency of a day with both counts and amounts; `differs` marks those that do not agree.

    Raises:
        ConfigError: the query in lake.yml does not return the columns.
    """
    published = {_key(row): row for row in _published(lake, live.config.compare_with) if str(row["day"]) == day}
    counted = {_key(row): row for row in live.hours(day)}
    return [
        _compared(day, key, counted.get(key), published.get(key)) for key in sorted({*published, *counted}, key=str)
    ]


def _published(lake: Lake, query: str) -> Iterable[Mapping[str, Any]]:
    tables = tables_of_select(query)
    lake = lake.with_whole_runs(tables)
    with lake.engine.confined_session() as session:
        for name in tables:
            live = lake.ledger.live_partitions(name).values()
            session.attach(name, open_dataset(lake.store, load_contract(str(name)), live))
        rows: list[dict[str, Any]] = session.query(query).to_pylist()
    if rows and (missing := [name for name in _COLUMNS if name not in rows[0]]):
        raise ConfigError(
            f"`live_view.compare_with` of lake.yml returns no column `{missing[0]}`; it needs {', '.join(_COLUMNS)}. Nothing "
            "was compared."
        )
    return rows


def _key(row: Mapping[str, Any]) -> tuple[int, str]:
    return int(row["hour"]), str(row["currency"])


def _compared(
    day: str, key: tuple[int, str], live: Mapping[str, Any] | None, table: Mapping[str, Any] | None
) -> dict[str, Any]:
    none = {"events": 0, "amount": Decimal(0)}
    live, table = live or none, table or none
    return {
        "day": day,
        "hour": key[0],
        "currency": key[1],
        "live_events": live["events"],
        "published_events": table["events"],
        "live_amount": live["amount"],
        "published_amount": table["amount"],
        "differs": live["events"] != table["events"] or live["amount"] != table["amount"],
    }

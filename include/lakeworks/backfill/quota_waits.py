"""The end of a task's wait, from the lake's own quota documents.

Airflow 3.3 returns every trigger with empty `kwargs`, so its API does not give the time a task was deferred to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from lakeworks.airflow_api import by_task_group, tables_of
from lakeworks.backfill.request_estimate import limits_of
from lakeworks.contract import all_tables
from lakeworks.lake import Lake
from lakeworks.landing.quota import LakeState
from lakeworks.sources.http.limits import parsed, shut_until

Shut = tuple[datetime, str]


@dataclass
class Vendors:
    """The vendors of a lake's tables at one moment; each one's document is read once."""

    lake: Lake
    now: datetime
    _closed: dict[str, Shut | None] = field(default_factory=dict)

    def shut(self, task: Mapping[str, Any]) -> Shut | None:
        """Return the time at which a fetch task's vendor takes requests again, and the reason; None if it takes them now."""
        tables = tables_of(task, self._by_group) if str(task["task_id"]).rpartition(".")[2] == "fetch" else []
        source = self.lake.contract(tables[0]).source if tables else None
        return self._shut(source.partition(".")[0]) if source else None

    def _shut(self, vendor: str) -> Shut | None:
        if vendor not in self._closed:
            state = LakeState(self.lake.store).read(f"{vendor}.json")
            shut = state and shut_until(parsed(state[0]), limits_of(self.lake, vendor), self.now.timestamp())
            self._closed[vendor] = (datetime.fromtimestamp(shut[0], UTC), shut[1]) if shut else None
        return self._closed[vendor]

    @cached_property
    def _by_group(self) -> dict[str, list[str]]:
        return by_task_group(all_tables())

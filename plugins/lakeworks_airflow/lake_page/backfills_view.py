"""View of the backfills: those under way with progress, rate and time left, then those that are over."""

from dataclasses import dataclass
from datetime import datetime

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.progress import BackfillProgress, look
from lakeworks.backfill.runs import Backfill, known
from lakeworks.lake import Lake

# Backfills whose tasks are read while a person waits.
MOST_WATCHED = 10
MOST_LISTED = 50


@dataclass(frozen=True)
class BackfillsView:
    """Backfills, newest first. `unwatched` are under way too, but too many to read their tasks."""

    watched: tuple[BackfillProgress, ...]
    unwatched: tuple[Backfill, ...]
    over: tuple[Backfill, ...]
    now: datetime


def read_backfills(airflow: Airflow, lake: Lake, now: datetime) -> BackfillsView:
    """Read the backfills that this login may see, as `lakeworks backfill list` and `watch` do."""
    backfills = known(airflow)
    current = [item for item in backfills if not item.is_over]
    return BackfillsView(
        watched=tuple(look(airflow, item.id, lake) for item in current[:MOST_WATCHED]),
        unwatched=tuple(current[MOST_WATCHED:]),
        over=tuple(item for item in backfills if item.is_over)[:MOST_LISTED],
        now=now,
    )

"""Copies of released objects that no release names any more."""

from collections.abc import Set
from datetime import datetime

from lakeworks.core.layout import RELEASES
from lakeworks.lake import Lake
from lakeworks.maintenance.garbage.leftover import Garbage
from lakeworks.releases.holding import copies


def collect_copies(lake: Lake, before: datetime, released: Set[str], *, dry_run: bool) -> list[Garbage]:
    """Collect the copies of released objects that no held release names any more."""
    dead = [
        item
        for item in copies(lake)
        if item.key not in released and item.modified is not None and item.modified < before
    ]
    if dead and not dry_run:
        lake.store.delete(item.key for item in dead)
    return [Garbage("copy of a release", f"{RELEASES}/", len(dead), sum(item.size for item in dead))] if dead else []

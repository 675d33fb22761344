"""Fetches of a period as lines for people and programs: complete, as before, or unfinished."""

from collections.abc import Iterator
from typing import Any

from lakeworks.landing.fetches import Fetches


def fetch_lines(fetches: Fetches) -> Iterator[dict[str, Any]]:
    """Yield a line for each fetch, the oldest first."""
    complete = set(fetches.complete)
    for fetch in fetches.keys:
        yield complete_line(fetches, fetch) if fetch in complete else _unfinished(fetches, fetch)


def complete_line(fetches: Fetches, fetch: str) -> dict[str, Any]:
    """Return the line of a complete fetch."""
    made = fetches.read(fetch)
    return {
        "fetch": fetch,
        "state": "as before" if made.same_as else "complete",
        "run": made.run_id,
        "answers": len(made.answers),
        "bytes": sum(item.size for item in made.answers),
        "unknown": made.facts.get("unknown", ""),
        **{outcome: sum(note.outcome == outcome for note in made.files) or "" for outcome in ("kept", "skipped")},
        "shrunk": made.facts.get("shrunk", ""),
    }


def _unfinished(fetches: Fetches, fetch: str) -> dict[str, Any]:
    answers = len(fetches.keys[fetch])
    empty = dict.fromkeys(("unknown", "kept", "skipped", "shrunk"), "")
    return {"fetch": fetch, "state": "unfinished", "run": "", "answers": answers, "bytes": None, **empty}

"""Outcome of a bulk operation: one line a key, counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KeyOutcome:
    """One key (or version of it) and what became of it."""

    key: str
    outcome: str
    size: int = 0
    version_id: str | None = None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as a row for people and programs."""
        return {
            "key": self.key,
            "outcome": self.outcome,
            "bytes": self.size,
            "version": self.version_id or "",
            "why": self.why,
        }


def counts(outcomes: Iterable[KeyOutcome]) -> dict[str, int]:
    """Return how many keys ended in which way."""
    return dict(Counter(item.outcome for item in outcomes))

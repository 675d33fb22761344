"""Outcomes of a bulk operation: one per key, and counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KeyOutcome:
    """The outcome for one key or one version of it."""

    key: str
    outcome: str
    size: int = 0
    version_id: str | None = None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as a row for people and programs."""
        return {
            "key": self.key,
            "outcome": self.outcome,
            "bytes": self.size,
            "version": self.version_id or "",
            "why": self.why,
        }


def counts(outcomes: Iterable[KeyOutcome]) -> dict[str, int]:
    """Return the number of keys per outcome."""
    return dict(Counter(item.outcome for item in outcomes))

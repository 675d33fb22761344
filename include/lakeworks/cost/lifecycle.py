"""A lifecycle for cost reports: the storage class of an object by its age, and its expiry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lakeworks.contract import Retention
from lakeworks.errors import ConfigError

FOREVER = 10**6  # days
# A lifecycle only ever moves downwards in this order (S3 user guide, "Supported transitions").
_COLDER = (
    "STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE",
)  # fmt: skip


@dataclass(frozen=True)
class Phase:
    """A phase of an object's life in one class; days since it was written, the end exclusive."""

    storage_class: str
    start: int
    end: int


@dataclass(frozen=True)
class StorageLife:
    """Transitions `(days, class)` in order, and the day of expiry.

    Raises:
        ConfigError: a class is unknown, or days do not rise.
    """

    transitions: tuple[tuple[int, str], ...] = ()
    expire: int | None = None
    minimum_bytes: int = 128 << 10  # S3 moves no smaller object unless a rule's filter says so

    def __post_init__(self) -> None:
        days = [day for day, _ in self.transitions]
        unknown = [name for _, name in self.transitions if name not in _COLDER[1:]]
        if unknown or days != sorted(set(days)):
            raise ConfigError(
                f"A lifecycle of {self.transitions}: the classes are {', '.join(_COLDER[1:])}, each later than the one before."
            )

    @classmethod
    def of_retention(cls, retention: Retention) -> "StorageLife":
        """Return the storage life that a contract's `retention` describes."""
        return cls(retention.moves, retention.expire_after_days)

    @classmethod
    def of_rules(cls, rules: Iterable[Mapping[str, Any]], key: str) -> "StorageLife":
        """Return the storage life of one key by a bucket's enabled rules. Rules with a filter by tag or size do not count."""
        steps: dict[str, int] = {}
        expiries = []
        for rule in rules:
            if rule.get("Status") != "Enabled" or not _matches(rule.get("Filter", {}), rule, key):
                continue
            for step in rule.get("Transitions", []):
                if "Days" in step:
                    steps[step["StorageClass"]] = min(step["Days"], steps.get(step["StorageClass"], FOREVER))
            if "Days" in rule.get("Expiration", {}):
                expiries.append(rule["Expiration"]["Days"])
        ordered = sorted((days, name) for name, days in steps.items())
        return cls(tuple(ordered), min(expiries, default=None))

    def phases(self, size: int, first_class: str = "STANDARD") -> list[Phase]:
        """Return the phases of an object's life, from its writing to its expiry."""
        end = self.expire or FOREVER
        warmth = _COLDER.index(first_class) if first_class in _COLDER else 0
        steps = [step for step in self.transitions if size >= self.minimum_bytes and _COLDER.index(step[1]) > warmth]
        starts = [(0, first_class), *((days, name) for days, name in steps if days < end)]
        ends = [start for start, _ in starts[1:]] + [end]
        return [Phase(name, start, stop) for (start, name), stop in zip(starts, ends, strict=True) if stop > start]

    def class_at(self, age_days: int, size: int, first_class: str = "STANDARD") -> str | None:
        """Return the class at an age; None once it has expired."""
        return next((p.storage_class for p in self.phases(size, first_class) if p.start <= age_days < p.end), None)


def _matches(condition: Mapping[str, Any], rule: Mapping[str, Any], key: str) -> bool:
    both = condition.get("And", condition)
    if set(both) - {"Prefix"}:
        return False
    return key.startswith(both.get("Prefix", rule.get("Prefix", "")))

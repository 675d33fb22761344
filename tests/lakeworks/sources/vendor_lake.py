"""What the tests of vendors share: the replay server as they set it up, and a landing in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import requests

from lakeworks.core.partition import Period
from lakeworks.formats.raw_batch import batched
from lakeworks.sources import FetchRequest
from lakeworks.sources.response import SourceResponse


@dataclass
class Vendor:
    """One vendor of the replay server."""

    url: str
    name: str

    def reset(self, now: str | None = None) -> None:
        """No faults, no requests, nothing counted; the vendor's own limits a thousand times as fast."""
        for what in ("faults", "requests", "limits"):
            requests.delete(f"{self.url}/_control/{what}", timeout=5).raise_for_status()
        self.clock(now=now, speed=1) if now else None
        self.limits()

    def clock(self, **fields: Any) -> None:
        requests.post(f"{self.url}/_control/clock", json={"source": self.name, **fields}, timeout=5).raise_for_status()

    def limits(self, **fields: Any) -> None:
        requests.post(f"{self.url}/_control/limits", json={"source": self.name, **fields}, timeout=5).raise_for_status()

    def fault(self, **fields: Any) -> None:
        requests.post(f"{self.url}/_control/faults", json={"match": "/*", **fields}, timeout=5).raise_for_status()

    def seen(self) -> list[dict[str, Any]]:
        return requests.get(f"{self.url}/_control/requests", timeout=5).json()  # type: ignore[no-any-return]


@dataclass
class MemoryLanding:
    """Lands in memory; what the pipeline does with it is tested there."""

    answers: dict[str, SourceResponse] = field(default_factory=dict)

    def fetch_once(self, name: str, ask: Callable[[], SourceResponse], **facts: str) -> SourceResponse:
        if name not in self.answers:
            self.answers[name] = replace(ask(), facts=facts)
        return self.answers[name]


def wanted(dataset: str, period: str, **options: Any) -> FetchRequest:
    return FetchRequest(dataset, Period.parse(period), options)


def rows(
    parse: Callable[[FetchRequest, SourceResponse], Any], asked: FetchRequest, landing: MemoryLanding
) -> list[Mapping[str, Any]]:
    return [row for answer in landing.answers.values() for row in listed(parse(asked, answer))]


def listed(parsed: Any) -> list[Mapping[str, Any]]:
    """What a parser gives, batches as rows."""
    return [batch.record(place) for batch in batched(parsed) for place in range(batch.rows)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")

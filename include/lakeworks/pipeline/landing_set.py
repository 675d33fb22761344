"""A fetch of many requests in landing: `landing/<domain>/<source>/<period>/fetch=<id>/<request>.json.gz` and `_set.json`.

The set is written last and lists its answers: a folder without one is a fetch that is not complete and is never read. The
next attempt goes on in that folder and asks only for what is missing.
"""

import gzip
import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from string import printable
from typing import Any
from urllib.parse import quote

from pydantic import Field

from lakeworks.errors import LostRace
from lakeworks.layout import safe_id
from lakeworks.pipeline.lake import Lake
from lakeworks.sources.answers import Answer
from lakeworks.storage.manifest import Record, Run
from lakeworks.storage.objects import Target

log = logging.getLogger(__name__)
SET = "_set.json"
# What another run left unfinished is continued this long; older answers would mix yesterday's data with today's.
RESUME_WITHIN = timedelta(hours=24)


class LandedAnswer(Record):
    """One answer in landing."""

    request: str
    key: str
    url: str
    status: int
    sha256: str
    size: int
    fetched_at: datetime
    run_id: str
    facts: dict[str, str]


class LandingSet(Record):
    """A complete fetch. One that brought what the fetch `same_as` had brought is recorded, but that one stays the source."""

    key: str
    source: str
    period: str
    fetch: str
    run_id: str
    content: str
    same_as: str | None = None
    facts: dict[str, str] = Field(default_factory=dict)
    figures: dict[str, float] = Field(default_factory=dict)
    answers: tuple[LandedAnswer, ...]

    @property
    def prefix(self) -> str:
        """Its folder."""
        return self.key.removesuffix(SET)


@dataclass
class FetchFolder:
    """An open fetch; implements the `Landing` that sources write to."""

    lake: Lake
    prefix: str
    run: Run
    landed: set[str] = field(default_factory=set)
    taken: dict[str, LandedAnswer] = field(default_factory=dict)
    resumed: int = 0

    def take(self, name: str, ask: Callable[[], Answer], **facts: str) -> Answer:
        """See `lakeworks.sources.Landing`."""
        key = f"{self.prefix}{_file_name(name)}"
        if key in self.landed:
            self.resumed += 1
            return self._recall(name, key)
        answer = ask()
        answer = replace(answer, facts=facts, url=quote(answer.url, safe=printable))  # S3 metadata is ASCII
        try:
            self.lake.store.put(Target(key, _metadata(answer, self.run), if_absent=True), _packed(key, answer.body))
        except LostRace:  # another process works on the same fetch: its answer stands
            return self._recall(name, key)
        self.landed.add(key)
        self.taken[name] = _entry(name, key, answer, self.run.id)
        return answer

    def _recall(self, name: str, key: str) -> Answer:
        answer, run_id = load_answer(self.lake, key)
        self.taken[name] = _entry(name, key, answer, run_id)
        return answer


def load_answer(lake: Lake, key: str) -> tuple[Answer, str]:
    """A landed answer as it was received, and the run that landed it."""
    stored, item = lake.store.get(key)
    meta = item.metadata
    body = gzip.decompress(stored) if key.endswith(".gz") else stored
    answer = Answer(
        body=body,
        url=meta["source-url"],
        status=int(meta["status"]),
        headers=json.loads(meta["headers"]),
        fetched_at=datetime.fromisoformat(meta["fetched-at"]),
        facts=json.loads(meta["facts"]),
    )
    return answer, meta["run-id"]


@dataclass(frozen=True)
class Fetches:
    """Every fetch of a source's period, by the keys in landing."""

    lake: Lake
    prefix: str
    keys: Mapping[str, tuple[str, ...]]  # fetch id (`<begun>-<what is asked>-<run>`) to its objects

    @classmethod
    def below(cls, lake: Lake, prefix: str) -> "Fetches":
        """List a landing prefix."""
        found: dict[str, list[str]] = {}
        for item in lake.store.scan(prefix):
            folder, _, rest = item.key.removeprefix(prefix).partition("/")
            if folder.startswith("fetch=") and rest:
                found.setdefault(folder.removeprefix("fetch="), []).append(item.key)
        return cls(lake, prefix, {fetch: tuple(keys) for fetch, keys in sorted(found.items())})

    @property
    def complete(self) -> list[str]:
        """The ids of complete fetches, oldest first."""
        return [fetch for fetch, keys in self.keys.items() if self.set_key(fetch) in keys]

    def set_key(self, fetch: str) -> str:
        """Where a fetch's set lies."""
        return f"{self.prefix}fetch={fetch}/{SET}"

    def read(self, fetch: str) -> LandingSet:
        """A complete fetch."""
        return LandingSet.model_validate_json(self.lake.store.get(self.set_key(fetch))[0])

    def newest(self) -> LandingSet | None:
        """The newest complete fetch that brought something new; None where there is none."""
        if not self.complete:
            return None
        found = self.read(self.complete[-1])
        return self.read(found.same_as) if found.same_as else found

    def distinct(self) -> list[LandingSet]:
        """Every complete fetch that brought something new, oldest first."""
        return [found for fetch in self.complete if not (found := self.read(fetch)).same_as]

    def of(self, run: Run, question: str) -> str | None:
        """The newest fetch of the same question this run began, whichever of its tries."""
        own = f"-{_digest(question)}-{_mark(run)}"
        return next((fetch for fetch in reversed([*self.keys]) if fetch.endswith(own)), None)

    def open(self, run: Run, question: str, now: datetime) -> FetchFolder:
        """The run's own unfinished fetch, else a recent one that nobody finished, else a new one.

        `question` is all that the answers depend on: answers to another one must not be continued with.
        """
        fetch = self.of(run, question)
        if fetch is None or fetch in self.complete:
            same = [item for item in self.keys if f"-{_digest(question)}-" in item]
            newest = max(same, default="")
            recent = newest >= _stamp(now - RESUME_WITHIN) and newest not in self.complete
            fetch = newest if recent else f"{_stamp(now)}-{_digest(question)}-{_mark(run)}"
        return FetchFolder(self.lake, f"{self.prefix}fetch={fetch}/", run, set(self.keys.get(fetch, ())))


def finish(folder: FetchFolder, before: LandingSet | None, about: Mapping[str, Any]) -> LandingSet:
    """Write the set: from here on the fetch is complete and can be read."""
    answers = tuple(folder.taken.values())
    identity = "\n".join(sorted(f"{item.request} {item.status} {item.sha256}" for item in answers))
    content = hashlib.sha256(identity.encode()).hexdigest()
    key = f"{folder.prefix}{SET}"
    made = LandingSet(
        key=key,
        fetch=folder.prefix.rstrip("/").rpartition("fetch=")[2],
        run_id=folder.run.id,
        content=content,
        same_as=before.fetch if before and before.content == content else None,
        answers=answers,
        **about,
    )
    with suppress(LostRace):
        folder.lake.store.put(Target(key, if_absent=True), made.model_dump_json(indent=1).encode())
        return made
    return LandingSet.model_validate_json(folder.lake.store.get(key)[0])


def _entry(name: str, key: str, answer: Answer, run_id: str) -> LandedAnswer:
    return LandedAnswer(
        request=name, key=key, url=answer.url, status=answer.status, sha256=answer.sha256, size=len(answer.body),
        fetched_at=answer.fetched_at, run_id=run_id, facts=dict(answer.facts),
    )  # fmt: skip


def _metadata(answer: Answer, run: Run) -> dict[str, str]:
    return {
        "source-url": answer.url,
        "status": str(answer.status),
        "headers": json.dumps(dict(answer.headers)),  # ASCII only, as S3 wants metadata
        "facts": json.dumps(dict(answer.facts)),
        "sha256": answer.sha256,
        "fetched-at": answer.fetched_at.isoformat(),
        "run-id": run.id,
    }


def _packed(key: str, body: bytes) -> bytes:
    """Compressed without a time stamp: the same body gives the same object."""
    return gzip.compress(body, 6, mtime=0) if key.endswith(".gz") else body


def _file_name(name: str) -> str:
    """The request's name as one key part; what had to be changed gets a mark so that two names never meet."""
    safe = safe_id(name)
    if safe != name:
        stem, dot, suffix = safe.rpartition(".")
        safe = f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:6]}{dot}{suffix}"
    return safe if re.search(r"\.(parquet|gz)$", safe) else f"{safe}.gz"


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S%fZ}"


def _mark(run: Run) -> str:
    return _digest(f"{run.id} {run.started_at.isoformat()}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]

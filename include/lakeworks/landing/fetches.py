"""A fetch of many requests in landing: `landing/<domain>/<source>/<period>/fetch=<id>/<request>.json.gz` and `_set.json`.

The set is written last and lists the responses. A folder without a set is an incomplete fetch and is never read. The
next attempt continues in that folder and requests only the missing responses.
"""

import hashlib
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from lakeworks.errors import LostRace, MalformedSource
from lakeworks.lake import Lake
from lakeworks.landing.fetch_folder import FetchFolder
from lakeworks.landing.landing_set import SET, LandingSet
from lakeworks.ledger.run_record import Run
from lakeworks.s3.object_store import Target

log = logging.getLogger(__name__)
# An unfinished fetch of another run is continued this long. Older responses would mix yesterday's data with today's.
RESUME_WITHIN = timedelta(hours=24)
_STAMP = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class Fetches:
    """Every fetch of a source's period, by the keys in landing."""

    lake: Lake
    prefix: str
    keys: Mapping[str, tuple[str, ...]]  # fetch id (`<begun>-<what is asked>-<run>`) to its objects

    @classmethod
    def below(cls, lake: Lake, prefix: str) -> "Fetches":
        """List a landing prefix."""
        names: dict[str, list[str]] = {}
        for item in lake.store.scan(prefix):
            folder, _, name = item.key.removeprefix(prefix).partition("/")
            if folder.startswith("fetch=") and name:
                names.setdefault(folder.removeprefix("fetch="), []).append(item.key)
        return cls(lake, prefix, {fetch: tuple(keys) for fetch, keys in sorted(names.items())})

    @property
    def complete(self) -> list[str]:
        """The ids of complete fetches, oldest first."""
        return [fetch for fetch, keys in self.keys.items() if self.set_key(fetch) in keys]

    def set_key(self, fetch: str) -> str:
        """Return the key of a fetch's set."""
        return f"{self.prefix}fetch={fetch}/{SET}"

    def read(self, fetch: str) -> LandingSet:
        """Return a complete fetch.

        Raises:
            MalformedSource: its set is not what lakeworks wrote.
        """
        key = self.set_key(fetch)
        try:
            return LandingSet.model_validate_json(self.lake.store.get(key)[0])
        except ValidationError as error:
            raise MalformedSource(
                f"`{self.lake.store.uri(key)}` is not a valid list of a fetch's files ({error.error_count()} "
                f"problems, the first: {error.errors()[0]['msg']}). Nothing was staged; live data is unchanged. "
                "Restore its first version, or remove the object and run the fetch again."
            ) from error

    def newest(self) -> LandingSet | None:
        """Return the newest complete fetch with something new; None if there is none."""
        if not self.complete:
            return None
        newest = self.read(self.complete[-1])
        return self.read(newest.same_as) if newest.same_as else newest

    def distinct(self) -> list[LandingSet]:
        """Return every complete fetch with something new, oldest first."""
        return [landing_set for fetch in self.complete if not (landing_set := self.read(fetch)).same_as]

    def of(self, run: Run, question: str) -> str | None:
        """Return this run's newest fetch of the same question, from any of its tries."""
        own = f"-{_digest(question)}-{_mark(run)}"
        return next((fetch for fetch in reversed([*self.keys]) if fetch.endswith(own)), None)

    def open(self, run: Run, question: str, now: datetime) -> FetchFolder:
        """Return the run's own unfinished fetch, else a recent unfinished one, else a new one.

        `question` is everything that the responses depend on. A fetch with another question is not continued.
        """
        fetch = self.of(run, question)
        if fetch is None or fetch in self.complete:
            same = [item for item in self.keys if f"-{_digest(question)}-" in item]
            newest = max(same, default="")
            recent = (
                _stamp(now - RESUME_WITHIN) <= newest <= _stamp(now + RESUME_WITHIN) and newest not in self.complete
            )
            fetch = newest if recent else f"{self._next_stamp(now)}-{_digest(question)}-{_mark(run)}"
        return FetchFolder(self.lake, f"{self.prefix}fetch={fetch}/", run, set(self.keys.get(fetch, ())))

    def _next_stamp(self, now: datetime) -> str:
        """Return the time now, but later than every existing fetch: a worker's clock may be wrong."""
        seen = [moment for fetch in self.keys if (moment := _moment(fetch))]
        return _stamp(max([now, *(moment + timedelta(microseconds=1) for moment in seen)]))


def finish(folder: FetchFolder, before: LandingSet | None, about: Mapping[str, Any]) -> LandingSet:
    """Write the set. After this the fetch is complete and can be read."""
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
        files=tuple(folder.notes),
        **about,
    )
    with suppress(LostRace):
        folder.lake.store.put(Target(key, if_absent=True), made.model_dump_json(indent=1).encode())
        return made
    return LandingSet.model_validate_json(folder.lake.store.get(key)[0])


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_STAMP)


def _moment(fetch: str) -> datetime | None:
    with suppress(ValueError):  # a folder of another program
        return datetime.strptime(fetch.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    return None


def _mark(run: Run) -> str:
    return _digest(f"{run.id} {run.started_at.isoformat()}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]

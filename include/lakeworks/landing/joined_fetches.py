"""Concurrent fetches of one period: each started from the same files, and none may hide another's new files.

Two people may load at once, or one loads while the DAG reads the inbox. The later one finds the other's complete set
and writes another set with the files of both.
"""

from collections.abc import Mapping, Sequence

from lakeworks.landing.fetch_folder import FetchFolder
from lakeworks.landing.fetches import Fetches
from lakeworks.landing.landing_set import LandingSet
from lakeworks.landing.responses import LandedAnswer

# How often files that others landed meanwhile are joined.
TURNS = 5


def taken_by(folder: FetchFolder) -> dict[str, LandedAnswer]:
    """Return the files that a fetch brought, without those it only kept."""
    return {note.name: folder.taken[note.name] for note in folder.notes if note.outcome == "taken"}


def ended_beside(
    after: Fetches, seen: Sequence[str], made: LandingSet, own: Mapping[str, LandedAnswer]
) -> list[LandingSet]:
    """Return the sets that ended since `seen`, this fetch's own excepted unless it is another run's and lacks a file."""
    others = [after.read(fetch) for fetch in after.complete if fetch not in seen and fetch != made.fetch]
    is_contained = {item.key for item in own.values()} <= {item.key for item in made.answers}
    return others if is_contained else [*others, made]


def joined(newest: LandingSet, beside: Sequence[LandingSet], own: Mapping[str, LandedAnswer]) -> LandingSet:
    """Return the newest set with the other fetches' changes and with the run's own files."""
    answers = {item.request: item for item in newest.answers}
    for other in beside:
        theirs = {item.request: item for item in other.answers}
        for note in other.files:
            if note.outcome == "taken" and note.name in theirs:
                answers[note.name] = theirs[note.name]
            elif note.name not in theirs:  # forgotten, or dropped again under another name
                answers.pop(note.name, None)
    return newest.model_copy(update={"answers": tuple({**answers, **own}.values())})

"""The long proofs with broken requests: every request in every way, and storms in which requests break at random."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.harness import crowd, settled, storm
from tests.chaos.table import Endpoint
from tests.conftest import new_store
from tests.faults.copies import copied_in_parts, of_three_parts
from tests.faults.fault_proxy import KINDS, proxy, sometimes
from tests.faults.line import Line, every_request

Row = tuple[Any, ...]


def one_by_one(url: str, attempts: int, sized: Callable[[str], str] = str) -> tuple[Row, list[str]]:
    """Break each request of a publication in each way; returns what is to be printed and what went wrong."""
    requests, wrong = 0, []
    for kind in KINDS:
        with proxy(url) as (through, faults):
            faults.stall = 1.5
            line = Line(new_store(url), through, faults, attempts, patience=1 if kind.startswith("timeout") else 20)
            try:
                requests += every_request(line, kind, sized)
            except Exception as error:
                wrong.append(f"{kind}: {faults.broken}: {type(error).__name__} {error}"[:300])
    return (attempts, len(KINDS), requests, len(wrong)), wrong


def copies_one_by_one(url: str, attempts: int, part_bytes: int) -> tuple[Row, list[str]]:
    """The same for a partition so large that it is copied inside S3 in parts."""
    with copied_in_parts(part_bytes):
        return one_by_one(url, attempts, lambda word: of_three_parts(word, part_bytes))


def at_random(endpoint: Endpoint, kills: int, seed: int, folder: Path, share: float = 0.1) -> tuple[Row, list[str]]:
    """Kill writers whose requests break at random while a reader, on a sound line, reads."""
    with proxy(endpoint.s3) as (through, faults):
        faults.choose(sometimes(share, seed))
        shaken = Endpoint(through, through if endpoint.glue == endpoint.s3 else endpoint.glue, endpoint.bucket)
        tally = storm(endpoint, kills, seed, folder, writers=2, through=shaken)
        broken = len(faults.broken)
    wrong = [*tally.bad, *tally.unhealed, *settled(endpoint, tally.reported), *(["a writer crashed"] * tally.crashed)]
    row = (
        tally.kills,
        broken,
        tally.published,
        tally.refused,
        tally.reads,
        len(tally.bad),
        len(wrong) - len(tally.bad),
    )
    return row, wrong


def at_one_moment(endpoint: Endpoint, rounds: int, folder: Path) -> tuple[Row, list[str]]:
    """Rivals and neighbours publish at one moment."""
    tally, hindered = crowd(endpoint, rounds, folder)
    wrong = [*hindered, *settled(endpoint, tally.reported)]
    return (rounds * 6, tally.published, tally.refused, len(hindered), len(wrong) - len(hindered)), wrong

"""One vendor response as an object in landing: the raw bytes, compressed, with facts about them as metadata."""

import gzip
import hashlib
import json
import logging
import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from lakeworks.core.layout import key_part
from lakeworks.errors import MalformedSource
from lakeworks.lake import Lake
from lakeworks.ledger.document import Record
from lakeworks.ledger.run_record import Run
from lakeworks.s3.object_store import Target
from lakeworks.sources.response import SourceResponse

log = logging.getLogger(__name__)
# A response below this share of its earlier bytes is noted.
_NOTABLE_SHARE = 0.5


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


def entry_of(name: str, key: str, answer: SourceResponse, run_id: str) -> LandedAnswer:
    """Return an answer's entry in its landing set."""
    known = {"url": answer.url, "status": answer.status, "sha256": answer.sha256, "fetched_at": answer.fetched_at}
    return LandedAnswer(request=name, key=key, size=len(answer.body), run_id=run_id, facts=dict(answer.facts), **known)


def store_answer(lake: Lake, key: str, answer: SourceResponse, run: Run) -> None:
    """Land an answer; it is written once.

    Raises:
        LostRace: there is one already.
    """
    # Without a time stamp the same body gives the same bytes.
    body = gzip.compress(answer.body, 6, mtime=0) if key.endswith(".gz") else answer.body
    lake.store.put(Target(key, _metadata(answer, run), if_absent=True), body)


def load_answer(lake: Lake, key: str) -> tuple[SourceResponse, str]:
    """Return a landed answer as it was received, and the run that landed it.

    Raises:
        MalformedSource: the object is not what was landed.
    """
    stored, item = lake.store.get(key)
    meta = item.metadata
    try:
        body = gzip.decompress(stored) if key.endswith(".gz") else stored
        answer = SourceResponse(
            body=body,
            url=meta["source-url"],
            status=int(meta["status"]),
            headers=json.loads(meta["headers"]),
            fetched_at=datetime.fromisoformat(meta["fetched-at"]),
            facts=json.loads(meta["facts"]),
        )
        if answer.sha256 != meta["sha256"]:
            raise ValueError("its SHA-256 is not that of the received response")
    except (OSError, EOFError, zlib.error, KeyError, ValueError) as error:
        raise MalformedSource(
            f"`{lake.store.uri(key)}` differs from the landed response: {error!r}. Nothing was staged. Restore "
            "the first version of the object, or fetch the period again in a new run."
        ) from error
    return answer, meta["run-id"]


def _metadata(answer: SourceResponse, run: Run) -> dict[str, str]:
    return {
        "source-url": answer.url,
        "status": str(answer.status),
        "headers": json.dumps(dict(answer.headers)),  # ASCII only, as S3 wants metadata
        "facts": json.dumps(dict(answer.facts)),
        "sha256": answer.sha256,
        "fetched-at": answer.fetched_at.isoformat(),
        "run-id": run.id,
    }


def file_name(name: str) -> str:
    """Return the request's name as one key part; a changed name gets a digest, so that two names never meet."""
    safe = key_part(name)
    if safe != name:
        stem, dot, suffix = safe.rpartition(".")
        safe = f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:6]}{dot}{suffix}"
    return safe if re.search(r"\.(parquet|gz)$", safe) else f"{safe}.gz"


def shrunk_answers(before: Iterable[LandedAnswer], taken: Mapping[str, LandedAnswer]) -> dict[str, str]:
    """Return a fetch's note of responses with less than half of the bytes of the previous fetch.

    It is only a note: a vendor may drop a symbol, or send shorter responses, and both are valid. The loss of rows in
    a published partition is a matter for the table's checks (`min_share_of_median`).
    """
    earlier = {item.request: item.size for item in before}
    fewer = [
        f"{name}: {earlier[name]} to {item.size} bytes"
        for name, item in sorted(taken.items())
        if item.size < earlier.get(name, 0) * _NOTABLE_SHARE
    ]
    for line in fewer:
        log.warning("An answer has less than half of its bytes: %s", line)
    return {"shrunk": "; ".join(fewer)} if fewer else {}

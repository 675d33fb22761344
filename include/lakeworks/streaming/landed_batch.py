"""A micro-batch as one landing object, named by its shard and its first and last sequence number, and written once."""

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from string import printable
from urllib.parse import quote

from lakeworks.core.layout import landing_prefix
from lakeworks.core.partition import Period
from lakeworks.errors import LiveChanged, LostRace
from lakeworks.s3.object_store import ObjectStore, Target
from lakeworks.streaming.checkpoint import Totals, Window
from lakeworks.streaming.stream_place import StreamPlace
from lakeworks.streaming.stream_record import StreamRecord

FOLDER = "batch"


@dataclass(frozen=True)
class BatchLanding:
    """The place in landing of a stream's batches."""

    store: ObjectStore
    place: StreamPlace

    def key(self, shard: str, window: Window) -> str:
        """Return the key of a window's object."""
        return f"{batch_prefix(self.place, Period.parse(window.period, 'hour'))}{_name(shard, window)}"

    def is_landed(self, shard: str, window: Window) -> bool:
        """Return True if the object is there."""
        return self.store.head(self.key(shard, window)) is not None

    def land(self, shard: str, window: Window, records: Sequence[StreamRecord]) -> Totals:
        """Write the object, unless it is there.

        The bytes follow from the records alone, so a second attempt, of any process, finds what it would write.

        Raises:
            LiveChanged: an object with other records lies there.
        """
        lines = [line for record in records for line in record.lines(shard)]
        plain = b"".join(line.text + b"\n" for line in lines)
        body = gzip.compress(plain, 6, mtime=0)
        key, content = self.key(shard, window), hashlib.sha256(plain).hexdigest()
        name = quote(_name(shard, window), safe=printable)
        facts = {
            "source-url": f"kinesis://{self.place.kinesis_name}/{shard}/{window.first}-{window.last}",
            "sha256": hashlib.sha256(body).hexdigest(),
            "fetched-at": records[-1].arrived_at.isoformat(),
            "run-id": f"stream__{self.place.name}",
            "file": name,
            "version": content[:32],
            "content": content,
            "rows": str(len(lines)),
        }
        try:
            self.store.put(Target(key, facts, if_absent=True), body)
        except LostRace as error:
            there = self.store.head(key)
            if there is None or there.metadata.get("content") != content:
                raise LiveChanged(
                    f"`{self.store.uri(key)}` has other records than shard {shard} of `{self.place.kinesis_name}` between "
                    f"{window.first} and {window.last}: another program wrote it. It is unchanged, and the "
                    "checkpoint stays before it. Move it away, and start the consumer again."
                ) from error
        problems = sum(bool(line.problem) for line in lines)
        return Totals(records=len(lines), problems=problems, objects=1, size=len(body))


def batch_prefix(place: StreamPlace, period: Period) -> str:
    """Return the prefix of the batches of one hour."""
    return f"{landing_prefix(place.domain, place.source, period)}{FOLDER}/"


def _name(shard: str, window: Window) -> str:
    return f"{shard}-{window.first}-{window.last}.jsonl.gz"

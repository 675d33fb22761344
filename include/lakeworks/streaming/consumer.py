"""One consumer process: it shares a stream's shards with others, lands their records, and takes over shards of the dead.

consumer = Consumer(place, kinesis, checkpoints, landing)
consumer.run(stop)        # until the event `stop` is set; then it lands what it read and gives its shards back
"""

import logging
import math
import os
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lakeworks.errors import LakeError, LeaseLost, StreamUnavailable, TerminalError, TransientError
from lakeworks.streaming.checkpoint import Checkpoint
from lakeworks.streaming.landed_batch import BatchLanding
from lakeworks.streaming.shard_ingest import AfterLanding, BatchPolicy, ShardIngest, nothing_more
from lakeworks.streaming.shards import StreamShards

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeasePolicy:
    """Times of leases: a shard whose checkpoint stays unwritten for `lease_seconds` is taken over."""

    lease_seconds: float = 30.0
    look_seconds: float = 5.0
    read_seconds: float = 0.25
    pause_seconds: float = 1.0


def worker_name() -> str:
    """Return a name that no other process has or had."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


@dataclass
class Consumer:
    """A worker over some of a stream's shards. One thread does everything: `turn` after `turn`."""

    shards: StreamShards
    landing: BatchLanding
    batches: BatchPolicy = field(default_factory=BatchPolicy)
    leases: LeasePolicy = field(default_factory=LeasePolicy)
    after_landing: AfterLanding = nothing_more
    clock: Callable[[], float] = time.monotonic
    name: str = field(default_factory=worker_name)
    owned: dict[str, ShardIngest] = field(default_factory=dict, init=False)
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict, init=False)
    _ready: dict[str, float] = field(default_factory=dict, init=False)
    _looked: float = field(default=-math.inf, init=False)

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set, then drain.

        Raises:
            TerminalError: a person must correct something; the other shards were drained.
        """
        try:
            while not stop.is_set():
                try:
                    read = self.turn()
                except TransientError as error:
                    log.warning("%s", error)
                    read = 0
                stop.wait(0 if read else self.leases.read_seconds)
        finally:
            self.drain()

    def turn(self) -> int:
        """Look after the leases if it is time, then read each owned shard once. Return the number of records read."""
        now = self.clock()
        if now - self._looked >= self.leases.look_seconds:
            self._look(now)
            self._looked = now
        return sum(self._step(shard) for shard in list(self.owned) if self._ready.get(shard, now) <= now)

    def drain(self) -> None:
        """Land what was read, and give every shard back."""
        for shard, ingest in list(self.owned.items()):
            try:
                ingest.drain()
                ingest.renew(owner="")
            except LakeError as error:
                log.warning("shard %s was not drained, the next process lands its records: %s", shard, error)
            self._release(shard)

    def _step(self, shard: str) -> int:
        ingest = self.owned[shard]
        try:
            read = ingest.step()
            if ingest.is_finished:
                self._finish(shard, ingest)
            self._ready[shard] = self.clock() + (0 if read and ingest.behind_ms else self.leases.read_seconds)
        except LeaseLost as error:
            log.info("shard %s: %s", shard, error)
            self._release(shard)
        except TransientError as error:
            # What DynamoDB has is not known after a lost answer: the shard is begun again from there.
            log.warning("shard %s: %s", shard, error)
            self._release(shard)
            self._ready[shard] = self.clock() + self.leases.pause_seconds
            self._looked = -math.inf
        except TerminalError:
            self._release(shard)
            raise
        else:
            return read
        return 0

    def _release(self, shard: str) -> None:
        ingest = self.owned.pop(shard, None)
        if ingest is not None:
            ingest.reader.close()

    def _finish(self, shard: str, ingest: ShardIngest) -> None:
        """Make the children known, then give the shard up: a window is never closed while a child is missing."""
        self.shards.register()
        ingest.renew(finished=True, owner="")
        self._release(shard)
        self._looked = -math.inf
        log.info("shard %s was closed and has landed", shard)

    def _look(self, now: float) -> None:
        """Renew our leases, and take shards that are free, dead or too many elsewhere."""
        self.shards.register()
        for shard, ingest in list(self.owned.items()):
            try:
                ingest.renew()
            except LeaseLost as error:
                log.info("shard %s: %s", shard, error)
                self._release(shard)
            except StreamUnavailable as error:
                log.warning("shard %s: %s", shard, error)
                self._release(shard)
        known = self.shards.table.all()
        for checkpoint in self._wanted(known, now):
            try:
                mine = self.shards.table.claim(checkpoint, self.name)
            except LeaseLost:
                continue
            self.owned[mine.shard] = ShardIngest(
                self.shards.table,
                self.landing,
                self.shards.reader(mine),
                mine,
                self.batches,
                self.after_landing,
                self.clock,
            )
            log.info("took shard %s, after `%s`", mine.shard, mine.position or "its beginning")

    def _wanted(self, known: Mapping[str, Checkpoint], now: float) -> list[Checkpoint]:
        """Return the checkpoints to claim, up to an equal share of the shards."""
        active = {shard: one for shard, one in known.items() if not one.finished and _is_begun(one, known)}
        free = [one for shard, one in active.items() if shard not in self.owned and self._is_free(one, now)]
        others = Counter(one.owner for one in active.values() if one not in free and one.owner != self.name)
        share = math.ceil(len(active) / (len(others) + 1))
        room = share - len(self.owned)
        if free or room <= 0:
            return free[: max(room, 0)]
        # Nothing is free: take one of the process that has most, if it has more than its share.
        owner, count = others.most_common(1)[0] if others else ("", 0)
        if count <= share or count <= len(self.owned) + 1:
            return []
        return [next(one for one in active.values() if one.owner == owner)]

    def _is_free(self, one: Checkpoint, now: float) -> bool:
        """Return True for a shard without an owner, and for one whose lease did not grow for long by our own clock.

        Clocks of two machines are never compared.
        """
        if one.owner in ("", self.name):
            return True
        lease, since = self._seen.get(one.shard, (-1, now))
        if lease != one.lease:
            self._seen[one.shard] = (one.lease, now)
            return False
        return now - since >= self.leases.lease_seconds


def _is_begun(one: Checkpoint, known: Mapping[str, Checkpoint]) -> bool:
    """Return True if every parent that is still known has landed: a key's events keep their order over a reshard."""
    return all(known[parent].finished for parent in one.parents if parent in known)

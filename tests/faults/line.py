"""One lake seen twice: directly, and through a proxy that breaks requests; what the short tests and `make chaos` share."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from lakeworks.errors import TransientError
from lakeworks.ledger.run_record import Run
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import KEYS
from tests.faults.fault_proxy import Faults, Kind, nth
from tests.lakeworks.ledger.test_publisher import PARTITION, TABLE, Writer


def run_at(number: int, attempt: int = 1) -> Run:
    """Runs in order."""
    return Run(
        id=f"manual__{number}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number), attempt=attempt
    )


def impatient(service: str, url: str, attempts: int = 1, patience: float = 10) -> Any:
    """A client that gives up at once, so that every fault reaches our code; with two attempts boto3 repeats a request itself."""
    config = Config(
        s3={"addressing_style": "path"}, retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=patience, connect_timeout=2,
    )  # fmt: skip
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", config=config, **KEYS)


class Line:
    """One lake seen twice: directly, and through a proxy that breaks requests."""

    def __init__(self, store: ObjectStore, url: str, faults: Faults, attempts: int = 1, patience: float = 10) -> None:
        self.direct = Writer(store)
        self.via = Writer(
            ObjectStore(impatient("s3", url, attempts, patience), store.bucket, threads=1), self.direct.catalog
        )
        self.faults = faults

    def publish_broken(self, content: str, run: Run) -> bool:
        """Publish through the proxy; whether it went through. Only a transient error may come of a network's fault."""
        entry = self.direct.entry(content, run)
        try:
            self.via.publisher().publish([entry])
        except TransientError:
            return False
        finally:
            self.faults.peace()
        return True

    def check(self, before: str, content: str, number: int, *, done: bool) -> None:
        """A reader sees a whole content at once, and after a retry everything agrees."""
        assert self.direct.live() in ((content,) if done else (before, content))
        self.direct.publish(content, run_at(number, attempt=2))
        assert self.direct.live() == content
        self.direct.check()
        history = self.direct.ledger.history(TABLE, PARTITION)
        assert {entry.state for entry in history} <= {"published", "unchanged"}
        assert [entry.seq for entry in history] == list(range(1, len(history) + 1)), "no number is lost or taken twice"


def every_request(line: Line, kind: Kind, sized: Callable[[str], str] = str) -> int:
    """Break request after request of a publication over an older one; returns how many there were.

    `sized` makes a content of the wanted size of a word.
    """
    before = sized("first")
    line.direct.publish(before, run_at(1))
    for number in itertools.count(1):
        content = sized(f"{kind} at request {number}")
        line.faults.choose(nth(number, kind))
        done = line.publish_broken(content, run_at(number + 1))
        line.check(before, content, number + 1, done=done)
        if not line.faults.broken:
            return number - 1
        before = content
    raise AssertionError

"""A publication whose requests break, one after the other, in every way: after a retry ledger, objects and catalog agree."""

import itertools
from collections.abc import Callable, Iterator

import boto3
import pytest
from botocore.config import Config

from lakeworks.errors import TransientError
from lakeworks.storage.manifest import Run
from lakeworks.storage.objects import ObjectStore
from tests.conftest import KEYS, new_store
from tests.faults.proxy import QUICK, Faults, Kind, matching, nth, proxy
from tests.lakeworks.storage.test_publication import LIVE, PARTITION, TABLE, Writer

RunAt = Callable[..., Run]


def impatient(service: str, url: str, attempts: int = 1, patience: float = 10) -> object:
    """A client that gives up at once, so that every fault reaches our code; with two attempts boto3 repeats a request itself."""
    config = Config(
        s3={"addressing_style": "path"}, retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=patience, connect_timeout=2,
    )  # fmt: skip
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", config=config, **KEYS)  # type: ignore[call-overload]


class Line:
    """One lake seen twice: directly, and through a proxy that breaks requests."""

    def __init__(self, store: ObjectStore, url: str, faults: Faults, attempts: int = 1, patience: float = 10) -> None:
        self.direct = Writer(store)
        self.via = Writer(
            ObjectStore(impatient("s3", url, attempts, patience), store.bucket, threads=1), self.direct.catalog
        )  # type: ignore[arg-type]
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

    def check(self, before: str, content: str, run_at: RunAt, number: int, *, done: bool) -> None:
        """A reader sees a whole content at once, and after a retry everything agrees."""
        assert self.direct.live() in ((content,) if done else (before, content))
        self.direct.publish(content, run_at(number, attempt=2))
        assert self.direct.live() == content
        self.direct.check()
        history = self.direct.ledger.history(TABLE, PARTITION)
        assert {entry.state for entry in history} <= {"published", "unchanged"}
        assert [entry.seq for entry in history] == list(range(1, len(history) + 1)), "no number is lost or taken twice"


@pytest.fixture
def line(moto_url: str) -> Iterator[Line]:
    with proxy(moto_url) as (url, faults):
        yield Line(new_store(moto_url), url, faults)


def every_request(line: Line, kind: Kind, run_at: RunAt) -> int:
    """Break request after request of a publication over an older one; returns how many there were."""
    before = "first"
    line.direct.publish(before, run_at(1))
    for number in itertools.count(1):
        content = f"{kind} at request {number}"
        line.faults.choose(nth(number, kind))
        done = line.publish_broken(content, run_at(number + 1))
        line.check(before, content, run_at, number + 1, done=done)
        if not line.faults.broken:
            return number - 1
        before = content
    raise AssertionError


@pytest.mark.parametrize("kind", QUICK)
def test_whichever_request_of_a_publication_breaks_the_retry_finds_one_truth(
    line: Line, run_at: RunAt, kind: Kind
) -> None:
    assert every_request(line, kind, run_at) >= 9, "list, read the ledger, look, reserve, look, copy, place, complete"


@pytest.mark.parametrize("wanted", ["PUT .*_ledger.*0002", "PUT .*/part-00000", "GET .*_ledger.*0001"])
@pytest.mark.parametrize("kind", ["timeout before", "timeout after"])
def test_a_request_that_times_out_did_happen_or_did_not(moto_url: str, run_at: RunAt, kind: Kind, wanted: str) -> None:
    with proxy(moto_url) as (url, faults):
        line = Line(new_store(moto_url), url, faults, patience=1)
        faults.stall = 1.5
        line.direct.publish("old", run_at(1))
        faults.choose(matching(wanted, kind))
        done = line.publish_broken("new", run_at(2))
        assert faults.broken
        line.check("old", "new", run_at, 2, done=done)


@pytest.mark.parametrize("kind", ["500 after", "503 after", "reset after"])
@pytest.mark.parametrize("write", ["reserve", "place", "complete"])
def test_a_conditional_write_that_boto3_repeats_is_recognised_as_our_own(
    moto_url: str, run_at: RunAt, kind: Kind, write: str
) -> None:
    """The first one took effect and its answer was lost; the repeated one is refused with 412."""
    with proxy(moto_url) as (url, faults):
        line = Line(new_store(moto_url), url, faults, attempts=2)
        line.direct.publish("old", run_at(1))
        writes = {"reserve": 1, "place": 2, "complete": 3}
        left = [writes[write]]

        def chooser(request: object) -> Kind | None:
            left[0] -= str(request).partition(" ")[2].startswith("PUT")
            if left[0] == 0:
                left[0] = -1
                return kind
            return None

        faults.choose(chooser)
        assert line.publish_broken("new", run_at(2)), "no error: the content is live"
        assert len(faults.broken) == 1
        line.check("old", "new", run_at, 2, done=True)


def test_a_listing_that_does_not_parse_is_an_error_of_the_tree(line: Line, run_at: RunAt) -> None:
    line.direct.publish("old", run_at(1))
    line.faults.choose(matching("GET .*list-type", "garbled"))
    with pytest.raises(TransientError, match=r"Could not list.*_ledger"):
        line.via.ledger.sequence(TABLE, PARTITION)


def test_a_truncated_object_is_never_taken_for_whole(line: Line, run_at: RunAt) -> None:
    line.direct.publish("x" * 10_000, run_at(1))
    for kind in ("truncated", "reset after"):
        line.faults.choose(matching("GET .*part-00000", kind))  # type: ignore[arg-type]
        with pytest.raises(TransientError, match="part-00000.*run again"):
            line.via.store.get(LIVE)

"""A large partition is copied inside S3 in parts: whatever breaks, the live object is the old one or the new one, and nothing is left."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lakeworks.errors import TransientError
from tests.conftest import new_store
from tests.faults.copies import PART_BYTES, copied_in_parts, of_three_parts
from tests.faults.fault_proxy import Kind, matching, proxy
from tests.faults.line import Line, run_at


@dataclass(frozen=True)
class Copies:
    """A line over which contents of three parts are published."""

    line: Line
    part_bytes: int

    def content(self, word: str) -> str:
        return of_three_parts(word, self.part_bytes)


@pytest.fixture(params=PART_BYTES)
def copies(request: pytest.FixtureRequest) -> Iterator[Copies]:
    part_bytes, endpoint = PART_BYTES[request.param], request.getfixturevalue(f"{request.param}_url")
    with proxy(endpoint) as (url, faults), copied_in_parts(part_bytes):
        yield Copies(Line(new_store(endpoint), url, faults), part_bytes)


@pytest.mark.parametrize(
    "request_", ["POST .*part-00000.parquet.uploads", "PUT .*partNumber=1", "PUT .*partNumber=3", "POST .*uploadId="]
)
@pytest.mark.parametrize("kind", ["503 before", "reset after"])
def test_a_failed_copy_shows_nothing_and_the_retry_finishes_it(copies: Copies, kind: Kind, request_: str) -> None:
    line, old, new = copies.line, copies.content("old"), copies.content("new")
    line.direct.publish(old, run_at(1))
    line.faults.choose(matching(request_, kind))
    done = line.publish_broken(new, run_at(2))
    assert line.faults.broken, "the request was met"
    line.check(old, new, 2, done=done)
    store = line.direct.store
    left = store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", [])
    if "uploads" not in request_:  # a lost answer to that one holds the upload's id: `lakeworks gc` ends it
        assert left == [], "parts that no one will complete cost money"


def test_a_completion_that_boto3_repeats_is_recognised_as_our_own(copies: Copies) -> None:
    """The first one took effect and its answer was lost; the upload that the second one names is gone."""
    old, new, faults = copies.content("old"), copies.content("new"), copies.line.faults
    line = Line(copies.line.direct.store, copies.line.via.store.client.meta.endpoint_url, faults, attempts=2)
    line.direct.publish(old, run_at(1))
    faults.choose(matching("POST .*uploadId=", "reset after"))
    assert line.publish_broken(new, run_at(2))
    assert len(faults.broken) == 1
    line.check(old, new, 2, done=True)


def test_an_abort_that_fails_does_not_hide_why(copies: Copies) -> None:
    line = copies.line
    line.direct.publish(copies.content("old"), run_at(1))
    first, second = matching("PUT .*partNumber=2", "503 before"), matching("DELETE .*uploadId", "500 before")
    line.faults.choose(lambda request: first(request) or second(request))
    entry = line.direct.entry(copies.content("new"), run_at(2))
    with pytest.raises(TransientError, match="SlowDown"):
        line.via.publisher().publish([entry])
    assert len(line.faults.broken) == 2

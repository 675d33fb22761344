"""A large partition is copied inside S3 in parts: whatever breaks, the live object is the old one or the new one, and nothing is left."""

from collections.abc import Iterator

import pytest

from lakeworks.errors import TransientError
from lakeworks.storage import multipart
from tests.conftest import new_store
from tests.faults.line import Line, run_at
from tests.faults.proxy import Kind, matching, proxy


@pytest.fixture
def line(ministack_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """ministack: it enforces conditions on CompleteMultipartUpload and takes small parts."""
    monkeypatch.setattr(multipart, "SINGLE_REQUEST_BYTES", 1000)
    monkeypatch.setattr(multipart, "_PART_BYTES", 1000)
    with proxy(ministack_url) as (url, faults):
        yield Line(new_store(ministack_url), url, faults)


@pytest.mark.parametrize(
    "request_", ["POST .*part-00000.parquet.uploads", "PUT .*partNumber=1", "PUT .*partNumber=3", "POST .*uploadId="]
)
@pytest.mark.parametrize("kind", ["503 before", "reset after"])
def test_a_failed_copy_shows_nothing_and_the_retry_finishes_it(line: Line, kind: Kind, request_: str) -> None:
    old, new = "old" * 1000, "new" * 1000
    line.direct.publish(old, run_at(1))
    line.faults.choose(matching(request_, kind))
    done = line.publish_broken(new, run_at(2))
    assert line.faults.broken, "the request was met"
    line.check(old, new, 2, done=done)
    store = line.direct.store
    left = store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", [])
    if "uploads" not in request_:  # a lost answer to that one holds the upload's id: `lakeworks gc` ends it
        assert left == [], "parts that nobody will complete cost money"


@pytest.mark.parametrize("kind", ["reset after"])
def test_a_completion_that_boto3_repeats_is_recognised_as_our_own(
    ministack_url: str, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """The first one took effect and its answer was lost; the upload that the second one names is gone."""
    monkeypatch.setattr(multipart, "SINGLE_REQUEST_BYTES", 1000)
    monkeypatch.setattr(multipart, "_PART_BYTES", 1000)
    with proxy(ministack_url) as (url, faults):
        line = Line(new_store(ministack_url), url, faults, attempts=2)
        line.direct.publish("old" * 1000, run_at(1))
        faults.choose(matching("POST .*uploadId=", kind))
        assert line.publish_broken("new" * 1000, run_at(2))
        assert len(faults.broken) == 1
        line.check("old" * 1000, "new" * 1000, 2, done=True)


def test_an_abort_that_fails_does_not_hide_why(line: Line) -> None:
    line.direct.publish("old" * 1000, run_at(1))
    first, second = matching("PUT .*partNumber=2", "503 before"), matching("DELETE .*uploadId", "500 before")
    line.faults.choose(lambda request: first(request) or second(request))
    entry = line.direct.entry("new" * 1000, run_at(2))
    with pytest.raises(TransientError, match="SlowDown"):
        line.via.publisher().publish([entry])
    assert len(line.faults.broken) == 2

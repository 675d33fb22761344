"""A publication whose requests break, one after the other, in every way: after a retry ledger, objects and catalog agree."""

from collections.abc import Iterator

import pytest

from lakeworks.errors import TransientError
from tests.conftest import new_store
from tests.faults.fault_proxy import Kind, matching, proxy
from tests.faults.line import Line, every_request, run_at
from tests.lakeworks.ledger.test_publisher import LIVE, PARTITION, TABLE


@pytest.fixture
def line(moto_url: str) -> Iterator[Line]:
    with proxy(moto_url) as (url, faults):
        yield Line(new_store(moto_url), url, faults)


# `make chaos` runs every kind on every endpoint
@pytest.mark.parametrize("kind", ["500 after", "reset before", "reset after", "garbled"])
def test_whichever_request_of_a_publication_breaks_the_retry_finds_one_truth(line: Line, kind: Kind) -> None:
    steps = "list, read the ledger, look, ask the epoch, reserve, ask it again, look, copy, place, complete"
    assert every_request(line, kind) == len(steps.split(", ")), steps


@pytest.mark.parametrize("wanted", ["PUT .*_ledger.*0002", "PUT .*/part-00000"])
@pytest.mark.parametrize("kind", ["timeout after"])
def test_a_request_that_times_out_did_happen_or_did_not(moto_url: str, kind: Kind, wanted: str) -> None:
    with proxy(moto_url) as (url, faults):
        line = Line(new_store(moto_url), url, faults, patience=1)
        faults.stall = 1.5
        line.direct.publish("old", run_at(1))
        faults.choose(matching(wanted, kind))
        done = line.publish_broken("new", run_at(2))
        assert faults.broken
        line.check("old", "new", 2, done=done)


@pytest.mark.parametrize("kind", ["reset after"])
@pytest.mark.parametrize("write", ["reserve", "place", "complete"])
def test_a_conditional_write_that_boto3_repeats_is_recognised_as_our_own(moto_url: str, kind: Kind, write: str) -> None:
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
        line.check("old", "new", 2, done=True)


def test_a_listing_that_does_not_parse_is_an_error_of_the_tree(line: Line) -> None:
    line.direct.publish("old", run_at(1))
    line.faults.choose(matching("GET .*list-type", "garbled"))
    with pytest.raises(TransientError, match=r"Could not list.*_ledger"):
        line.via.ledger.sequence(TABLE, PARTITION)


def test_a_truncated_object_is_never_taken_for_whole(line: Line) -> None:
    line.direct.publish("x" * 10_000, run_at(1))
    for kind in ("truncated", "reset after"):
        line.faults.choose(matching("GET .*part-00000", kind))  # type: ignore[arg-type]
        with pytest.raises(TransientError, match="part-00000.*Run again"):
            line.via.store.get(LIVE)

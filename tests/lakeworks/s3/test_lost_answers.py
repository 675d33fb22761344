"""Conditional writes whose answer is lost or undecided: what took effect counts, and a conflict is asked again."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from lakeworks.core.placement_stamp import new_stamp
from lakeworks.errors import LakeNotFound, LostRace, SourceGone
from lakeworks.ledger.run_record import Run
from lakeworks.s3 import multipart
from lakeworks.s3.object_store import ObjectStore, StoredObject, Target
from tests.lakeworks.ledger.test_publisher import PARTITION, TABLE, Killed, Writer

RunAt = Callable[..., Run]
CONFLICT = b"<Error><Code>ConditionalRequestConflict</Code><Message>in progress</Message></Error>"


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of a few MiB are copied in parts."""
    monkeypatch.setattr(multipart, "SINGLE_REQUEST_BYTES", 1 << 20)
    monkeypatch.setattr(multipart, "_PART_BYTES", 5 << 20)


def lose_completions(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A completion takes effect, its answer is lost, and the repetition finds no upload."""
    complete = store.client.complete_multipart_upload

    def lost(**arguments: Any) -> Any:
        complete(**arguments)
        details: Any = {"Error": {"Code": "NoSuchUpload"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
        raise ClientError(details, "CompleteMultipartUpload")

    monkeypatch.setattr(store.client, "complete_multipart_upload", lost)


@pytest.mark.usefixtures("parts")
def test_a_completion_that_took_effect_counts_although_its_repetition_is_refused(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = store.put("staged", b"x" * (6 << 20))
    lose_completions(store, monkeypatch)
    placed = multipart.copy_object(store, source, Target("live", {"lakeworks-seq": "1"}, if_absent=True), new_stamp())
    found = store.head("live")
    assert found is not None
    assert (placed.version_id, placed.etag) == (found.version_id, found.etag)


@pytest.mark.usefixtures("parts")
def test_an_upload_that_another_process_ended_is_a_lost_race(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = store.put("staged", b"x" * (6 << 20))
    store.put(Target("live", {"lakeworks-seq": "7"}), b"theirs")

    def ended(**_: Any) -> Any:
        details: Any = {"Error": {"Code": "NoSuchUpload"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
        raise ClientError(details, "CompleteMultipartUpload")

    monkeypatch.setattr(store.client, "complete_multipart_upload", ended)
    with pytest.raises(LostRace, match="another process ended its upload"):
        multipart.copy_object(store, source, Target("live", {"lakeworks-seq": "1"}), new_stamp())
    assert store.get("live")[0] == b"theirs"


@pytest.mark.usefixtures("parts")
def test_a_roll_forward_does_not_give_up_what_went_live(
    store: ObjectStore, run_at: RunAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry became `abandoned` although its object was live: the ledger said 1, the plain path and Athena read 2."""
    writer = Writer(store)
    writer.publish("old", run_at(1))
    large = "x" * (6 << 20)
    with pytest.raises(Killed):
        writer.publish(large, run_at(2), die_at="place")
    lose_completions(store, monkeypatch)
    done = writer.publisher().recover(TABLE, PARTITION)
    assert done is not None
    assert (done.seq, done.state) == (2, "published")
    assert writer.live() == large


def test_only_a_missing_source_is_gone(store: ObjectStore) -> None:
    with pytest.raises(SourceGone):
        multipart.copy_object(store, StoredObject("gone", 1, ""), Target("live"), new_stamp())
    elsewhere = ObjectStore(store.client, "no-such-bucket-here")
    with pytest.raises(LakeNotFound, match="NoSuchBucket") as refused:
        multipart.copy_object(elsewhere, StoredObject("gone", 1, ""), Target("live"), new_stamp())
    assert not isinstance(refused.value, SourceGone), "a publication must not be given up for a wrong LAKE_BUCKET"


@pytest.mark.usefixtures("parts")
def test_a_source_that_is_cleared_between_two_parts_is_gone(store: ObjectStore) -> None:
    """Seed 2014404: the process that finished the publication cleared staging, and the other one's run failed for good."""
    store.put("staged", b"x" * (6 << 20))
    store.client.meta.events.register(
        "before-call.s3.CreateMultipartUpload", lambda **_: store.delete(["staged"]) and None
    )
    with pytest.raises(SourceGone):
        multipart.copy_object(store, StoredObject("staged", 6 << 20, ""), Target("live"), new_stamp())
    assert store.head("live") is None


@pytest.mark.parametrize(("conflicts", "outcome"), [(2, "written"), (9, "lost")])
def test_a_conflict_of_two_conditional_writes_is_asked_again(store: ObjectStore, conflicts: int, outcome: str) -> None:
    """S3 answers 409 while another write is under way; it was reported as a lost race, an Airflow retry of minutes."""
    asked = []

    def conflict(request: Any, **_: Any) -> AWSResponse | None:
        asked.append(request)
        if len(asked) > conflicts:
            return None
        response = AWSResponse(request.url, 409, {}, None)
        response._content = CONFLICT
        return response

    store.client.meta.events.register("before-send.s3.PutObject", conflict)
    if outcome == "written":
        store.put(Target("k", if_absent=True), b"rows")
        assert (store.get("k")[0], len(asked)) == (b"rows", 3)
    else:
        with pytest.raises(LostRace, match="Nothing was written"):
            store.put(Target("k", if_absent=True), b"rows")
        assert len(asked) == 4

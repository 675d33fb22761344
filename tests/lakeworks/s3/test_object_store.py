"""Conditional, checksummed, versioned objects: the same on three independent S3 implementations."""

import hashlib
import threading
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lakeworks.core.placement_stamp import new_stamp
from lakeworks.errors import LakeAccessDenied, LakeError, LakeNotFound, LakeUnavailable, LostRace, StagedChanged
from lakeworks.s3 import multipart
from lakeworks.s3.object_store import SHA256, ObjectStore, StoredObject, Target
from lakeworks.s3.requests import sha256_base64
from tests.conftest import client, new_store


def test_only_one_of_many_writers_takes_an_absent_key(any_store: ObjectStore) -> None:
    outcomes: list[str] = []

    def write(number: int) -> None:
        try:
            any_store.put(Target("k", if_absent=True), str(number).encode())
            outcomes.append(f"won {number}")
        except LostRace:
            outcomes.append("lost")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if outcome != "lost"]
    assert len(winners) == 1
    assert any_store.get("k")[0].decode() == winners[0].removeprefix("won ")


def test_a_changed_or_missing_object_is_not_overwritten(any_store: ObjectStore) -> None:
    first = any_store.put("k", b"one")
    any_store.put(Target("k", if_match=first.etag), b"two")
    with pytest.raises(LostRace, match="changed by another writer"):
        any_store.put(Target("k", if_match=first.etag), b"three")
    with pytest.raises(LostRace):
        any_store.put(Target("missing", if_match=first.etag), b"three")
    assert any_store.get("k")[0] == b"two"


def test_an_old_version_stays_readable_whole_and_by_range(any_store: ObjectStore) -> None:
    first = any_store.put("k", b"0123456789")
    any_store.put("k", b"abcdefghij")
    assert any_store.get("k", first.version_id)[0] == b"0123456789"
    assert any_store.get_range("k", 2, 3, first.version_id) == b"234"
    assert any_store.get_range("k", 2, 3) == b"cde"


def test_a_copy_keeps_its_condition_and_metadata(any_store: ObjectStore) -> None:
    source = any_store.put("staged", b"rows")
    placed = multipart.copy_object(
        any_store, source, Target("live", {"lakeworks-seq": "1"}, if_absent=True), new_stamp()
    )
    found = any_store.head("live")
    assert found is not None
    assert (found.metadata["lakeworks-seq"], found.version_id) == ("1", placed.version_id)
    with pytest.raises(LostRace):
        multipart.copy_object(any_store, source, Target("live", {"lakeworks-seq": "2"}, if_absent=True), new_stamp())
    with pytest.raises(LakeNotFound):
        multipart.copy_object(any_store, StoredObject("gone", 1, ""), Target("live2"), new_stamp())


@pytest.mark.parametrize("single", [True, False])
def test_an_object_that_was_changed_since_it_was_written_is_not_copied(
    any_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, single: bool
) -> None:
    """It went live with the old digest in its metadata and in the ledger, and `verify` compares only those."""
    body = bytes(range(256)) * (6 << 12)
    if not single:
        monkeypatch.setattr(multipart, "SINGLE_REQUEST_BYTES", 5 << 20)
        monkeypatch.setattr(multipart, "_PART_BYTES", 5 << 20)
    meant = {SHA256: hashlib.sha256(body).hexdigest()}
    staged = any_store.put(Target("staged", meant), body)
    source = StoredObject("staged", staged.size, "", None, meant)
    multipart.copy_object(any_store, source, Target("live"), new_stamp())
    any_store.put("staged", body[::-1])
    with pytest.raises(StagedChanged, match=r"staged` is no longer the object.*another program changed it"):
        multipart.copy_object(any_store, source, Target("live"), new_stamp())
    assert any_store.get("live")[0] == body


@pytest.mark.parametrize(("server", "refuses"), [("ministack", True), ("seaweed", True), ("moto", False)])
def test_bytes_that_are_not_what_was_sent_are_refused_on_arrival(
    request: pytest.FixtureRequest, server: str, refuses: bool
) -> None:
    """Every write sends its SHA-256; moto 5.2 stores whatever comes. If it refuses one day, the table in the docs is to follow."""
    store = new_store(request.getfixturevalue(f"{server}_url"))
    refused = None
    try:
        store.client.put_object(**store.place("k"), Body=b"rows", ChecksumSHA256=sha256_base64(b"what was sent"))
    except ClientError as error:
        refused = error.response["Error"]["Code"]
    assert refused == ("BadDigest" if refuses else None)
    assert (store.head("k") is None) == refuses


def test_what_is_written_carries_its_digest_so_that_changed_bytes_are_refused(ministack_url: str) -> None:
    store = new_store(ministack_url)
    store.client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: {**params, "Body": b"changed"}
    )
    with pytest.raises(LakeError, match="BadDigest"):
        store.put("k", b"what was sent")
    assert store.head("k") is None


def test_large_files_go_in_parts_and_come_back_the_same(
    any_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "SINGLE_REQUEST_BYTES", 6 << 20)
    monkeypatch.setattr(multipart, "_PART_BYTES", 5 << 20)
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * (13 << 12))  # 13 MiB: three parts
    stored = multipart.upload_file(any_store, path, Target("large", {"a": "b"}))
    multipart.copy_object(any_store, stored, Target("copy", {"lakeworks-seq": "7"}, if_absent=True), new_stamp())
    assert any_store.get("copy")[0] == path.read_bytes()
    with pytest.raises(LostRace):
        multipart.copy_object(any_store, stored, Target("copy", if_absent=True), new_stamp())
    back = tmp_path / "back"
    any_store.download("large", back)
    assert back.read_bytes() == path.read_bytes()


def test_a_failed_upload_leaves_no_parts_behind(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "SINGLE_REQUEST_BYTES", 1 << 20)
    path = tmp_path / "large"
    path.write_bytes(b"x" * (20 << 20))
    sent = 0

    def cut(**_: object) -> None:
        nonlocal sent
        sent += 1
        if sent == 2:
            raise ConnectionError("cable pulled")

    store.client.meta.events.register("before-send.s3.UploadPart", cut)
    with pytest.raises(Exception, match="cable pulled"):
        multipart.upload_file(store, path, Target("large"))
    store.client.meta.events.unregister("before-send.s3.UploadPart", cut)
    assert store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", []) == []
    assert store.head("large") is None


def test_listing_and_deleting_go_beyond_one_page(store: ObjectStore) -> None:
    keys = [f"many/{n:04d}" for n in range(1100)]
    store.map(lambda key: store.put(key, b""), keys)
    assert [item.key for item in store.scan("many/")] == keys
    assert store.delete(keys) == 1100
    assert list(store.scan("many/")) == []


def test_wrong_credentials_say_so(seaweed_url: str) -> None:
    good = new_store(seaweed_url)
    bad = client("s3", seaweed_url)
    bad._request_signer._credentials.secret_key = "wrong"  # a rotated key: same id, other secret
    with pytest.raises(LakeAccessDenied, match=r"SignatureDoesNotMatch.*Check the credentials"):
        ObjectStore(bad, good.bucket).get("k")


def test_a_missing_bucket_says_how_to_make_it(moto_url: str) -> None:
    with pytest.raises(LakeNotFound, match="lake_bootstrap"):
        ObjectStore(client("s3", moto_url), "no-such-bucket").get("k")


def test_an_endpoint_that_is_down_is_transient(moto_url: str) -> None:
    with pytest.raises(LakeUnavailable, match="Run again"):
        ObjectStore(client("s3", "http://127.0.0.1:9"), "bucket").put("k", b"")


class RefusingClient:
    """S3 as it answers a batch delete without permission: 200, and an error a key."""

    def __init__(self, code: str) -> None:
        self.code = code

    def delete_objects(self, **_: object) -> dict[str, object]:
        return {"Errors": [{"Key": "_staging/a", "Code": self.code, "Message": "no"}]}


def test_a_delete_that_is_not_allowed_is_not_tried_again() -> None:
    for code, error in (("AccessDenied", LakeAccessDenied), ("SlowDown", LakeUnavailable)):
        with pytest.raises(error, match=rf"1 of 2 objects were not deleted, first .*_staging/a.*{code}"):
            ObjectStore(RefusingClient(code), "bucket").delete(["_staging/a", "_staging/b"])  # type: ignore[arg-type]


@pytest.mark.parametrize(("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409)])
def test_a_write_that_meets_another_is_a_lost_race(code: str, status: int) -> None:
    """Only real S3 answers 409, while another conditional write to the key is under way."""

    class Busy:
        def put_object(self, **_: object) -> None:
            details = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(details, "PutObject")  # type: ignore[arg-type]

    with pytest.raises(LostRace, match="changed by another writer meanwhile. Nothing was written"):
        ObjectStore(Busy(), "bucket").put(Target("k", if_absent=True), b"")  # type: ignore[arg-type]


def test_every_part_of_a_copy_is_bound_to_the_object_that_was_looked_at(
    ministack_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last part is read and sent, for its stamp. The emulators ignore the header on part copies; S3 refuses a part of a source that was exchanged meanwhile."""
    monkeypatch.setattr(multipart, "SINGLE_REQUEST_BYTES", 1000)
    monkeypatch.setattr(multipart, "_PART_BYTES", 1000)
    store, sent = new_store(ministack_url), []
    source = store.put("source", b"x" * 2500)
    store.client.meta.events.register(
        "provide-client-params.s3.UploadPartCopy", lambda params, **_: sent.append(params)
    )
    store.client.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: sent.append({"CopySourceIfMatch": params["IfMatch"]})
    )
    multipart.copy_object(store, source, Target("copy"), new_stamp())
    assert [part["CopySourceIfMatch"] for part in sent] == [source.etag] * 3

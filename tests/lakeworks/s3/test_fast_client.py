"""The shortcut for whole objects: the same objects as boto3 writes, on every S3, and boto3's behaviour where it fails."""

import os
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lakeworks.errors import LakeAccessDenied, LakeNotFound, LakeUnavailable
from lakeworks.s3.fast_client import FastS3Client
from lakeworks.s3.object_store import ObjectStore, StoredObject, Target
from tests.conftest import KEYS, client, new_store
from tests.faults.fault_proxy import Faults, nth, proxy

pytestmark = pytest.mark.integration
KEY = "silver/a/symbol=%20ä (1)+&/part-00000.parquet"
METADATA = {"lakeworks-sha256": "abc", "lakeworks-rows": "12"}


def quick(store: ObjectStore) -> ObjectStore:
    found = FastS3Client.of(store.client)
    assert found is not None
    return ObjectStore(store.client, store.bucket, store.threads, fast_client=found)


def used(store: ObjectStore) -> bool:
    return store.fast_client is not None and store.fast_client.carried > 0


def without_name(item: StoredObject) -> StoredObject:
    return replace(item, key="", version_id="some" if item.version_id else None, modified=None)


def test_it_writes_what_boto3_writes(any_store: ObjectStore) -> None:
    fast = quick(any_store)
    by_boto = any_store.put(Target(KEY, METADATA), b"rows")
    by_shortcut = fast.put(Target(f"{KEY}.2.parquet", METADATA), b"rows")
    assert used(fast)
    assert without_name(by_shortcut) == without_name(by_boto)
    heads = [
        any_store.client.head_object(**any_store.place(key), ChecksumMode="ENABLED")
        for key in (KEY, f"{KEY}.2.parquet")
    ]
    facts = ("ContentLength", "ContentType", "ETag", "Metadata", "ChecksumSHA256")
    assert [heads[1].get(name) for name in facts] == [heads[0].get(name) for name in facts]
    assert {item.key for item in any_store.scan("silver/")} == {KEY, f"{KEY}.2.parquet"}


def test_it_reads_what_boto3_reads_at_any_version(any_store: ObjectStore) -> None:
    fast = quick(any_store)
    first = any_store.put(Target(KEY, METADATA), b"old")
    any_store.put(Target(KEY, METADATA), b"new")
    assert (fast.get(KEY), fast.get(KEY, first.version_id)) == (
        any_store.get(KEY),
        any_store.get(KEY, first.version_id),
    )
    assert fast.get(KEY, first.version_id)[0] == b"old"
    assert used(fast)


def test_the_client_decides_not_the_environment(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_ENDPOINT_URL_S3 sent the shortcut elsewhere than the client that was handed in."""
    said = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_SKIP_SIGNATURE": "true",
        "AWS_ACCESS_KEY_ID": "other", "AWS_SECRET_ACCESS_KEY": "other", "AWS_SESSION_TOKEN": "other", "AWS_REGION": "eu-west-1",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true", "AWS_UNSIGNED_PAYLOAD": "true", "AWS_BUCKET": "other",
    }  # fmt: skip
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    fast = quick(store)
    fast.put(KEY, b"rows")
    assert used(fast)
    assert store.get(KEY)[0] == b"rows"


def test_conditional_writes_stay_with_boto3(store: ObjectStore) -> None:
    fast = quick(store)
    fast.put(Target("k", if_absent=True), b"1")
    assert not used(fast)


def test_errors_are_boto3s(moto_url: str) -> None:
    store = new_store(moto_url)
    with pytest.raises(LakeNotFound, match="NoSuchKey"):
        quick(store).get("nothing")
    gone = ObjectStore(store.client, "no-such-bucket", fast_client=FastS3Client.of(store.client))
    with pytest.raises(LakeNotFound, match="lake_bootstrap"):
        gone.put("k", b"")
    nobody = client("s3", "http://127.0.0.1:9")
    with pytest.raises(LakeUnavailable, match="Could not write"):
        ObjectStore(nobody, "bucket", fast_client=FastS3Client.of(nobody)).put("k", b"")


def test_an_object_that_is_not_there_is_asked_for_once(any_store: ObjectStore) -> None:
    """The document of the epoch is missing in most lakes, and every publication asks for it twice."""
    store, by_boto3 = quick(any_store), list[str]()
    store.client.meta.events.register("before-send.s3", lambda event_name, **_: by_boto3.append(event_name))
    store.put("rows/there", b"rows")
    store.get("rows/there")
    with pytest.raises(LakeNotFound, match=r"Could not read `s3://.*/rows/missing`.*NoSuchKey"):
        store.get("rows/missing")
    assert by_boto3 == []
    assert store.fast_client
    assert store.fast_client.requests.now() == (1, 2)


def test_wrong_credentials_raise_the_error_that_boto3_raises(seaweed_url: str) -> None:
    store = new_store(seaweed_url)
    wrong = boto3.client(
        "s3", endpoint_url=seaweed_url, region_name="us-east-1", aws_access_key_id="nobody", aws_secret_access_key="x",
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    with pytest.raises(LakeAccessDenied, match="InvalidAccessKeyId"):
        quick(ObjectStore(wrong, store.bucket)).put("k", b"")


@pytest.fixture
def broken(seaweed_url: str) -> Iterator[tuple[str, Faults]]:
    with proxy(seaweed_url) as found:
        yield found


@pytest.mark.parametrize("kind", ["500 before", "500 after", "503 before", "reset before", "reset after", "truncated"])
def test_a_request_that_breaks_is_made_again_by_boto3(seaweed_url: str, broken: tuple[str, Faults], kind: Any) -> None:
    store, (url, faults) = new_store(seaweed_url), broken
    fast = quick(ObjectStore(client("s3", url), store.bucket))
    faults.choose(nth(1, kind))
    fast.put(Target(KEY, METADATA), b"rows")
    assert store.get(KEY)[0] == b"rows"
    assert [request.method for request in faults.seen] == ["PUT", "PUT"]
    faults.choose(nth(1, kind))
    assert fast.get(KEY)[0] == b"rows"
    assert [request.method for request in faults.seen] == ["GET", "GET"]
    assert not used(fast)


def test_after_three_failures_in_a_row_it_is_left_alone(moto_url: str) -> None:
    """Not each of a million objects shall be tried twice."""
    store = quick(ObjectStore(client("s3", moto_url), "nowhere"))
    for _ in range(5):
        with pytest.raises(LakeNotFound):
            store.put("k", b"")
    assert store.fast_client is not None
    assert store.fast_client.failures == 3


@pytest.mark.parametrize(
    "config",
    [
        Config(proxies={"http": "http://127.0.0.1:9"}),
        Config(s3={"use_accelerate_endpoint": True}),
    ],
)
def test_what_only_boto3_understands_goes_through_boto3(config: Config) -> None:
    assert FastS3Client.of(boto3.client("s3", region_name="us-east-1", config=config, **KEYS)) is None


def test_another_authority_than_the_systems_goes_through_boto3() -> None:
    own = boto3.client("s3", region_name="us-east-1", verify="/nowhere/own-ca.pem", **KEYS)
    assert FastS3Client.of(own) is None


def _put(store: ObjectStore) -> None:
    store.put("child", b"1")
    os._exit(0 if store.get("child")[0] == b"1" else 1)


def test_a_process_forked_after_it_was_used_still_writes(store: ObjectStore) -> None:
    """Its threads do not live through a fork: the child would wait for ever."""
    fast = quick(store)
    fast.put("parent", b"1")
    assert used(fast)
    child = get_context("fork").Process(target=_put, args=(fast,))
    child.start()
    child.join(30)
    assert child.exitcode == 0

"""Headers that a company's bucket policies require: encryption on every write, the bucket's owner on every request."""

from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from lakeworks.s3.fast_client import FastS3Client
from lakeworks.s3.object_store import ObjectStore, Target
from lakeworks.s3.request_headers import RequestHeaders
from tests.conftest import KEYS, client

KEY = "arn:aws:kms:us-east-1:123456789012:key/lake"


@pytest.fixture
def bucket() -> str:
    """A name for a bucket of its own."""
    return f"headers-{uuid4().hex[:12]}"


def lake(url: str, bucket: str, headers: RequestHeaders) -> ObjectStore:
    s3 = client("s3", url)
    s3.create_bucket(Bucket=bucket)
    return ObjectStore(headers.on(s3), bucket, 2, fast_client=FastS3Client.of(s3, headers))


@pytest.mark.integration
def test_every_kind_of_write_names_the_key(moto_url: str, bucket: str) -> None:
    """A bucket policy may refuse a PUT without the header: then nothing could be written at all."""
    store = lake(moto_url, bucket, RequestHeaders({bucket}, "aws:kms", KEY))
    store.put(Target("whole"), b"by the compiled client")
    assert store.fast_client is not None
    assert store.fast_client.carried == 1
    store.put(Target("conditional", if_absent=True), b"by boto3")
    store.put(Target("placed", if_absent=True), b"a")
    upload = store.client.create_multipart_upload(Bucket=bucket, Key="upload")["UploadId"]
    part = store.client.upload_part(Bucket=bucket, Key="upload", UploadId=upload, PartNumber=1, Body=b"a")
    parts: Any = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    store.client.complete_multipart_upload(Bucket=bucket, Key="upload", UploadId=upload, MultipartUpload=parts)
    for key in ("whole", "conditional", "placed", "upload"):
        head = store.client.head_object(Bucket=bucket, Key=key)
        assert (head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")) == ("aws:kms", KEY), key


@pytest.mark.integration
def test_every_request_to_the_lakes_buckets_names_their_owner(moto_url: str, bucket: str) -> None:
    """A bucket that is made again by another account must not get the lake's data."""
    store = lake(moto_url, bucket, RequestHeaders({bucket}, owner="123456789012"))
    assert store.fast_client is None, "the compiled client cannot sign the header"
    sent: list[tuple[str, str | None, str | None]] = []

    def hear(request: Any, **_: Any) -> None:
        name = "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"
        own, source = (request.headers.get(header) for header in name)
        text = [value.decode() if isinstance(value, bytes) else value for value in (own, source)]
        sent.append((request.method, *text))

    store.client.meta.events.register("before-send.s3", hear)
    store.put(Target("a"), b"1")
    store.get("a")
    list(store.scan(""))
    store.client.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    store.delete(["a"])
    owner = "123456789012"
    assert {(own, source) for _, own, source in sent} == {(owner, None), (owner, owner)}
    sent.clear()
    store.client.list_buckets()
    client("s3", moto_url).create_bucket(Bucket=f"{bucket}-theirs")
    store.client.put_object(Bucket=f"{bucket}-theirs", Key="x", Body=b"1")
    assert {own for _, own, _ in sent} == {None}, "an export may go to another account's bucket"


@pytest.mark.parametrize(
    ("settings", "config", "endpoint", "is_virtual"),
    [
        ({}, {}, "https://my-lake.s3.us-east-1.amazonaws.com", True),
        ({}, {"use_fips_endpoint": True}, "https://my-lake.s3-fips.us-east-1.amazonaws.com", True),
        ({"endpoint_url": "https://s3.example.com"}, {}, "https://s3.example.com", False),
        ({"endpoint_url": "https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com"}, {}, "", False),
        (
            {"endpoint_url": "https://s3.example.com"},
            {"s3": {"addressing_style": "virtual"}},
            "https://my-lake.s3.example.com",
            True,
        ),
        ({}, {"s3": {"addressing_style": "path"}}, "https://s3.us-east-1.amazonaws.com", False),
    ],
)
def test_the_compiled_client_asks_at_botocores_address(
    settings: dict[str, str], config: dict[str, Any], endpoint: str, is_virtual: bool
) -> None:
    """It asked an own endpoint at `my-lake.s3.example.com`: three failed requests a process, then boto3 for ever."""
    one_region = {**config, "s3": {"us_east_1_regional_endpoint": "regional", **config.get("s3", {})}}
    s3 = boto3.client("s3", region_name="us-east-1", config=Config(**one_region), **KEYS, **settings)
    fast = FastS3Client.of(s3)
    assert fast is not None
    store = fast._made("my-lake")
    expected = endpoint or settings["endpoint_url"]
    assert store.config["endpoint"] == expected
    assert str(store.config["virtual_hosted_style_request"]).lower() == str(is_virtual).lower()

"""A page of a listing that is read quickly is what botocore makes of it: on three S3 servers, and for any page of XML."""

import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.errors import LakeNotFound
from lakeworks.s3.listing_pages import quick_listings
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import KEYS as CREDENTIALS
from tests.conftest import client

# what keys may hold, and what breaks a listing that splits, encodes or trims them
KEYS = (
    "plain/a", "folder/", "two//slashes", "/first", "a/../b", "a/./b", "sp ace/x+y=z", "per%20cent%2Fs", "ampersand&<less>\"quoted'",
    "year=2019/month=01", "ünïcode/日本", "emoji/🚕", "tab\there", "star*?[x]", "~tilde", "#hash", "semi;colon:at@",
)  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="￾￿"), max_size=8)
OWNER = st.builds(
    "<Owner><ID>{}</ID><DisplayName>{}</DisplayName></Owner>".format, TEXTS.map(escape), TEXTS.map(escape)
)
MEMBERS = {
    "Key": TEXTS.map(escape),
    "LastModified": st.sampled_from(["2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05+02:00", "Fri, 02 Jan 2026 03:04:05 GMT"]),
    "ETag": st.sampled_from(["&quot;abc&quot;", '"abc-2"', ""]),
    "Size": st.integers(0, 5 << 40).map(str),
    "StorageClass": st.sampled_from(["STANDARD", "GLACIER", ""]),
    "ChecksumAlgorithm": st.sampled_from(["SHA256", "CRC64NVME"]),
    "ChecksumType": st.just("FULL_OBJECT"),
    "New": TEXTS.map(escape),
}  # fmt: skip
BREAKING = st.sampled_from(["<Size>many</Size>", "<LastModified>soon</LastModified>", "<Contents>", "<RestoreStatus/>"])


@st.composite
def pages(draw: st.DrawFn) -> bytes:
    """Pages of known and unknown members, in any order, some broken."""
    rare = draw(st.sampled_from(["", "", "", "New", "broken"]))
    items = []
    for _ in range(draw(st.integers(0, 3))):
        names = draw(st.permutations([name for name in MEMBERS if name != "New"]))
        chosen = ["Key", *(name for name in names if name != "Key" and draw(st.booleans())), *(["New"] if rare == "New" else [])]  # fmt: skip
        texts = [f"<{name}>{draw(MEMBERS[name])}</{name}>" for name in chosen]
        texts += [draw(OWNER)] if draw(st.booleans()) else []
        texts += ["<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"] if draw(st.booleans()) else []
        items.append(f"<Contents>{''.join(texts)}{draw(BREAKING) if rare == 'broken' else ''}</Contents>")
    space = draw(st.sampled_from(["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"']))
    encoding = draw(st.sampled_from(["", "<EncodingType>url</EncodingType>"]))
    folders = draw(st.lists(TEXTS.map(escape), max_size=2))
    head = f"<Name>b</Name><Prefix>{draw(TEXTS.map(escape))}</Prefix><IsTruncated>false</IsTruncated><KeyCount>{len(items)}</KeyCount>{encoding}"
    tail = "".join(f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders)
    root = draw(st.sampled_from(["ListBucketResult", "ListBucketResult", "Error"]))
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}{space}>{head}{"".join(items)}{tail}</{root}>'.encode()


class _Raw:
    """The body of an answer that no server sends."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self) -> list[bytes]:
        return [self.body]


def answering(s3: Any) -> Callable[[int, bytes], Any]:
    """Lists with a client that gets given answers; returns the listing, or the error."""
    held: dict[str, Any] = {}

    def answer(**_: Any) -> AWSResponse:
        return AWSResponse("http://s3", held["status"], {}, _Raw(held["body"]))

    s3.meta.events.register("before-send.s3", answer)

    def listed(status: int, body: bytes) -> Any:
        held.update(status=status, body=body)
        try:
            answer = s3.list_objects_v2(Bucket="bucket")
        except (ClientError, ResponseParserError, ValueError, TypeError) as error:
            return type(error), re.sub("0x[0-9a-f]+", "", str(error))
        answer.pop("ResponseMetadata")
        return answer

    return listed


@pytest.fixture(scope="module")
def both() -> tuple[Callable[[int, bytes], Any], Callable[[int, bytes], Any]]:
    # an error in an answer of status 200 is asked for again: no test waits for that
    once = Config(retries={"total_max_attempts": 1})
    plain, quick = (boto3.client("s3", endpoint_url="http://127.0.0.1:1", config=once, **CREDENTIALS) for _ in range(2))
    return answering(plain), answering(quick_listings(quick))


@given(page=pages())
def test_any_page_reads_as_by_botocore(both: Any, page: bytes) -> None:
    plain, quick = both
    assert quick(200, page) == plain(200, page)


@pytest.mark.parametrize("status", [403, 404])
def test_an_error_reads_as_by_botocore(both: Any, status: int) -> None:
    plain, quick = both
    body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    assert quick(status, body) == plain(status, body) != {}


@pytest.mark.parametrize("body", [b"", b"<ListBucketResult><Contents>", b"not xml"])
def test_a_page_that_is_cut_off_fails_as_with_botocore(both: Any, body: bytes) -> None:
    plain, quick = both
    assert quick(200, body) == plain(200, body)


@pytest.mark.parametrize("member", ["<Size>1</Size>", "<LastModified>2026-01-02T03:04:05Z</LastModified>"])
def test_a_member_twice_reads_as_by_botocore(both: Any, member: str) -> None:
    plain, quick = both
    page = f"<ListBucketResult><Contents>{member}{member}</Contents></ListBucketResult>".encode()
    assert quick(200, page) == plain(200, page)


def listing(s3: Any, **call: Any) -> list[dict[str, Any]]:
    """Every page of a listing, without what a server says of the request."""
    pages = s3.get_paginator("list_objects_v2").paginate(**call)
    return [{name: value for name, value in page.items() if name != "ResponseMetadata"} for page in pages]


def test_servers_pages_read_as_by_botocore(any_store: ObjectStore) -> None:
    url = any_store.client.meta.endpoint_url
    stored = []
    for key in KEYS:
        try:
            any_store.client.put_object(Bucket=any_store.bucket, Key=key, Body=key.encode())
            stored.append(key)
        except ClientError:  # a server that keeps objects in files has no such name
            continue
    assert len(stored) > len(KEYS) / 2
    plain, quick = client("s3", url), quick_listings(client("s3", url))
    left: list[bytes] = []
    quick.meta.events.register_last(
        "before-parse.s3.ListObjectsV2", lambda response_dict, **_: left.append(response_dict["body"])
    )
    for call in (
        {},
        {"Prefix": "two/"},
        {"Prefix": "y"},
        {"Delimiter": "/"},
        {"StartAfter": "plain/a"},
        {"FetchOwner": True},
    ):
        for size in (2, 1000):
            asked = {"Bucket": any_store.bucket, "PaginationConfig": {"PageSize": size}, **call}
            # a token is the server's own, and may be another each time
            assert _same(listing(quick, **asked)) == _same(listing(plain, **asked)), call
    assert not [body for body in left if b"Contents" in body], "every page was read here, not by botocore"


def _same(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in page.items() if "Token" not in name} for page in pages]


def test_a_missing_bucket_is_the_same_error(moto_url: str) -> None:
    said = []
    for s3 in (client("s3", moto_url), quick_listings(client("s3", moto_url))):
        with pytest.raises(LakeNotFound) as error:
            [*ObjectStore(s3, "not-there").scan("silver/")]
        said.append(str(error.value))
    assert said[0] == said[1]

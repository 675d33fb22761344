"""A page of partitions that is read quickly is what botocore makes of it: for any page of JSON, and of servers."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import example, given
from hypothesis import strategies as st

from lakeworks.catalog.partition_pages import quick_partitions
from tests.conftest import KEYS, client
from tests.support.glue_server import serving_glue

TEXTS = st.text(max_size=6)
MAPS = st.dictionaries(TEXTS, TEXTS, max_size=2)
COLUMN = st.fixed_dictionaries(
    {"Name": TEXTS}, optional={"Type": TEXTS, "Comment": st.none() | TEXTS, "Parameters": MAPS, "New": TEXTS}
)
STORAGE = st.fixed_dictionaries(
    {},
    optional={
        "Columns": st.lists(COLUMN, max_size=2) | st.none(), "Location": TEXTS, "Compressed": st.booleans(), "NumberOfBuckets": st.integers(-1, 9),
        "SerdeInfo": st.fixed_dictionaries({}, optional={"Name": TEXTS, "Parameters": MAPS, "New": st.integers()}) | st.none(),
        "BucketColumns": st.lists(TEXTS, max_size=2), "SortColumns": st.lists(st.builds(dict, Column=TEXTS, SortOrder=st.integers(0, 1)), max_size=1),
        "SkewedInfo": st.builds(dict, SkewedColumnValueLocationMaps=MAPS), "StoredAsSubDirectories": st.none(), "New": st.builds(dict, a=TEXTS),
    },
)  # fmt: skip
PARTITION = st.fixed_dictionaries(
    {"Values": st.lists(TEXTS, max_size=2)},
    optional={
        "CreationTime": st.integers(0, 1 << 31) | st.floats(0, 1 << 31) | st.just("2026-01-02T03:04:05Z"), "LastAccessTime": st.none(),
        "Parameters": MAPS | st.none(), "StorageDescriptor": STORAGE | st.none(), "DatabaseName": TEXTS, "New": TEXTS,
    },
)  # fmt: skip
PAGE = st.fixed_dictionaries(
    {}, optional={"Partitions": st.lists(PARTITION, max_size=3) | st.none() | st.just("x"), "NextToken": TEXTS}
)


class _Raw:
    """The body of an answer that no server sends."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self) -> list[bytes]:
        return [self.body]


def answering(glue: Any) -> Callable[[int, bytes], Any]:
    """Lists with a client that gets given answers; returns the page, or the kind of error."""
    held: dict[str, Any] = {}

    def answer(**_: Any) -> AWSResponse:
        return AWSResponse("http://glue", held["status"], {}, _Raw(held["body"]))

    glue.meta.events.register("before-send.glue", answer)

    def listed(status: int, body: bytes) -> Any:
        held.update(status=status, body=body)
        try:
            page = glue.get_partitions(DatabaseName="d", TableName="t")
        except (ClientError, BotoCoreError, ValueError, AttributeError, TypeError) as error:
            return type(error), str(error)
        page.pop("ResponseMetadata")
        return page

    return listed


@pytest.fixture(scope="module")
def both() -> tuple[Callable[[int, bytes], Any], Callable[[int, bytes], Any]]:
    once = Config(retries={"total_max_attempts": 1})
    plain, quick = (boto3.client("glue", endpoint_url="http://127.0.0.1:1", config=once, **KEYS) for _ in range(2))
    return answering(plain), answering(quick_partitions(quick))


@given(page=PAGE)
@example(page={"Partitions": [{"Values": ["a"], "Parameters": None}]})
@example(page={"Partitions": [{"Values": ["a"], "StorageDescriptor": {"Columns": [{"Name": "id", "Comment": None}]}}]})
@example(page={"Partitions": [{"Values": ["a"], "LastAccessTime": None, "StorageDescriptor": {"Columns": None}}]})
def test_any_page_reads_as_by_botocore(both: Any, page: dict[str, Any]) -> None:
    plain, quick = both
    body = json.dumps(page).encode()
    assert quick(200, body) == plain(200, body)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"__type": "EntityNotFoundException", "message": "no"}'), (503, b""), (200, b""), (200, b'{"Partitions": [{'),
        (200, b"[]"), (200, b'{"Partitions": [{"Values": ["a"], "CreationTime": "soon"}]}'),
    ],
)  # fmt: skip
def test_what_is_no_page_reads_as_by_botocore(both: Any, status: int, body: bytes) -> None:
    plain, quick = both
    assert quick(status, body) == plain(status, body)


def _filled(glue: Any) -> None:
    column = {"Name": "day", "Type": "string"}
    storage = {"Columns": [{"Name": "id", "Type": "bigint", "Comment": "key"}], "Location": "s3://b/t/"}
    glue.create_database(DatabaseInput={"Name": "pages"})
    glue.create_table(
        DatabaseName="pages", TableInput={"Name": "t", "PartitionKeys": [column], "StorageDescriptor": storage}
    )
    for value in ("a b/c", "ünï", '"quoted"', "null"):
        item = {"Values": [value], "StorageDescriptor": storage, "Parameters": {"lakeworks.entry": "null"}}
        glue.batch_create_partition(DatabaseName="pages", TableName="t", PartitionInputList=[item])


def _assert_reads_alike(url: str) -> None:
    plain, quick = client("glue", url), quick_partitions(client("glue", url))
    _filled(plain)
    left: list[bytes] = []
    quick.meta.events.register_last(
        "before-parse.glue.GetPartitions", lambda response_dict, **_: left.append(response_dict["body"])
    )
    asked = {"DatabaseName": "pages", "TableName": "t", "PaginationConfig": {"PageSize": 3}}
    pages = [
        [item for page in glue.get_paginator("get_partitions").paginate(**asked) for item in page["Partitions"]]
        for glue in (plain, quick)
    ]
    assert pages[0] == pages[1]
    assert len(pages[1]) == 4
    assert left, "no page was seen"
    assert not [body for body in left if b"Partitions" in body], "every page was read here, not by botocore"


def test_a_strict_servers_pages_read_as_by_botocore() -> None:
    with serving_glue() as (_, url):
        _assert_reads_alike(url)


@pytest.mark.parametrize("server", ["moto", "ministack"])
def test_emulators_pages_read_as_by_botocore(server: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(f"{server}_url")
    glue = client("glue", url)
    if "pages" in {database["Name"] for database in glue.get_databases()["DatabaseList"]}:
        glue.delete_database(Name="pages")
    _assert_reads_alike(url)

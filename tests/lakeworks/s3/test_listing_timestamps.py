"""Whatever form a timestamp comes in, the quick reader and botocore's own agree."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.utils import parse_timestamp

from lakeworks.s3.listing_pages import quick_timestamps, timestamp
from tests.conftest import client, new_store


@pytest.mark.parametrize(
    "value",
    ["2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00", "Fri, 02 Jan 2026 03:04:05 GMT", 1767323045, 1767323045.5],
)  # fmt: skip
def test_both_readers_agree(value: Any) -> None:
    assert timestamp(value) == parse_timestamp(value)


def test_a_client_reads_a_listing_and_a_header_with_it(moto_url: str) -> None:
    store = new_store(moto_url)
    assert quick_timestamps(store.client) is store.client
    store.put("a", b"x")
    (item,) = store.scan("")
    assert item.modified is not None
    assert item.modified.tzinfo is UTC, "the standard library's own zone: the quick reader was asked"
    assert abs((datetime.now(UTC) - item.modified).total_seconds()) < 60
    assert store.client.head_object(Bucket=store.bucket, Key="a")["LastModified"] == item.modified.replace(
        microsecond=0
    )


def test_what_is_no_client_stays_as_it_is() -> None:
    assert quick_timestamps("anything") == "anything"
    assert client("glue", "http://127.0.0.1:1").meta.endpoint_url == "http://127.0.0.1:1"

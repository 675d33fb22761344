"""The clock of an S3 endpoint moved forward: what the lake writes today is years old for its maintenance."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from lakeworks.s3.object_store import ObjectStore


@contextmanager
def days_later(store: ObjectStore, days: float) -> Iterator[None]:
    """Answers of this store's client carry a date so many days ahead; objects keep the times they were written at."""

    def move(parsed: dict[str, Any], **_: Any) -> None:
        headers = parsed["ResponseMetadata"]["HTTPHeaders"]
        headers["date"] = format_datetime(parsedate_to_datetime(headers["date"]) + timedelta(days=days), usegmt=True)

    events = store.client.meta.events
    events.register("after-call.s3.ListObjectsV2", move)
    try:
        yield
    finally:
        events.unregister("after-call.s3.ListObjectsV2", move)

"""Producers and consumers of a stream under exactly their policy; with one action less, the failure names it."""

import json
import re
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lakeworks.core.partition import Period
from lakeworks.errors import LakeAccessDenied, LeaseLost
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.resources.streams.stream import StreamTable
from lakeworks.permissions.aws_call import Purpose
from lakeworks.s3.object_store import ObjectStore
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.live.live_view import LiveView
from lakeworks.streaming.producer import Producer
from lakeworks.streaming.stream_place import StreamPlace
from lakeworks.streaming.windows import close_hour
from tests.conftest import client
from tests.lakeworks.permissions.conftest import ROOT, Guarded, actions_of
from tests.lakeworks.streaming.conftest import Shop, Stream

SQL = "SELECT day, hour, currency, events, amount FROM gold_commerce.hourly_sales"
EVENT = {"event_id": "e1", "occurred_at": "2026-01-05T10:00:00+00:00", "amount": "10.10", "currency": "BRL", "customer_id": "c"}  # fmt: skip


def config(name: str = "s", **changes: object) -> LakeConfig:
    stream = {"name": "shop", "kinesis_name": name, "domain": "commerce", "live_view": {"compare_with": SQL}}
    return LakeConfig.model_validate({"streams": [{**stream, **changes}]})


def declared(guarded: Guarded, made: LakeConfig) -> Shop:
    """The stream and its tables, made by the owner, as the user's own clients reach them."""
    (one,) = made.streams
    name = one.stream_name("", "")
    place = StreamPlace("shop", name, f"{name}-checkpoints", f"{name}-live", "commerce", one.live_view)
    client("kinesis", guarded.url, **ROOT).create_stream(StreamName=name, ShardCount=1)
    for table in (StreamTable(place.checkpoints), StreamTable(f"{name}-live", ("view", "entry"), "expires_at")):
        table.write(client("dynamodb", guarded.url, **ROOT), table.desired())
    store = ObjectStore(guarded.client("s3"), guarded.bucket, 2)
    return Shop(Stream(name, guarded.client("kinesis")), place, store, guarded.client("dynamodb"))


def work(shop: Shop) -> None:
    """What `stream put`, `stream run`, `stream close` and the live view's readers do."""
    producer = Producer(shop.stream.kinesis, shop.stream.name)
    producer.put(json.dumps(EVENT).encode(), "k")
    producer.flush()
    view = LiveView.of(shop.dynamodb, shop.place)
    shop.finish(shop.consumer(after_landing=view))
    assert [hour["events"] for hour in view.hours("2026-01-05")] == [1]
    for item in shop.store.scan("landing/commerce/stream/shop/"):  # a successor looks whether its batch has landed
        assert shop.store.head(item.key)
    table = CheckpointTable(shop.dynamodb, shop.place.checkpoints, shop.stream.name)
    (known,) = table.all().values()
    with suppress(LeaseLost):  # another process has the shard: who lost it reads what is there
        table.save(replace(known, lease=known.lease + 9), replace(known, owner="late"))
    now = datetime.now(UTC)
    close_hour(table, Period.containing(now, "hour"), now)
    assert view.keep == timedelta(hours=168, days=7)


@pytest.mark.parametrize("without", ["", *actions_of(Purpose.STREAM, config())])
def test_a_stream_needs_what_its_policy_says(guarded: Guarded, without: str) -> None:
    made = config(f"s-{uuid.uuid4().hex[:8]}")
    shop = declared(guarded, made)
    guarded.grant(Purpose.STREAM, without=without, config=made)
    if not without:
        work(shop)
        keys = [item.key for item in ObjectStore(client("s3", guarded.url, **ROOT), guarded.bucket).scan("")]
        assert keys
        assert all(key.startswith("landing/commerce/stream/shop/") for key in keys)
        for refused in (lambda: shop.store.put("landing/commerce/x", b""), lambda: shop.store.get("silver/x")):
            with pytest.raises(LakeAccessDenied):
                refused()
        return
    with pytest.raises(LakeAccessDenied) as refusal:
        work(shop)
    assert re.search(rf"denied: .*{without.partition(':')[2]}\b", str(refusal.value)), refusal.value

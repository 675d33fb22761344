"""What the bucket's queue delivers: read as arrivals, held until a drop is complete, deleted once a run is sure."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from lakeworks.errors import LakeNotFound
from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.resources.inbox_queue import InboxQueue
from lakeworks.infrastructure.resources.notifications import Notifications
from lakeworks.landing.arrival_queue import ArrivalMessage, ArrivalQueue, Settling
from lakeworks.landing.arrivals import Arrival, Drop, OthersEvent, arrivals_in
from tests.conftest import client

BUCKET = "acme-lake"


def event(
    key: str, *, name: str = "ObjectCreated:Put", bucket: str = BUCKET, at: str = "2026-01-05T10:00:00.000Z"
) -> str:
    item = {"key": key, "eTag": "abc", "sequencer": "0055", "versionId": "v1"}
    return json.dumps(
        {"Records": [{"eventName": name, "eventTime": at, "s3": {"bucket": {"name": bucket}, "object": item}}]}
    )


def test_keys_are_url_encoded_with_plus_for_a_blank() -> None:
    (found,) = arrivals_in(event("inbox/shop_sales/2026-01-05/K%C3%B6ln+Nord%2B1.csv"), BUCKET)
    assert found.place == (None, "shop_sales", "2026-01-05")
    assert "Köln Nord+1.csv" in found.token
    (hour,) = arrivals_in(event("inbox/meter/2026-01-05T03/a.csv"), BUCKET)
    assert hour.period == "2026-01-05T03"


def test_a_tenants_file_is_the_tenants() -> None:
    (found,) = arrivals_in(event("inbox/tenant%3Dacme/shop_sales/2026-01-05/a.csv"), BUCKET)
    assert found.place == ("acme", "shop_sales", "2026-01-05")


def test_an_event_by_way_of_a_topic_is_the_same() -> None:
    plain = event("inbox/shop_sales/2026-01-05/a.csv")
    assert arrivals_in(json.dumps({"Type": "Notification", "Message": plain}), BUCKET) == arrivals_in(plain, BUCKET)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}),
        event("inbox/shop_sales/2026-01-05/"),
        event("inbox/shop_sales/2026-01-05/.hidden"),
        event("inbox/shop_sales/2026-01-05/_SUCCESS"),
        event("inbox/shop_sales/2026-01-05/big.csv.part"),
        event("inbox/shop_sales/2026-01-05/folder/a.csv"),
        event("inbox/shop_sales/yesterday/a.csv"),
        event("inbox/readme.txt"),
        event("inbox/shop_sales/2026-01-05/a.csv", name="ObjectRemoved:DeleteMarkerCreated"),
    ],
)
def test_what_is_no_file_of_a_period_starts_nothing(body: str) -> None:
    assert arrivals_in(body, BUCKET) == []


@pytest.mark.parametrize(
    "body",
    [
        "no json", "[]", "{}", "[" * 100_000, json.dumps({"Records": [{"eventName": 1}]}), json.dumps({"Records": ["x"]}),
        event("bronze/a.parquet"), event("inbox/shop_sales/2026-01-05/a.csv", bucket="another"),
    ],
)  # fmt: skip
def test_others_messages_are_not_ours_to_delete(body: str) -> None:
    with pytest.raises(OthersEvent):
        arrivals_in(body, BUCKET)


def arrival(period: str, at: str, token: str) -> Arrival:
    return Arrival(at, token, "shop_sales", period)


def test_ten_files_are_one_drop_duplicates_and_their_order_change_nothing() -> None:
    files = [arrival("2026-01-05", f"2026-01-05T10:00:0{n}Z", f"file-{n}") for n in range(10)]
    settling = Settling(quiet_seconds=3)
    for second, found in enumerate([*reversed(files), files[3]]):
        settling.add(ArrivalMessage(f"receipt-{second}", [found]), now=float(second))
        assert settling.complete(float(second)) == []
    assert settling.seconds_left(10.0) == 3.0
    assert settling.complete(12.9) == []
    (settled,) = settling.complete(13.0)
    assert (settled.drop.files, settled.drop.period) == (10, "2026-01-05")
    assert sorted(settled.receipts) == sorted(f"receipt-{n}" for n in range(11))
    assert settled.drop == Drop.of(files), "the same drop has the same name, so it starts no second run"
    assert settled.drop.token != Drop.of(files[:9]).token
    assert (settling.waiting, settling.seconds_left(99.0), dict(settling.places)) == ({}, None, {})


def test_periods_settle_by_themselves_and_a_stream_without_end_is_cut() -> None:
    settling = Settling(quiet_seconds=3, longest_seconds=30)
    settling.add(ArrivalMessage("old", [arrival("2026-01-04", "t", "x")]), now=0.0)
    for second in range(29):
        settling.add(
            ArrivalMessage(f"r{second}", [arrival("2026-01-05", str(second), f"f{second}")]), now=float(second)
        )
    assert [found.drop.period for found in settling.complete(3.0)] == ["2026-01-04"]
    assert settling.complete(29.9) == []
    assert [found.drop.files for found in settling.complete(30.0)] == [29]


def test_a_message_about_two_periods_is_deleted_with_the_second() -> None:
    both = [arrival("2026-01-04", "a", "x"), arrival("2026-01-05", "a", "y")]
    settling = Settling(quiet_seconds=3)
    settling.add(ArrivalMessage("both", both), now=0.0)
    settling.add(ArrivalMessage("later", [both[1]]), now=2.0)
    assert [(found.drop.period, found.receipts) for found in settling.complete(3.0)] == [("2026-01-04", ())]
    assert [(found.drop.period, found.receipts) for found in settling.complete(5.0)] == [
        ("2026-01-05", ("both", "later"))
    ]


@pytest.fixture
def inbox(ministack_url: str) -> tuple[Any, ArrivalQueue]:
    """A bucket whose inbox notifies a queue, both made by bootstrap's own resources."""
    bucket = f"inbox-{uuid.uuid4().hex[:10]}"
    s3, sqs = client("s3", ministack_url), client("sqs", ministack_url)
    s3.create_bucket(Bucket=bucket)
    arn = f"arn:aws:sqs:us-east-1:000000000000:{bucket}-inbox"
    from lakeworks.infrastructure.config import Notification

    made = [
        InboxQueue(f"{bucket}-inbox", arn, bucket, "000000000000"),
        Notifications(bucket, (Notification(id="inbox", to=arn, prefix="inbox/"),)),
    ]
    for outcomes in (["created", "created"], ["unchanged", "unchanged"]):
        changes = list(engine.apply(made, lambda service, region=None: client(service, ministack_url)))
        assert [change.outcome for change in changes] == outcomes, changes
    return s3, ArrivalQueue.find(sqs, f"{bucket}-inbox", None, bucket)


def received(queue: ArrivalQueue, enough: Callable[[list[ArrivalMessage]], bool]) -> list[ArrivalMessage]:
    found: list[ArrivalMessage] = []
    deadline = time.monotonic() + 10
    while not enough(found) and time.monotonic() < deadline:
        found += queue.receive(1)
    return found


def test_s3_tells_of_a_dropped_file_and_an_undeleted_message_comes_again(inbox: tuple[Any, ArrivalQueue]) -> None:
    s3, queue = inbox
    impatient = ArrivalQueue(queue.client, queue.url, queue.bucket, hidden_seconds=1)
    s3.put_object(Bucket=queue.bucket, Key="bronze/a.parquet", Body=b"x")
    s3.put_object(Bucket=queue.bucket, Key="inbox/shop_sales/2026-01-05/_SUCCESS", Body=b"")
    s3.put_object(Bucket=queue.bucket, Key="inbox/shop_sales/2026-01-05/Köln Nord+1.csv", Body=b"x")
    first = received(impatient, bool)
    assert [found.place for message in first for found in message.arrivals] == [(None, "shop_sales", "2026-01-05")]
    assert "Köln Nord+1.csv" in first[0].arrivals[0].token
    again = received(impatient, bool)
    assert [message.arrivals for message in again] == [first[0].arrivals], "the reader ended before it deleted"
    queue.delete([message.receipt for message in again])
    time.sleep(1.1)
    assert queue.receive(0) == []


def test_anothers_message_stays_in_the_queue(inbox: tuple[Any, ArrivalQueue], caplog: pytest.LogCaptureFixture) -> None:
    _, queue = inbox
    queue.client.send_message(QueueUrl=queue.url, MessageBody="somebody's")
    queue.client.send_message(QueueUrl=queue.url, MessageBody=json.dumps({"Event": "s3:TestEvent"}))
    impatient = ArrivalQueue(queue.client, queue.url, queue.bucket, hidden_seconds=0)
    assert [impatient.receive(0) for _ in range(3)] == [[], [], []]
    assert "it is no JSON" in caplog.text
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
    assert sum(int(counts[name]) for name in names) == 1


def test_a_queue_that_is_not_there_is_an_error_of_ours(ministack_url: str) -> None:
    sqs = client("sqs", ministack_url)
    with pytest.raises(LakeNotFound, match="Could not find `sqs:no-such-queue`"):
        ArrivalQueue.find(sqs, "no-such-queue", None, BUCKET)
    with pytest.raises(LakeNotFound):
        ArrivalQueue(sqs, f"{ministack_url}/000000000000/no-such-queue", BUCKET).receive(0)


def test_a_queue_that_another_made_is_left_alone(ministack_url: str) -> None:
    name = f"theirs-{uuid.uuid4().hex[:8]}"
    client("sqs", ministack_url).create_queue(QueueName=name)
    ours = InboxQueue(name, f"arn:aws:sqs:us-east-1:000000000000:{name}", BUCKET, "000000000000")
    (change,) = engine.apply([ours], lambda service, region=None: client(service, ministack_url))
    assert change.outcome == "foreign"
    assert "write its ARN" in change.detail

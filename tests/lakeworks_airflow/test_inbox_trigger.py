"""The trigger of dropped files in Airflow's own stream manager: a message goes only after Airflow has stored its event."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from airflow.triggers.shared_stream import AdvanceItem, AdvanceOutcome, SharedStreamManager

from lakeworks.landing.arrival_queue import ArrivalQueue
from lakeworks_airflow.inbox_trigger import InboxTrigger, QueueReader
from tests.conftest import client
from tests.lakeworks.landing.test_arrivals import event

pytestmark = pytest.mark.integration
BUCKET = "acme-lake"
NAMES = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


@pytest.fixture
def queue(ministack_url: str) -> ArrivalQueue:
    sqs = client("sqs", ministack_url)
    name = f"trigger-{uuid.uuid4().hex[:10]}"
    sqs.create_queue(QueueName=name)
    return ArrivalQueue(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"], BUCKET, hidden_seconds=1)


def drop(queue: ArrivalQueue, *names: str, period: str = "2026-01-05") -> None:
    for name in names:
        body = event(f"inbox/shop_sales/{period}/{name}", bucket=BUCKET)
        queue.client.send_message(QueueUrl=queue.url, MessageBody=body)


def messages(queue: ArrivalQueue) -> int:
    found = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=NAMES)["Attributes"]
    return sum(int(found[name]) for name in NAMES)


class Triggerer:
    """What Airflow's triggerer does with one trigger: subscribe, take events, confirm those it has stored."""

    def __init__(self, find: Callable[[], ArrivalQueue]) -> None:
        class Trigger(InboxTrigger):
            @classmethod
            def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> QueueReader:
                return QueueReader(find, quiet_seconds=0.3, shortest_pause=0.1)

        self.trigger = Trigger()
        self.streams = SharedStreamManager()
        self.key = self.trigger.shared_stream_key()

    @asynccontextmanager
    async def events(self) -> AsyncIterator[Callable[[], Coroutine[Any, Any, tuple[list[dict[str, Any]], int]]]]:
        raw = self.streams.subscribe(trigger_id=1, trigger=self.trigger, key=self.key)
        events = self.trigger.filter_shared_stream(raw)
        following: asyncio.Task[Any] | None = None

        async def take() -> tuple[list[dict[str, Any]], int]:
            nonlocal following
            event = await asyncio.wait_for(following or anext(events), 20)
            number = self.streams.bind_pending_event(trigger_id=1, key=self.key)
            following = asyncio.ensure_future(anext(events))  # as the triggerer's loop goes on
            assert number is not None
            return event.payload["drops"], number

        try:
            yield take
        finally:
            if following:
                following.cancel()
            await self.streams.stop_all()


async def gone(queue: ArrivalQueue) -> bool:
    for _ in range(100):
        if not await asyncio.to_thread(messages, queue):
            return True
        await asyncio.sleep(0.05)
    return False


def test_a_message_goes_once_its_event_is_stored_and_not_before(queue: ArrivalQueue) -> None:
    async def play() -> None:
        triggerer = Triggerer(lambda: queue)
        async with triggerer.events() as take:
            drop(queue, *(f"till-{n}.csv" for n in range(10)))
            (found,), number = await take()
            assert (found["dataset"], found["period"], found["files"]) == ("shop_sales", "2026-01-05", 10)
            await asyncio.sleep(0.3)
            assert await asyncio.to_thread(messages, queue) == 10
            triggerer.streams.confirm_persisted([number])
            assert await gone(queue)

    asyncio.run(play())


def test_a_triggerer_that_ends_before_the_event_is_stored_leaves_it_to_the_next(queue: ArrivalQueue) -> None:
    async def play() -> None:
        drop(queue, "till-1.csv", "till-2.csv")
        async with Triggerer(lambda: queue).events() as take:
            (first,), _ = await take()
        second = Triggerer(lambda: queue)
        async with second.events() as take:
            (again,), number = await take()
            assert again == first, "the same run's name: if the first had begun, this one would not"
            second.streams.confirm_persisted([number])
            assert await gone(queue)

    asyncio.run(play())


def test_an_event_that_was_not_stored_is_not_deleted(queue: ArrivalQueue) -> None:
    """What Airflow reports of an event whose confirmation never came, and of one that no trigger heard."""
    drop(queue, "till-1.csv")
    (message,) = queue.receive(1)
    reader = QueueReader(lambda: queue, quiet_seconds=0.3)
    for outcome in (AdvanceOutcome(acked=0, failed=1), AdvanceOutcome(acked=0, failed=0)):
        asyncio.run(reader.advance([AdvanceItem([message.receipt], outcome)]))
        assert messages(queue) == 1
    asyncio.run(reader.advance([AdvanceItem([message.receipt], AdvanceOutcome(acked=1, failed=0))]))
    assert messages(queue) == 0


def test_a_queue_that_is_not_there_is_said_once_a_look_and_found_when_it_comes(
    ministack_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sqs, name = client("sqs", ministack_url), f"later-{uuid.uuid4().hex[:10]}"

    def find() -> ArrivalQueue:
        return ArrivalQueue.find(sqs, name, None, BUCKET)

    async def play() -> None:
        async with Triggerer(find).events() as take:
            waiting = asyncio.ensure_future(take())
            for _ in range(100):
                await asyncio.sleep(0.05)
                if "start no run for now" in caplog.text:
                    break
            await asyncio.to_thread(sqs.create_queue, QueueName=name)
            await asyncio.to_thread(drop, find(), "till-1.csv")
            (found,), _ = await waiting
            assert found["files"] == 1

    with caplog.at_level(logging.ERROR):
        asyncio.run(play())
    assert f"Could not find `sqs:{name}`" in caplog.text
    assert "No file is lost" in caplog.text


def test_it_is_stored_by_airflow_and_read_back() -> None:
    path, kwargs = InboxTrigger("shop", 5).serialize()
    assert (path, InboxTrigger(**kwargs).serialize()) == (
        "lakeworks_airflow.inbox_trigger.InboxTrigger",
        (path, kwargs),
    )

"""Airflow trigger for dropped files. It reads the inbox's queue, and deletes a message once Airflow has stored its event.

Airflow's own SqsSensorTrigger deletes first, so that a triggerer which ends in between loses events, and it needs aiobotocore
(docs/adr/0020). This one is a shared stream with acknowledgements (Airflow 3.3): the triggerer calls `advance` after the event,
and with it the order for a run, is in its database.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer

if TYPE_CHECKING:
    from lakeworks.landing.arrival_queue import ArrivalMessage, ArrivalQueue

log = logging.getLogger(__name__)
# A triggerer that is stopped waits for a receive under way.
_LOOK_SECONDS = 5
_SHORTEST_PAUSE, _LONGEST_PAUSE = 5.0, 20.0


class InboxTrigger(BaseEventTrigger):
    """Fires when a drop into the inbox is complete.

    :param queue: as `queue` of `inbox_events` in lake.yml.
    :param settle_seconds: a drop is complete once no further file of its period arrived for this long.
    """

    def __init__(self, queue: str | None = None, settle_seconds: float = 3) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.queue = queue
        self.settle_seconds = settle_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the form that Airflow stores."""
        arguments = {"queue": self.queue, "settle_seconds": self.settle_seconds}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    def shared_stream_key(self) -> Hashable:
        """Return the key of the shared stream: one reader per queue."""
        return ("lakeworks inbox", self.queue)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """Make the queue's reader."""
        return QueueReader(lambda: _find_queue(kwargs["queue"]), kwargs["settle_seconds"])

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Pass the drops on."""
        async for drops in shared_stream:
            yield TriggerEvent({"drops": drops})  # type: ignore[no-untyped-call]

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Refuse to run alone: only a shared stream reports when a message may be deleted."""
        raise NotImplementedError("InboxTrigger needs the shared streams of Airflow 3.3.")
        yield


class QueueReader(SharedStreamProducer):
    """Reader of the queue for the triggerer. Blocking calls run in threads.

    :param find: finds the queue, with credentials that are new each time.
    :param quiet_seconds: as `settle_seconds` of InboxTrigger.
    :param shortest_pause: seconds to wait after an error before the queue is opened again; the pause doubles.
    """

    def __init__(
        self, find: "Callable[[], ArrivalQueue]", quiet_seconds: float, shortest_pause: float = _SHORTEST_PAUSE
    ) -> None:
        self.find = find
        self.quiet_seconds = quiet_seconds
        self.shortest_pause = shortest_pause
        self.queue: ArrivalQueue | None = None
        self.pause = 0.0

    async def open_stream(self) -> AsyncIterator[tuple[list[dict[str, Any]], list[str]]]:
        """Yield drops with the receipts of their messages, without end."""
        from lakeworks.landing.arrival_queue import Settling

        settling = Settling(self.quiet_seconds)
        while True:
            left = settling.seconds_left(time.monotonic())
            for message in await self._receive(_LOOK_SECONDS if left is None else min(_LOOK_SECONDS, left)):
                settling.add(message, time.monotonic())
            if complete := settling.complete(time.monotonic()):
                yield [asdict(item.drop) for item in complete], [text for item in complete for text in item.receipts]

    async def _receive(self, seconds: float) -> "list[ArrivalMessage]":
        """Return messages; none after an error. Each look that fails logs its error."""
        from lakeworks.errors import LakeError

        begun = time.monotonic()
        try:
            messages: list[ArrivalMessage] = await asyncio.to_thread((await self._open_queue()).receive, int(seconds))
        except LakeError as error:
            self.queue, self.pause = None, min(max(self.shortest_pause, self.pause * 2), _LONGEST_PAUSE)
            log.error(  # noqa: TRY400 - the error says what to do, its place in the code does not help

"Dropped files start no run now: %s No file is lost: each inbox DAG finds its files by its own "
"schedule. The next attempt is in %.0f s.", error, self.pause,
            )  # fmt: skip
            await asyncio.sleep(self.pause)
            return []
        self.pause = 0.0
        if not messages:  # SQS waits whole seconds
            await asyncio.sleep(max(0.0, min(seconds, 1.0) - (time.monotonic() - begun)))
        return messages

    async def _open_queue(self) -> "ArrivalQueue":
        if self.queue is None:
            self.queue = await asyncio.to_thread(self.find)
        return self.queue

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Delete the messages of events that Airflow has stored. SQS delivers the others again."""
        from lakeworks.errors import LakeError

        receipts = [receipt for item in batch if item.outcome.is_clean for receipt in item.broker_payload]
        if not receipts:
            return
        try:
            await asyncio.to_thread((await self._open_queue()).delete, receipts)
        except LakeError as error:
            log.warning("Messages of the inbox's queue were not deleted, and come again: %s", error)

    def get_advance_lane(self, broker_payload: Any) -> Hashable:
        """Return no lane: each message is deleted independently of the others."""
        return id(broker_payload)


def _find_queue(queue: str | None) -> "ArrivalQueue":
    from lakeworks.errors import LakeError, LakeUnavailable
    from lakeworks.infrastructure.inbox_events import InboxEvents
    from lakeworks.landing.arrival_queue import ArrivalQueue
    from lakeworks.settings import current_settings
    from lakeworks_airflow.connections import lake_client

    events, bucket = InboxEvents(queue=queue), current_settings().bucket
    try:
        return ArrivalQueue.find(lake_client("sqs", events.region), events.name(bucket), events.account, bucket)
    except LakeError:
        raise
    except Exception as error:  # a missing connection, whatever exception Airflow raises for it
        raise LakeUnavailable(
            f"The inbox's queue `{events.name(bucket)}` could not be reached: {str(error).rstrip('.')}."
        ) from error

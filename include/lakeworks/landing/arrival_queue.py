"""The bucket's notification queue: files that arrived in the inbox, kept until a drop is complete and its run is certain.

A received message is hidden for a while and not deleted. If the process ends before it deletes the message, another
receives it.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.landing.arrivals import Arrival, Drop, OthersEvent, arrivals_in

log = logging.getLogger(__name__)
# Longer than the wait for a drop plus the time in which Airflow stores its event.
HIDDEN_SECONDS = 120
# A steady stream of files must not postpone its run for ever.
LONGEST_SECONDS = 30.0
_BATCH = 10  # limit of SQS


@dataclass(frozen=True)
class ArrivalMessage:
    """One message: the files it names, and the receipt for its deletion."""

    receipt: str
    arrivals: Sequence[Arrival]


@dataclass(frozen=True)
class SettledDrop:
    """A drop that is complete, and the receipts of its messages."""

    drop: Drop
    receipts: Sequence[str]


@dataclass(frozen=True)
class ArrivalQueue:
    """An SQS queue, by its boto3 client and URL, for one bucket's events."""

    client: Any
    url: str
    bucket: str
    hidden_seconds: int = HIDDEN_SECONDS

    @classmethod
    def find(cls, client: Any, name: str, account: str | None, bucket: str) -> "ArrivalQueue":
        """Find the queue by its name; `account` is needed if another account owns it.

        Raises:
            LakeNotFound: there is no such queue.
            LakeAccessDenied: the credentials may not use it.
        """
        owner = {"QueueOwnerAWSAccountId": account} if account else {}
        with translated("find", f"sqs:{name}"):
            return cls(client, str(client.get_queue_url(QueueName=name, **owner)["QueueUrl"]), bucket)

    def receive(self, wait_seconds: int) -> list[ArrivalMessage]:
        """Wait for messages, at most so many seconds. Delete messages without files; keep other programs' messages.

        Raises:
            LakeNotFound, LakeAccessDenied, LakeUnavailable: no queue, no access, or no response.
        """
        with translated("receive from", self.url):
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_BATCH,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=self.hidden_seconds,
            )
        arrivals = [message for item in answer.get("Messages", []) if (message := self._read(item)) is not None]
        self.delete([message.receipt for message in arrivals if not message.arrivals])
        return [message for message in arrivals if message.arrivals]

    def _read(self, item: dict[str, Any]) -> ArrivalMessage | None:
        try:
            return ArrivalMessage(str(item["ReceiptHandle"]), arrivals_in(str(item.get("Body", "")), self.bucket))
        except OthersEvent as error:
            log.warning(
                "A message of the queue %s was not deleted: %s. Send only events of `inbox/` to it.", self.url, error
            )
            return None

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages. One that cannot be deleted comes again, which does no harm.

        Raises:
            LakeNotFound, LakeAccessDenied, LakeUnavailable: see `receive`.
        """
        for start in range(0, len(receipts), _BATCH):
            some = receipts[start : start + _BATCH]
            entries = [{"Id": str(place), "ReceiptHandle": receipt} for place, receipt in enumerate(some)]
            with translated("delete messages of", self.url):
                answer = self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)
            for failed in answer.get("Failed", []):
                log.warning(
                    "A message of the queue %s was not deleted; SQS delivers it again: %s",
                    self.url,
                    failed.get("Message", ""),
                )


@dataclass
class _Waiting:
    """The arrivals of one place; `first` and `last` are monotonic times in seconds."""

    first: float
    last: float
    arrivals: list[Arrival] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)


@dataclass
class Settling:
    """Keep arrivals until none of their place came for `quiet_seconds`, so that ten files of one drop are one drop."""

    quiet_seconds: float
    longest_seconds: float = LONGEST_SECONDS
    waiting: dict[tuple[str | None, str, str], _Waiting] = field(default_factory=dict)
    # How many places a message still waits for; it is deleted with the last of them.
    places: Counter[str] = field(default_factory=Counter)

    def add(self, message: ArrivalMessage, now: float) -> None:
        """Add a message that was received at a moment."""
        for place in {arrival.place for arrival in message.arrivals}:
            held = self.waiting.setdefault(place, _Waiting(now, now))
            held.arrivals += [arrival for arrival in message.arrivals if arrival.place == place]
            held.receipts.append(message.receipt)
            held.last = now
            self.places[message.receipt] += 1

    def seconds_left(self, now: float) -> float | None:
        """Return how long until the next drop is complete; None if nothing waits."""
        return min((max(0.0, self._due(held) - now) for held in self.waiting.values()), default=None)

    def complete(self, now: float) -> list[SettledDrop]:
        """Remove and return the complete drops."""
        due = [place for place, held in self.waiting.items() if self._due(held) <= now]
        return [self._settled(self.waiting.pop(place)) for place in due]

    def _settled(self, held: _Waiting) -> SettledDrop:
        self.places.subtract(held.receipts)
        done = tuple(receipt for receipt in dict.fromkeys(held.receipts) if not self.places[receipt])
        for receipt in done:
            del self.places[receipt]
        return SettledDrop(Drop.of(held.arrivals), done)

    def _due(self, held: _Waiting) -> float:
        return min(held.last + self.quiet_seconds, held.first + self.longest_seconds)

"""Sums of today in DynamoDB: each event is counted once, whatever is repeated.

One transaction writes {the event is seen, amount added to its hour, amount added to its customer}. A second time the condition
on the first part fails, and nothing is added. Amounts are decimal text; a correction is a negative amount. The day and hour are
those that the event's own time says, so they are the shop's.

An event is known by its id in the UTC hour in which it happened, as in silver. So both agree on what is the same event.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from botocore.exceptions import ClientError

from lakeworks.errors import ConfigError, StreamUnavailable
from lakeworks.infrastructure.stream_config import LiveViewConfig
from lakeworks.streaming.calls import ask
from lakeworks.streaming.stream_place import StreamPlace
from lakeworks.streaming.stream_record import StreamRecord, problem_of

_SEEN, _HOUR, _CUSTOMER = "seen", "hour", "customer"
_AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class LiveEvent:
    """The parts of an event that are counted. `utc_hour` is `2026-11-29T16`."""

    id: str
    utc_hour: str
    day: str
    hour: str
    customer: str
    currency: str
    amount: Decimal
    expires_at: int


@dataclass(frozen=True)
class LiveView:
    """The live view of one stream."""

    dynamodb: Any
    table: str
    config: LiveViewConfig
    keep: timedelta

    @classmethod
    def of(cls, dynamodb: Any, place: StreamPlace) -> Self:
        """Return the view of a stream; its items outlive what the stream keeps by a week.

        Raises:
            ConfigError: lake.yml declares none for the stream.
        """
        if place.view is None or place.live_view is None:
            raise ConfigError(
                f"Stream `{place.name}` has no `live_view` in lake.yml. Nothing was compared. See docs/streaming.md."
            )
        return cls(dynamodb, place.live_view, place.view, timedelta(hours=place.retention_hours, days=7))

    def __call__(self, shard: str, records: Sequence[StreamRecord], /) -> None:
        """Count the events of a landed batch.

        Raises:
            StreamUnavailable: DynamoDB did not answer; the batch is counted again, and counted events stay counted once.
        """
        for record in records:
            for data in record.payloads:
                if event := self._event(data, record.arrived_at):
                    self._count(event)

    def hours(self, day: str) -> Iterator[Mapping[str, Any]]:
        """Yield the hours of a day by currency: events and amount."""
        for item in self._items(day, f"{_HOUR}#"):
            _, hour, currency = item["entry"]["S"].split("#", 2)
            yield {
                "hour": int(hour), "currency": currency, "events": int(item["events"]["N"]),
                "amount": Decimal(item["amount"]["N"]),
            }  # fmt: skip

    def events(self, utc_hours: Iterable[str]) -> Iterator[LiveEvent]:
        """Yield the events that were counted in some UTC hours, until their items expire."""
        for utc_hour in utc_hours:
            for item in self._items(f"{_SEEN}#{utc_hour}"):
                yield LiveEvent(
                    item["entry"]["S"], utc_hour, item["day"]["S"], item["hour"]["S"], "", item["currency"]["S"],
                    Decimal(item["amount"]["N"]), int(item["expires_at"]["N"]),
                )  # fmt: skip

    def _items(self, view: str, begin: str = "") -> Iterator[dict[str, Any]]:
        """Yield the items of a view, read consistently."""
        query = {
            "KeyConditionExpression": "#view = :view" + (" AND begins_with(#entry, :begin)" if begin else ""),
            "ExpressionAttributeNames": {"#view": "view", **({"#entry": "entry"} if begin else {})},
            "ExpressionAttributeValues": {":view": {"S": view}, **({":begin": {"S": begin}} if begin else {})},
        }
        where, following = f"dynamodb table {self.table}", dict[str, Any]()
        while True:
            page = ask(
                self.dynamodb.query, ["Items"], "read", where,
                TableName=self.table, ConsistentRead=True, **query, **following,
            )  # fmt: skip
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            following = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _event(self, data: bytes, arrived_at: datetime) -> LiveEvent | None:
        """Return what is counted of a record; None for what the tables quarantine too."""
        if problem_of(data):
            return None
        event, names = json.loads(data), self.config
        if any(event.get(name) not in allowed for name, allowed in names.only.items()):
            return None
        try:
            moment = datetime.fromisoformat(str(event[names.time]))
            amount = Decimal(str(event[names.amount]))
        except (KeyError, ValueError, InvalidOperation):
            return None
        identity, currency = event.get(names.event_id), event.get(names.currency)
        if (
            moment.tzinfo is None
            or moment > arrived_at + _AHEAD
            or not amount.is_finite()
            or not (identity and currency)
        ):
            return None
        customer, until = str(event.get(names.customer) or ""), int((arrived_at + self.keep).timestamp())
        utc_hour = f"{moment.astimezone(UTC):%Y-%m-%dT%H}"
        return LiveEvent(
            str(identity), utc_hour, f"{moment:%Y-%m-%d}", f"{moment:%H}", customer, str(currency), amount, until
        )

    def _count(self, event: LiveEvent) -> None:
        seen = {
            "view": {"S": f"{_SEEN}#{event.utc_hour}"}, "entry": {"S": event.id},
            "day": {"S": event.day}, "hour": {"S": event.hour}, "currency": {"S": event.currency},
            "amount": {"N": str(event.amount)}, "expires_at": {"N": str(event.expires_at)},
        }  # fmt: skip
        put = {
            "TableName": self.table, "Item": seen, "ConditionExpression": "attribute_not_exists(#view)",
            "ExpressionAttributeNames": {"#view": "view"},
        }  # fmt: skip
        entries = [f"{_HOUR}#{event.hour}#{event.currency}"]
        if event.customer:
            entries.append(f"{_CUSTOMER}#{event.customer}#{event.currency}")
        writes = [{"Put": put}, *({"Update": self._added(event, entry)} for entry in entries)]
        where = f"dynamodb table {self.table}"
        try:
            ask(self.dynamodb.transact_write_items, [], "count an event in", where, TransactItems=writes)
        except StreamUnavailable as error:
            if not _is_seen(error):
                raise

    def _added(self, event: LiveEvent, entry: str) -> dict[str, Any]:
        return {
            "TableName": self.table,
            "Key": {"view": {"S": event.day}, "entry": {"S": entry}},
            "UpdateExpression": "ADD #events :one, #amount :amount",
            "ExpressionAttributeNames": {"#events": "events", "#amount": "amount"},
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":amount": {"N": str(event.amount)}},
        }


def _is_seen(error: StreamUnavailable) -> bool:
    """Return True if the transaction was refused because its event is counted already, and for nothing else."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return False
    reasons = [reason.get("Code") for reason in cause.response.get("CancellationReasons", [])]
    return bool(reasons) and reasons[0] == "ConditionalCheckFailed" and set(reasons[1:]) <= {"None", None}

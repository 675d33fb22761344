"""Every record lands once: processes that die at any request, broken requests, lost leases, reshards."""

import contextlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakeworks.errors import ConfigError, LakeNotFound, LeaseLost, LiveChanged, RecordsGone, TransientError
from lakeworks.s3.object_store import ObjectStore
from lakeworks.streaming.checkpoint import Window
from lakeworks.streaming.consumer import LeasePolicy
from lakeworks.streaming.shard_ingest import BatchPolicy
from tests.faults.fault_proxy import Faults, sometimes
from tests.lakeworks.streaming.conftest import Shop
from tests.lakeworks.streaming.reshard import closed, merge, split
from tests.support.delayed_client import Killed

Shops = Callable[..., Shop]


def events(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"event_id": f"e{number}"} for number in range(first, first + count)]


def ids(shop: Shop) -> list[str]:
    return [line["event_id"] for line in shop.landed()]


def test_records_land_in_bounded_objects_named_by_their_sequence_numbers(shop: Shops) -> None:
    here = shop()
    here.put(*events(7))
    here.finish()
    assert ids(here) == [f"e{number}" for number in range(7)]
    names = sorted(here.objects())
    assert len(names) == 3, "of three, three and one"
    lines = here.landed()
    first, last = lines[0]["stream_sequence"].partition(".")[0], lines[2]["stream_sequence"].partition(".")[0]
    assert any(name.endswith(f"/batch/{lines[0]['stream_shard']}-{first}-{last}.jsonl.gz") for name in names)
    before = here.objects()
    here.finish()
    assert here.objects() == before
    (checkpoint,) = here.table.all().values()
    assert (checkpoint.owner, checkpoint.totals.records, checkpoint.totals.objects) == ("", 7, 3)


def test_what_is_no_event_stops_nothing(shop: Shops) -> None:
    here = shop()
    here.put({"event_id": "a"}, b"no json", b"\xff\x00", {"event_id": "b"})
    here.finish()
    assert [line.get("event_id") or line["stream_problem"][:10] for line in here.landed()] == [
        "a",
        "is no JSON",
        "is not UTF",
        "b",
    ]
    (checkpoint,) = here.table.all().values()
    assert (checkpoint.totals.records, checkpoint.totals.problems) == (4, 2)


@dataclass
class Deadline:
    """Kills the process at a certain request to whatever service, before or after it takes effect."""

    number: int
    after: bool
    requests: int = 0

    def client(self, of: Any) -> Any:
        return _Mortal(of, self)


@dataclass
class _Mortal:
    of: Any
    deadline: Deadline
    names: tuple[str, ...] = field(
        default=("put_item", "put_object", "get_records", "query", "get_shard_iterator", "list_shards", "head_object")
    )

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.of, name)
        if name not in self.names:
            return found

        def send(*args: Any, **arguments: Any) -> Any:
            self.deadline.requests += 1
            due = self.deadline.requests == self.deadline.number
            if due and not self.deadline.after:
                raise Killed(name)
            answer = found(*args, **arguments)
            if due:
                raise Killed(name)
            return answer

        return send


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_at_any_request_loses_and_doubles_nothing(shop: Shops, after: bool) -> None:
    """Each process dies one request later than the one before, from whose checkpoint it goes on."""
    here, died = shop(), []
    for number in range(1, 23):
        here.put(*events(2, 2 * number - 2))
        deadline = Deadline(number, after)
        consumer = here.consumer(
            kinesis=deadline.client(here.stream.kinesis),
            dynamodb=deadline.client(here.dynamodb),
            store=ObjectStore(deadline.client(here.store.client), here.store.bucket, threads=1),
        )
        try:
            for _ in range(4):
                consumer.turn()
        except Killed as killed:
            died.append(str(killed))
    assert {"list_shards", "query", "put_item", "get_records", "put_object"} <= {*died}
    here.finish()
    assert ids(here) == [f"e{one}" for one in range(44)]


def test_a_window_that_was_fixed_lands_as_it_was_fixed_though_more_has_come(shop: Shops) -> None:
    """Without the fixed end, the next process would read further and write an object that overlaps the first one's."""
    here = shop()
    here.put(*events(2))
    deadline = Deadline(0, after=False)
    mortal = _Mortal(here.store.client, deadline, ("put_object",))
    deadline.number = 1
    consumer = here.consumer(store=ObjectStore(mortal, here.store.bucket, threads=1))
    with pytest.raises(Killed):
        consumer.turn()
    (checkpoint,) = here.table.all().values()
    assert checkpoint.window is not None
    assert (checkpoint.window.records, here.objects()) == (2, {})
    here.put(*events(1, 2))
    here.finish()
    sizes = len(here.objects())
    assert (ids(here), sizes) == (["e0", "e1", "e2"], 2)


def test_a_process_that_lost_its_shard_changes_nothing(shop: Shops) -> None:
    here = shop()
    here.put(*events(2))
    old = here.consumer(policy=BatchPolicy(age_seconds=60), leases=LeasePolicy(look_seconds=60))
    old.turn()
    here.finish()  # the lease is 0 seconds for the other one: it takes over and lands
    (ingest,) = old.owned.values()
    with pytest.raises(LeaseLost, match="Another process has taken over"):
        ingest.drain()
    old.drain()
    assert ids(here) == ["e0", "e1"]
    assert len(here.objects()) == 1


def test_a_living_process_keeps_its_shard_and_a_dead_ones_is_taken_after_its_lease(shop: Shops) -> None:
    here, now = shop(), [0.0]
    leases = LeasePolicy(lease_seconds=30, look_seconds=0, read_seconds=0)
    first, second = (here.consumer(leases=leases, clock=lambda: now[0]) for _ in range(2))
    first.turn()
    for _ in range(10):
        now[0] += 10
        first.turn()
        second.turn()
    assert (len(first.owned), len(second.owned)) == (1, 0)
    for _ in range(4):  # the first one is dead
        now[0] += 10
        second.turn()
    assert len(second.owned) == 1


def test_shards_are_shared_equally_and_given_back(shop: Shops) -> None:
    here = shop(4)
    leases = LeasePolicy(lease_seconds=60, look_seconds=0, read_seconds=0)
    first, second = here.consumer(leases=leases), here.consumer(leases=leases)
    first.turn()
    assert len(first.owned) == 4
    for _ in range(6):
        second.turn()
        first.turn()
    assert (len(first.owned), len(second.owned)) == (2, 2)
    first.drain()
    second.turn()
    assert len(second.owned) == 4


def test_a_split_shards_records_land_before_its_childrens(shop: Shops) -> None:
    here = shop()
    here.put(*events(3))
    kinesis, name = here.stream.kinesis, here.stream.name
    (parent,) = here.stream.shards()
    kinesis.split_shard(StreamName=name, ShardToSplit=parent["ShardId"], NewStartingHashKey=str(2**127))
    here.put(*events(3, 3))
    consumer = here.consumer()
    consumer.turn()
    children = {shard["ShardId"] for shard in here.stream.shards()} - {parent["ShardId"]}
    assert len(children) == 2
    assert not children & set(consumer.owned), "a child was begun beside its parent"
    seen = [set(consumer.owned)]
    for _ in range(8):
        consumer.turn()
        seen.append(set(consumer.owned))
    assert not any(owned & children and parent["ShardId"] in owned for owned in seen)
    here.finish(consumer)
    assert sorted(ids(here)) == [f"e{number}" for number in range(6)]
    assert here.table.all()[parent["ShardId"]].finished


@dataclass
class Refusing:
    """A Kinesis client whose next calls of a kind are refused."""

    kinesis: Any
    call: str
    code: str
    left: int

    def __getattr__(self, name: str) -> Any:
        def refuse(**_: Any) -> Any:
            self.left -= 1
            raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, self.call)

        return refuse if name == self.call and self.left else getattr(self.kinesis, name)


def test_an_iterator_that_expired_is_replaced(shop: Shops) -> None:
    here = shop()
    here.put(*events(2))
    expiring = Refusing(here.stream.kinesis, "get_records", "ExpiredIteratorException", 2)
    here.finish(here.consumer(kinesis=expiring))
    assert (ids(here), expiring.left) == (["e0", "e1"], 0)


def test_a_wrong_clock_of_this_machine_moves_no_window(shop: Shops) -> None:
    """Kinesis says the time in each answer: a consumer whose clock is a year ahead closes nothing early."""
    here = shop()
    here.put(*events(1))
    here.finish(here.consumer(shards={"now": lambda: datetime(2099, 1, 1, tzinfo=UTC)}))
    (checkpoint,) = here.table.all().values()
    assert checkpoint.closed_through < "2090"
    assert str(datetime.now(UTC).year) in next(iter(here.objects()))


def test_a_foreign_object_in_the_place_of_a_batch_is_left_alone(shop: Shops) -> None:
    here = shop()
    here.put(*events(1))
    here.finish()
    (key,) = here.objects()
    here.store.put(key, b"something else")
    (checkpoint,) = here.table.all().values()
    window = Window(checkpoint.position, checkpoint.position, 1, "2026-01-05T00")
    window = Window(window.first, window.last, 1, _period_in(key))
    here.table.save(checkpoint, checkpoint.next_write(position="", window=window))
    with pytest.raises(LiveChanged, match="has other records than shard"):
        here.finish()
    assert here.objects()[key] == b"something else"


def _period_in(key: str) -> str:
    values = [part.partition("=")[2] for part in key.split("/") if "=" in part]
    return f"{'-'.join(values[:3])}T{values[3]}"


def test_records_that_the_stream_no_longer_has_are_an_error_not_a_gap(shop: Shops) -> None:
    here = shop()
    here.put(*events(2))
    here.finish()
    (checkpoint,) = here.table.all().values()
    wanted = Window("1", checkpoint.position, 5, "2026-01-05T00")
    here.table.save(checkpoint, checkpoint.next_write(position="", window=wanted))
    with pytest.raises(RecordsGone, match="5 records between 1 and .* the stream has 2 of them"):
        here.finish()


def test_a_missing_table_and_a_missing_stream_are_named(shop: Shops) -> None:
    here = shop()
    here.dynamodb.delete_table(TableName=here.place.checkpoints)
    with pytest.raises(LakeNotFound, match="run lakeworks bootstrap"):
        here.consumer().turn()


def test_a_position_of_another_stream_is_named(shop: Shops) -> None:
    """No stand-in checks a position; Kinesis refuses it with this code."""
    here = shop()
    here.put(*events(1))
    here.consumer().shards.register()
    (checkpoint,) = here.table.all().values()
    here.table.save(checkpoint, checkpoint.next_write(position="12"))
    refusing = Refusing(here.stream.kinesis, "get_shard_iterator", "InvalidArgumentException", 1)
    with pytest.raises(ConfigError, match="was the stream deleted and made again"):
        here.consumer(kinesis=refusing).turn()


def test_a_storm_of_kills_and_broken_requests_during_a_reshard(
    shop: Shops, broken: tuple[Callable[[str], Any], Faults]
) -> None:
    """Three processes that are killed at random, one request of ten broken, a shard split and two merged."""
    here, (clients, faults), chance = shop(2), broken, random.Random(11)
    faults.choose(sometimes(0.1, seed=11))
    store = ObjectStore(clients("s3"), here.store.bucket, threads=1)
    through = {"kinesis": clients("kinesis"), "dynamodb": clients("dynamodb"), "store": store}
    policy, put = BatchPolicy(records=8, age_seconds=0, settle_seconds=0), 0
    crew = [here.consumer(policy=policy, **through) for _ in range(3)]
    for turn in range(22):
        entries = [{"Data": json.dumps(event).encode(), "PartitionKey": event["event_id"]} for event in events(9, put)]
        here.stream.kinesis.put_records(StreamName=here.stream.name, Records=entries)
        put += 9
        if turn == 6:
            split(here)
        if turn == 13:
            merge(here)
        place = chance.randrange(len(crew))
        with contextlib.suppress(TransientError):
            crew[place].turn()
        if chance.random() < 0.2:
            crew[place] = here.consumer(policy=policy, **through)  # killed: nothing was drained
    faults.peace()
    here.finish()
    assert all(one.finished for one in here.table.all().values() if one.shard in closed(here))
    found = ids(here)
    assert len(faults.broken) > 5
    assert (len(found), sorted(found)) == (put, sorted(f"e{number}" for number in range(put)))
    assert sum(one.totals.records for one in here.table.all().values()) == put

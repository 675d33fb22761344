"""Epochs: late writers of a former primary, what it published alone, and the way back."""

from random import Random
from typing import Any

import pytest

from lakeworks.core.layout import epoch_key
from lakeworks.errors import FailoverRefused, LakeNotFound, LostRace, NotPrimary
from lakeworks.failover.handover import hand_over
from lakeworks.infrastructure.resources.replication import REFUSAL_SID
from lakeworks.ledger.epoch import EpochDocument, EpochRegister
from tests.lakeworks.failover.test_drill import LAYOUTS, check, history
from tests.lakeworks.failover.two_regions import PARTITIONS, Client, Refused, TwoRegions, audited
from tests.simulation.clock import START


def test_a_copy_publishes_nothing() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    with pytest.raises(NotPrimary, match=r"`s3://north` is a copy of the lake.*`s3://west`.*Nothing was published"):
        lakes.north.publish(2)
    assert lakes.north.lake.ledger.sequence(lakes.north.contract.table, PARTITIONS[0]) == [1]


def test_a_former_primary_that_answers_is_refused() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    lakes.takeover().apply()
    with pytest.raises(NotPrimary, match=r"`s3://north` \(eu-north-1\) is the primary of epoch 2"):
        lakes.west.publish(2)
    lakes.north.publish(2)
    check(lakes.north, 3)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("requests", range(1, 42, 2))
@pytest.mark.parametrize("north", [True, False], ids=["north publishes", "north only reads"])
def test_a_writer_that_sleeps_through_the_takeover_never_publishes_into_the_new_epoch(
    requests: int, layout: str, *, north: bool
) -> None:
    """A process of the old primary stops at any request, and goes on after the takeover, and after the way back."""
    lakes = TwoRegions(layout)
    lakes.west.publish(1)
    lakes.deliver()
    sleeper = Sleeper(lakes, requests, north=north)
    try:
        lakes.west.publish(5, lake=lakes.west.lake_by(sleeper))
    except (NotPrimary, LostRace):
        assert sleeper.has_seen_the_epoch
    if not sleeper.has_slept:
        pytest.skip("the publication needs fewer requests")
    check(lakes.west, 6)
    kept = 3 if north else 1
    assert check(lakes.north, 6) == rows_of(kept)
    # A process that had asked nothing yet begins in the new epoch as any other run does.
    assert check(lakes.west, 6) == rows_of(kept if sleeper.has_seen_the_epoch else 5)


class Sleeper(Client):
    """A client whose process stops at one request until the lake has moved to the other region and back."""

    def __init__(self, lakes: TwoRegions, requests: int, *, north: bool) -> None:
        super().__init__(lakes.west.bucket)
        self.lakes, self.awake, self.north = lakes, requests, north
        self.has_seen_the_epoch = self.has_slept = False

    def __getattr__(self, operation: str) -> Any:
        call = super().__getattr__(operation)

        def counted(**arguments: Any) -> Any:
            self.awake -= 1
            if self.awake == 0:
                self.has_slept = True
                there_and_back(self.lakes, north=self.north)
            self.has_seen_the_epoch |= arguments.get("Key") == epoch_key() and not self.has_slept
            return call(**arguments)

        return counted


def there_and_back(lakes: TwoRegions, *, north: bool) -> None:
    """North takes over from west, which answers; then west takes over from north."""
    lakes.takeover().apply(accept_loss=True)
    if north:
        lakes.north.publish(3)
    hand_over(lakes.north.lake, [lakes.north.contract], "eu-north-1", lambda: START)
    lakes.deliver(back=True)
    lakes.takeover("west").apply(accept_loss=True)


def rows_of(number: int) -> dict[Any, str]:
    """What is seen where a run has published every day."""
    return {part: content for content, (run, part) in audited([number]).items() if run == number}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(30))
def test_there_and_back_with_a_primary_that_went_on_alone(seed: int, layout: str) -> None:
    """West goes on while nobody can reach it. On the way back its own publications are set aside: north's count."""
    random = Random(seed)
    lakes = TwoRegions(layout, keeps_ids=seed % 2 == 0)
    history(lakes.west, random)
    lakes.deliver(random, random.uniform(0.3, 1))
    lakes.lose()
    lakes.takeover().apply(primary_is_lost=True)
    lakes.west.s3.is_down = False
    history(lakes.west, random, first=20, acts=3)  # it does not know yet
    with pytest.raises(Refused):
        lakes.deliver(random)
    history(lakes.north, random, first=30, acts=4)
    lakes.takeover().apply()  # west answers again and is told
    with pytest.raises(NotPrimary):
        lakes.west.publish(40)
    hand_over(lakes.north.lake, [lakes.north.contract], "eu-north-1", lambda: START)
    lakes.deliver(random, 0.5, back=True)
    lakes.deliver(random, back=True)
    expected = check(lakes.north, 40)
    _plan, left = lakes.takeover("west").apply()
    assert left == 0
    assert check(lakes.west, 40) == expected
    assert lakes.west.document().epoch == 3
    with pytest.raises(NotPrimary):
        lakes.north.publish(41)
    lakes.west.publish(42)
    assert set(check(lakes.west, 43).values()) == set(audited([42]))


def test_the_way_back_waits_until_everything_has_arrived() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    lakes.takeover().apply()
    lakes.north.publish(2)
    hand_over(lakes.north.lake, [lakes.north.contract], "eu-north-1", lambda: START)
    with pytest.raises(FailoverRefused, match=r"3 partitions have publications in `s3://north`.*have not arrived"):
        lakes.takeover("west").apply()
    assert lakes.north.document().state == "handed over"
    lakes.deliver(back=True)
    lakes.takeover("west").apply()
    assert check(lakes.west, 3) == rows_of(2)


def test_a_handover_can_be_undone() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    contracts = [lakes.west.contract]
    hand_over(lakes.west.lake, contracts, "eu-west-1", lambda: START)
    with pytest.raises(NotPrimary, match="was handed over"):
        lakes.west.publish(2)
    hand_over(lakes.west.lake, contracts, "eu-west-1", lambda: START, undo=True)
    lakes.west.publish(2)
    with pytest.raises(FailoverRefused, match="is not the primary"):
        hand_over(lakes.north.lake, contracts, "eu-north-1", lambda: START)


def test_a_primary_that_does_not_answer_needs_a_word() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    lakes.lose()
    with pytest.raises(FailoverRefused, match=r"does not answer.*Nothing was changed.*--primary-lost"):
        lakes.takeover().apply()
    assert lakes.north.document().epoch == 1
    assert lakes.north.bucket.policy is None


def test_a_primary_that_refuses_the_credentials_is_not_lost() -> None:
    """It was said not to answer, so that an operator would have taken over beside writers that go on."""
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    lakes.west.s3.is_denied = True
    takeover = lakes.takeover()
    assert str(takeover.describe(takeover.situation())["answers"]).startswith("denied: Could not list")
    with pytest.raises(
        FailoverRefused, match=r"answers and refuses these.*not lost: its writers go on.*--for failover"
    ):
        takeover.apply()
    assert (lakes.north.document().epoch, lakes.north.bucket.policy) == (1, None)
    takeover.apply(primary_is_lost=True)
    assert lakes.north.document().epoch == 2


def test_what_has_not_arrived_is_counted_and_needs_a_word() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    lakes.west.publish(2)
    with pytest.raises(FailoverRefused, match=r"3 partitions .*Nothing was changed.*--accept-loss"):
        lakes.takeover().apply()
    lakes.west.publish(3)  # still the primary
    plan, _ = lakes.takeover().apply(accept_loss=True)
    assert plan.behind == 3
    assert "publication 3 has not arrived" in plan.tables[0].rows[0]["why"]
    assert check(lakes.north, 4) == rows_of(1)


def test_the_new_primary_refuses_replicas_and_admits_them_as_a_copy() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    lakes.takeover().apply()
    assert REFUSAL_SID in str(lakes.north.bucket.policy)
    hand_over(lakes.north.lake, [lakes.north.contract], "eu-north-1", lambda: START)
    assert lakes.north.bucket.policy is None


def test_without_the_record_of_an_epochs_begin_nothing_is_decided() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    lakes.takeover().apply()
    hand_over(lakes.north.lake, [lakes.north.contract], "eu-north-1", lambda: START)
    lakes.deliver(back=True, without="_epochs")
    lakes.lose("north")
    with pytest.raises(LakeNotFound, match="with which epoch 2 began are not known here"):
        lakes.takeover("west").apply(primary_is_lost=True)


def test_a_takeover_begins_after_the_latest_epoch_that_anybody_knows() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    late = EpochDocument(epoch=5, bucket="south", region="eu-south-1", since=START)
    register = EpochRegister(lakes.west.lake.store)
    register.replace(late, register.load()[1])
    plan, _ = lakes.takeover().apply()
    assert lakes.north.document().epoch == 6
    assert plan.counted()["newest"] == 3

"""The drill: a region is lost while replication runs, the other one takes over, and readers see whole publications only."""

from random import Random

import pytest

from lakeworks.core.partition import Partition
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from tests.lakeworks.failover.two_regions import DAYS, PARTITIONS, Killed, Region, TwoRegions, audited

SEEDS = range(40)
LAYOUTS = ("plain", "versioned")


def numbers_of(region: Region, run: int) -> dict[Partition, int]:
    """The number that a run took in each partition."""
    entries = [entry for part in PARTITIONS for entry in region.lake.ledger.history(region.contract.table, part)]
    return {entry.parsed: entry.seq for entry in entries if entry.run.id == f"run-{run}"}


def assert_whole(
    run: int, shown: dict[Partition, str], taken: dict[Partition, int], chosen: dict[Partition, int]
) -> None:
    """If a run's rows are seen anywhere, each other partition of it shows them, or something later.

    `shown` leaves out what a person rolled back to: that is one partition's act, and the run's others need not follow.
    """
    hashes = {content for content, (number, _) in audited([run]).items() if number == run}
    seen = [part for part, content in shown.items() if content in hashes and chosen.get(part, 0) >= taken.get(part, 1)]
    for part, number in taken.items() if seen else ():
        assert chosen.get(part, 0) >= number, f"{seen[0]} shows run {run}, and {part} does not have it"


def history(region: Region, random: Random, first: int = 1, acts: int = 6) -> set[int]:
    """Publish, roll back and withdraw in any order, and return the runs."""
    runs = set[int]()
    for number in range(first, first + acts):
        act = random.choice(["run", "run", "run", "again", "rollback", "withdraw"])
        days = random.sample(DAYS, random.randint(1, len(DAYS)))
        partition = random.choice(PARTITIONS)
        live = region.lake.ledger.live(region.contract.table, partition)
        if act == "withdraw" and live:
            withdraw(region.lake, region.contract, partition)
        elif act == "rollback" and live and live.seq > 2:
            try:
                rollback(region.lake, region.contract, partition)
            except Exception:
                continue
        else:
            region.publish(number, sorted(days, key=str))
            runs.add(number)
    return runs


def check(region: Region, last: int) -> dict[Partition, str]:
    """Every kind of reader sees the same, and it is what some run published; return it."""
    seen = region.readers()
    assert len({str(shown) for shown in seen.values()}) == 1, seen
    shown = seen["ledger"]
    known = audited(range(1, last))
    for partition, content in shown.items():
        assert not content or known[content][1] == partition
    return shown


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_arrived_in_whatever_order_readers_see_whole_publications(seed: int, layout: str) -> None:
    random = Random(seed)
    lakes = TwoRegions(layout, keeps_ids=seed % 2 == 0)
    runs = history(lakes.west, random)
    if seed % 3 == 0:  # the region dies under a writer
        lakes.deliver(random, 0.3)
        lakes.west.s3.left = random.randint(1, 60)
        try:
            lakes.west.publish(50)
        except Killed:
            runs.add(50)
        lakes.west.s3.left = None
    lakes.deliver(random, random.random())
    taken = {number: numbers_of(lakes.west, number) for number in runs}
    lakes.lose()
    plan, left = lakes.takeover().apply(primary_is_lost=True)
    assert left == 0
    shown = check(lakes.north, 51)
    partitions = plan.tables[0].partitions
    chosen = {item.partition: item.chosen.seq if item.chosen else 0 for item in partitions}
    rolled_back = {item.partition for item in partitions if item.chosen and item.chosen.entry.kind == "rollback"}
    by_runs = {partition: content for partition, content in shown.items() if partition not in rolled_back}
    for number in runs:
        assert_whole(number, by_runs, taken[number], chosen)
    lakes.north.publish(60)  # and it publishes
    assert set(check(lakes.north, 61).values()) == set(audited([60]))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_is_lost_where_everything_arrived(layout: str) -> None:
    lakes = TwoRegions(layout)
    history(lakes.west, Random(7))
    lakes.deliver(Random(1))
    before = lakes.west.readers()["ledger"]
    plan, _ = lakes.takeover().apply()
    assert plan.counted()["older"] == plan.counted()["none"] == 0
    assert check(lakes.north, 10) == before


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(20))
def test_a_takeover_that_is_killed_at_any_request_is_completed_by_the_next_one(seed: int, layout: str) -> None:
    random = Random(seed)
    lakes = TwoRegions(layout)
    history(lakes.west, random)
    lakes.deliver(random, 0.7)
    lakes.lose()
    for _ in range(100):
        lakes.north.s3.left = random.randint(5, 40)
        try:
            lakes.takeover().apply(primary_is_lost=True)
        except Killed:
            continue
        break
    lakes.north.s3.left = None
    lakes.takeover().apply(primary_is_lost=True)
    assert lakes.north.document().state == "primary"
    assert lakes.north.document().epoch == 2
    check(lakes.north, 10)

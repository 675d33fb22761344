"""The partition matrix by what ledger and landing say of runs: when they were recorded, what was landed since."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.landing.files import prefix
from lakeworks.landing.landing_set import SET, LandingSet
from lakeworks.status.expected_partitions import PeriodRange
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.table_status import status
from tests.lakeworks.status.test_table_status import look, record
from tests.support.many_partitions import Many, entry, many


def test_a_run_over_a_month_that_is_not_over_leaves_its_other_days_missing(tmp_path: Path) -> None:
    """They showed as empty, as if a run had looked at days that were still to come."""
    bars = load_contract("bronze.market.crypto_bars")
    today = Period.containing(datetime.now(UTC), "day")
    month = Period.containing(today.start, "month")
    with many(tmp_path) as found:
        record(found, bars, str(month))
        assert look(found, bars, PeriodRange(today, today)).counts == {}, "it is not over"
        after = PartitionIndex(found.lake, datetime.now(UTC) + timedelta(days=1))
        (matrix,) = status(found.lake, [bars], PeriodRange(today, today), index=after)
        assert matrix.counts == {"missing": 1}
        over = Period.containing(month.start - timedelta(days=1), "month")
        record(found, bars, str(over))
        assert look(found, bars, PeriodRange(over, over)).counts == {"empty": len(over.split("day"))}


def landed(many: Many, contract: Contract, day: Period, name: str, same_as: str | None = None) -> None:
    """A complete fetch of a day."""
    key = f"{prefix(contract, day)}fetch={name}/{SET}"
    made = LandingSet(
        key=key, source=str(contract.source), period=str(day), fetch=name, run_id="r", content=name, same_as=same_as, answers=()
    )  # fmt: skip
    many.lake.store.put(key, made.model_dump_json().encode())


def test_a_set_that_was_landed_again_makes_its_day_stale(tmp_path: Path) -> None:
    """Sets lie in a folder of their own below the day's, where no one looked: the day stayed published."""
    bars = load_contract("bronze.market.crypto_bars")
    days = Period.parse("2013-02").split("day")[:3]
    window = PeriodRange(days[0], days[-1])
    with many(tmp_path) as found:
        for day in days:
            landed(found, bars, day, "20130204T000000000000Z-aaaaaaaa-bbbbbbbb")
        time.sleep(1.1)  # S3 tells times to the second
        found.publish(bars, [entry(bars, Partition.of_period(d), period=str(d), inputs="none") for d in days])
        for day in days:
            record(found, bars, str(day))
        found.reset()
        assert look(found, bars, window).counts == {"published": 3}
        assert "GetObject" not in found.calls, "what was fetched and then built is not read"
        time.sleep(1.1)
        again = "20130205T000000000000Z-aaaaaaaa-cccccccc"
        landed(found, bars, days[0], again, same_as="20130204T000000000000Z-aaaaaaaa-bbbbbbbb")
        found.lake.store.put(
            f"{prefix(bars, days[1])}fetch={again}/bitcoin.json.gz", b"of a fetch that is not complete"
        )
        assert look(found, bars, window).counts == {"published": 3}, "neither brought anything new"
        landed(found, bars, days[2], again)
        cells = look(found, bars, window).cells
        found.lake.store.put(f"{prefix(bars, days[0])}fetch={again}/{SET}", b"{}")
        assert look(found, bars, window).counts == {"published": 1, "stale": 2}, (
            "what does not parse is a run's to tell"
        )
    assert [cell.state for cell in cells] == ["published", "published", "stale"]
    assert cells[2].why.startswith("2013-02-03 was landed again at ")


def test_a_set_of_a_table_without_partitions_makes_it_stale(tmp_path: Path) -> None:
    facts = load_contract("bronze.market.fundamentals")
    month = Period.parse("2013-02")
    with many(tmp_path) as found:
        found.publish(facts, [entry(facts, Partition(), period="2013-02", inputs="none")])
        record(found, facts, "2013-02")
        assert look(found, facts).counts == {"published": 1}
        time.sleep(1.1)
        landed(found, facts, month, "20130205T000000000000Z-aaaaaaaa-cccccccc")
        assert look(found, facts).counts == {"stale": 1}

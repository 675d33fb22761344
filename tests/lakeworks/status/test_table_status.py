"""The partition matrix, from listings alone: every state, on the taxi tables' own contracts and SQL."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from lakeworks.airflow_api import Activity
from lakeworks.contract import Contract, load_contract
from lakeworks.contract.sections import InputRule
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Input, Run, followed_inputs, inputs_fingerprint
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import open_source
from lakeworks.status.expected_partitions import PeriodRange
from lakeworks.status.matrix import Matrix, Square, calendar
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.table_status import status
from tests.support.many_partitions import Many, entry, many

ZONES, BRONZE, SILVER, GOLD = (
    load_contract(name)
    for name in (
        "reference.transport.zones", "bronze.transport.yellow_trips", "silver.transport.trips", "gold.transport.hourly_demand",
    )
)  # fmt: skip
MONTH = Period.parse("2019-02")
DAYS = [Partition.of_period(day) for day in MONTH.split("day")]


def built_from(*publications: tuple[Contract, Partition, int]) -> str:
    return inputs_fingerprint((contract.name, partition.path, number) for contract, partition, number in publications)


def record(many: Many, contract: Contract, period: str, attempt: str = "manual-1.1") -> None:
    """A run record, as far as its listing is concerned."""
    many.lake.store.put(run_key(contract.table, Period.parse(period), attempt), b"{}")


@pytest.fixture
def february(tmp_path: Path) -> Iterator[Many]:
    """February 2019: zones, bronze and every silver day published; gold not."""
    month = Partition.of_period(MONTH)
    with many(tmp_path) as found:
        found.publish(ZONES, [entry(ZONES, Partition(), period="2019-02")])
        found.publish(BRONZE, [entry(BRONZE, month, period="2019-02")])
        inputs = built_from((BRONZE, month, 1), (ZONES, Partition(), 1))
        found.publish(SILVER, [entry(SILVER, day, period="2019-02", inputs=inputs) for day in DAYS])
        for contract in (ZONES, BRONZE, SILVER):
            record(found, contract, "2019-02")
        found.reset()
        yield found


def look(many: Many | Lake, contract: Contract, window: PeriodRange | None = None, *activities: Activity) -> Matrix:
    (found,) = status(many if isinstance(many, Lake) else many.lake, [contract], window, activities)
    return found


def failed(contract: Contract, period: str, after: timedelta, state: Any = "failed") -> Activity:
    return Activity(contract.name, period, state, datetime.now(UTC) + after, f"taxi manual__2 write: {state}")


def test_what_is_as_its_inputs_are_is_published_and_nothing_was_read(february: Many) -> None:
    assert look(february, SILVER).counts == {"published": 28}
    assert "GetObject" not in february.calls


def test_days_before_that_a_table_reads_do_not_make_it_stale_and_their_changes_do(tmp_path: Path) -> None:
    """`look_back_days` was left out of the comparison: every day of such a table showed as stale for ever."""
    bars, returns = load_contract("silver.market.daily_bars"), load_contract("gold.market.daily_returns")
    back = returns.inputs[bars.name].look_back_days
    assert back > 1
    day = Period.parse("2013-03-01")
    read = [Partition.of_period(slot) for slot in day.with_earlier(back)]
    with many(tmp_path) as found:
        found.publish(bars, [entry(bars, partition, period="2013-03-01") for partition in read])
        inputs = built_from(*((bars, partition, 1) for partition in read))
        found.publish(returns, [entry(returns, read[-1], period="2013-03-01", inputs=inputs)])
        for contract in (bars, returns):
            record(found, contract, "2013-03-01")
        window = PeriodRange(day, day)
        assert look(found, returns, window).counts == {"published": 1}
        found.publish(bars, [entry(bars, read[1], 2, period="2013-02-01")])
        assert look(found, returns, window).counts == {"stale": 1}


def test_a_snapshot_keeps_what_it_found_and_follows_its_other_inputs(tmp_path: Path) -> None:
    """Each day's run publishes the profiles of customers again: every earlier snapshot showed as stale."""
    customers, orders, snapshots = (
        load_contract(f"{name}")
        for name in ("silver.commerce.customers", "silver.commerce.orders", "gold.commerce.customer_360_daily")
    )
    followed = InputRule(look_back_days=89, optional=True)
    following = snapshots.model_copy(update={"inputs": {**snapshots.inputs, orders.name: followed}})
    day = Period.parse("2017-01-05")
    partition = Partition.of_period(day)
    with many(tmp_path) as found:
        found.publish(customers, [entry(customers, Partition(), period="2017-01-05")])
        found.publish(orders, [entry(orders, partition, period="2017-01-05")])
        read = [
            Input(name=customers.name, seq=1, content="a", as_found=snapshots.inputs[customers.name].as_found),
            Input(name=orders.name, partition=partition.path, seq=1, content="b"),
        ]
        found.publish(snapshots, [entry(snapshots, partition, period="2017-01-05", inputs=followed_inputs(read))])
        for contract in (customers, orders, snapshots):
            record(found, contract, "2017-01-05")
        window = PeriodRange(day, day)
        assert look(found, following, window).counts == {"published": 1}
        found.publish(customers, [entry(customers, Partition(), 2, period="2017-01-06")])
        assert look(found, following, window).counts == {"published": 1}
        found.publish(orders, [entry(orders, partition, 2, period="2017-01-05")])
        assert look(found, following, window).counts == {"stale": 1}


def test_the_shops_snapshots_keep_the_orders_of_their_day(tmp_path: Path) -> None:
    """Each run re-opens the days of the orders that it changes: the demo ended with yesterday's snapshot stale."""
    orders, snapshots = load_contract("silver.commerce.orders"), load_contract("gold.commerce.customer_360_daily")
    day = Period.parse("2017-01-05")
    partition = Partition.of_period(day)
    with many(tmp_path) as found:
        found.publish(orders, [entry(orders, partition, period="2017-01-05")])
        found.publish(snapshots, [entry(snapshots, partition, period="2017-01-05", inputs="")])
        for contract in (orders, snapshots):
            record(found, contract, "2017-01-05")
        found.publish(orders, [entry(orders, partition, 2, period="2017-01-06")])
        assert look(found, snapshots, PeriodRange(day, day)).counts == {"published": 1}


def test_what_follows_arrivals_is_stale_once_they_were_run_again(tmp_path: Path) -> None:
    """Tables with `late_data` read what their arrivals touch, which no comparison of whole days can tell."""
    orders, sales = load_contract("silver.commerce.orders"), load_contract("gold.commerce.daily_sales")
    day = Partition.of_period(Period.parse("2017-01-05"))
    with many(tmp_path) as found:
        for contract in (orders, sales):
            found.publish(contract, [entry(contract, day, period="2017-01-05", inputs="anything")])
            record(found, contract, "2017-01-05")
            time.sleep(1.1)  # S3 tells times to the second
        assert look(found, sales).counts == {"published": 1}
        record(found, orders, "2017-01-05", "manual-2.1")
        assert look(found, sales).counts == {"stale": 1}


def test_what_has_inputs_and_is_not_there_is_missing(february: Many) -> None:
    matrix = look(february, GOLD)
    assert matrix.counts == {"missing": 28}
    assert matrix.as_dict()["partitions"][4] == {
        "partition": "year=2019/month=02/day=05", "state": "missing", "publication": None, "why": "never built",
    }  # fmt: skip
    record(february, GOLD, "2019-02")
    assert look(february, GOLD).counts == {"empty": 28}, "a run was there and had no rows"


def test_a_day_is_due_once_one_of_several_optional_upstreams_has_it(tmp_path: Path) -> None:
    """The digest was due only on days that market, shop and taxis all had: it never showed as missing."""
    digest = load_contract("gold.reports.daily_digest")
    sales, market = load_contract("gold.commerce.daily_sales"), load_contract("gold.market.market_daily_summary")
    with many(tmp_path) as found:
        found.publish(sales, [entry(sales, Partition.of_period(Period.parse("2019-02-02")), period="2019-02-02")])
        found.publish(market, [entry(market, Partition.of_period(Period.parse("2019-02-04")), period="2019-02-04")])
        days = [(str(cell.slot), cell.state) for cell in look(found, digest).cells]
        needed = digest.model_copy(update={"inputs": {**digest.inputs, market.name: InputRule()}})
        assert [str(cell.slot) for cell in look(found, needed).cells] == ["2019-02-04"], (
            "no one waits for what is optional"
        )
    assert days == [("2019-02-02", "missing"), ("2019-02-04", "missing")]


def test_an_upstreams_new_publication_makes_stale_and_a_confirmation_does_not(february: Many) -> None:
    february.publish(ZONES, [entry(ZONES, Partition(), 1, seq=2, state="unchanged", period="2019-03")])
    assert look(february, SILVER).counts == {"published": 28}
    february.publish(BRONZE, [entry(BRONZE, Partition.of_period(MONTH), 2, period="2019-02")])
    matrix = look(february, SILVER)
    assert matrix.counts == {"stale": 28}
    assert matrix.cells[0].why == "an upstream has other publications for 2019-02 than it was built from"


def test_a_catalog_that_is_behind_or_lost_changes_nothing(february: Many) -> None:
    before = look(february, SILVER)
    february.lake.catalog.client.delete_table(DatabaseName="silver_transport", Name="trips")
    assert look(february, SILVER) == before
    assert february.calls["GetObject"] == 28, "the ledger itself was asked"


def test_a_later_landing_makes_a_source_table_stale(february: Many) -> None:
    assert look(february, BRONZE).counts == {"published": 1}
    february.lake.store.put("landing/transport/nyc_tlc/yellow_trips/year=2019/month=03/a.parquet", b"another month")
    assert look(february, BRONZE).counts == {"published": 1}
    time.sleep(1)  # S3 tells seconds
    february.lake.store.put("landing/transport/nyc_tlc/yellow_trips/year=2019/month=02/b.parquet", b"corrected")
    (cell,) = look(february, BRONZE).cells
    assert (cell.state, cell.why[:25]) == ("stale", "2019-02 was landed again ")


def test_quarantine_counts_if_it_is_of_the_last_run(february: Many) -> None:
    february.lake.store.put("_quarantine/silver/transport/trips/period=2019-02/manual-1.1.parquet", b"rows")
    matrix = look(february, SILVER)
    assert matrix.counts == {"published": 28}, "rows in quarantine are a remark on a published day, not a state of it"
    assert (matrix.quarantined, matrix.cells[0].quarantined) == (28, "2019-02")
    time.sleep(1)  # S3 tells seconds
    record(february, SILVER, "2019-02", "manual-2.1")
    assert look(february, SILVER).quarantined == 0


def test_a_stale_partition_keeps_its_remark_of_quarantine(february: Many) -> None:
    february.lake.store.put("_quarantine/silver/transport/trips/period=2019-02/manual-1.1.parquet", b"rows")
    february.put([entry(SILVER, DAYS[0], 2, period="2019-02", state="publishing")], objects=False)
    unfinished, published = look(february, SILVER).cells[:2]
    assert (unfinished.state, published.state) == ("unfinished", "published")
    (row,) = calendar(look(february, SILVER))
    assert [square.mark for square in row.squares[:3] if square] == ["u", "*", "*"]


def test_neighbours_with_one_reason_are_one_line(february: Many) -> None:
    window = PeriodRange(Period.parse("2019-01"), Period.parse("2019-04"))
    first, last = list(look(february, BRONZE, window).groups("missing"))
    assert (first[0].partition, first[1].partition, first[2]) == (first[0].partition, first[0].partition, 1)
    assert (str(last[0].slot), str(last[1].slot), last[2]) == ("2019-03", "2019-04", 2)


def test_a_table_without_partitions_says_why(lake: Lake) -> None:
    assert "no run has landed `nyc_tlc.yellow_trips`" in look(lake, BRONZE).why_empty
    assert "built from `bronze.transport.yellow_trips`" in look(lake, SILVER).why_empty


def test_an_unfinished_publication_is_reported(february: Many) -> None:
    february.put([entry(SILVER, DAYS[0], 2, period="2019-02", state="publishing")], objects=False)
    matrix = look(february, SILVER)
    assert matrix.counts == {"unfinished": 1, "published": 27}
    assert "run: lakeworks repair silver.transport.trips" in matrix.cells[0].why


def test_what_airflow_is_at_comes_first_and_a_failure_made_good_is_over(february: Many) -> None:
    assert look(february, SILVER, None, failed(SILVER, "2019-02", timedelta(hours=1))).counts == {"failed": 28}
    assert look(february, SILVER, None, failed(SILVER, "2019-02", -timedelta(hours=1))).counts == {"published": 28}
    running = failed(SILVER, "2019-02-03", timedelta(0), "running")
    assert look(february, SILVER, None, running).counts == {"running": 1, "published": 27}
    later = failed(SILVER, "2019-03", timedelta(0))
    assert look(february, SILVER, None, later).counts == {"failed": 31, "published": 28}, (
        "of partitions that never were, too"
    )
    assert look(february, ZONES, None, failed(ZONES, "2019-04", timedelta(hours=1))).counts == {"failed": 1}


def test_a_failed_day_that_a_later_run_of_its_month_made_good_is_over(february: Many) -> None:
    """Only a record of the very day counted: after a native backfill, which brings months, it stayed failed for ever."""
    bad = failed(SILVER, "2019-02-03", -timedelta(hours=1))
    assert look(february, SILVER, None, bad).counts == {"published": 28}
    since = failed(SILVER, "2019-02-03", timedelta(hours=1))
    assert look(february, SILVER, None, since).counts == {"failed": 1, "published": 27}
    month = failed(GOLD, "2019-02", -timedelta(hours=1))
    record(february, GOLD, "2019-02-05")
    assert look(february, GOLD, None, month).counts == {"failed": 27, "empty": 1}, (
        "a day of it that was run is over too"
    )


def test_a_window_cuts_and_shows_what_a_source_lacks_in_it(february: Many) -> None:
    window = PeriodRange(Period.parse("2019-01"), Period.parse("2019-04"))
    assert look(february, BRONZE, window).counts == {"missing": 3, "published": 1}
    assert look(february, SILVER, PeriodRange(Period.parse("2019-02-10"), Period.parse("2019-02-12"))).counts == {
        "published": 3
    }
    beyond = look(february, SILVER, PeriodRange(first=Period.parse("2019-03")))
    assert (beyond.counts, beyond.why_empty) == ({}, "no partition of it is in the range")


def test_the_calendar_shows_the_worst_of_a_day(february: Many) -> None:
    february.put([entry(SILVER, DAYS[4], 2, period="2019-02", state="publishing")], objects=False)
    (row,) = calendar(look(february, SILVER))
    states = [square.state for square in row.squares if square]
    assert (row.label, len(row.squares), states[3:6]) == ("2019-02", 31, ["published", "unfinished", "published"])
    assert row.squares[28:] == (None, None, None)
    (year,) = calendar(look(february, BRONZE))
    assert (year.label, year.squares[:3]) == ("2019", (None, Square("published"), None))
    assert list(calendar(look(february, ZONES))) == []


def test_the_real_pipeline_leaves_what_the_matrix_needs(
    lake: Lake, replay_url: str, run_at: Callable[..., Run]
) -> None:
    """Publish, correct, confirm: through land, write, audit and publish themselves."""
    month = Period.parse("2019-01")
    source = open_source("nyc_tlc", replay_url)

    def run(contract: Contract, number: int) -> None:
        if contract.source:
            land(lake, contract, month, run_at(number), source)
        publish(lake, audit(lake, write(lake, contract.name, month, run_at(number)).key).key)

    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    window = PeriodRange(month, month)
    for contract in (ZONES, BRONZE, SILVER):
        run(contract, 1)
    # 18 of the month's 10,000 real trips are broken, on 13 days
    marked = [(str(cell.slot), cell.quarantined_rows) for cell in look(lake, SILVER, window).cells if cell.quarantined]
    assert (len(marked), marked[:3]) == (13, [("2019-01-02", 1), ("2019-01-04", 1), ("2019-01-05", 2)])
    assert sum(rows or 0 for _, rows in marked) == 18
    (row,) = calendar(look(lake, SILVER, window))
    assert [square.remark for square in row.squares[:5:4] if square] == ["", ", with 2 quarantined rows"]
    requests.post(f"{replay_url}/_control/faults", json={"match": "*2019-01*", "kind": "republished"}, timeout=5)
    run(BRONZE, 3)
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    assert look(lake, SILVER, window).counts == {"stale": 31}
    run(SILVER, 4)  # most days are as they were, and confirmed with their new inputs
    assert look(lake, SILVER, window).quarantined == 13


def expired(contract: Contract, partition: Partition, number: int, withdrawn: int, **changes: Any) -> Any:
    nothing = {"kind": "expired", "objects": (), "content": "", "based_on": withdrawn}
    return entry(contract, partition, number, **{**nothing, **changes})


def test_what_has_expired_is_neither_missing_nor_published(february: Many) -> None:
    february.publish(SILVER, [expired(SILVER, DAYS[0], 2, 1, period="2019-02")])
    found = look(february, SILVER)
    assert found.counts == {"published": 27, "expired": 1}
    assert [cell.publication for cell in found.cells if cell.state == "expired"] == [None]


def test_a_table_outlives_its_inputs_without_becoming_stale(february: Many) -> None:
    """Silver kept for a year, gold for three: on day 366 all of gold would have had to be built from nothing."""
    month = Partition.of_period(MONTH)
    february.publish(BRONZE, [expired(BRONZE, month, 2, 1, period="2019-02")])
    assert look(february, SILVER).counts == {"published": 28}
    february.publish(ZONES, [entry(ZONES, Partition(), 2, period="2019-03")])
    assert look(february, SILVER).counts == {"published": 28}, (
        "zones changed, but bronze is gone: it cannot be built again"
    )
    february.publish(BRONZE, [entry(BRONZE, month, 3, period="2019-02")])
    assert look(february, SILVER).counts == {"stale": 28}, "it was brought back"


def test_what_expired_upstream_is_not_due_downstream(february: Many) -> None:
    assert look(february, GOLD).counts == {"missing": 28}
    february.publish(SILVER, [expired(SILVER, day, 2, 1, period="2019-02") for day in DAYS[:7]])
    assert look(february, GOLD).counts == {"missing": 21}


def withdrawn(contract: Contract, partition: Partition, number: int = 2) -> Any:
    by = Run.by_hand("withdraw", entry(contract, partition).run)
    return entry(contract, partition, number, kind="withdrawal", objects=(), period="2019-02", run=by)


def test_what_a_person_withdrew_says_when_and_what_brings_it_back(february: Many) -> None:
    """The run of its month covers it, so it was called empty: `its run found no rows for it`."""
    february.publish(SILVER, [withdrawn(SILVER, DAYS[4])])
    found = look(february, SILVER)
    assert found.counts == {"withdrawn": 1, "published": 27}
    (cell,) = (cell for cell in found.cells if cell.state == "withdrawn")
    assert (cell.slot, cell.publication, cell.rows) == (DAYS[4].period, None, None)
    assert "UTC, by run withdraw__" in cell.why
    assert cell.why.endswith(f"to bring it back: lakeworks rollback {SILVER.name} 2019-02-05")
    assert next(iter(calendar(found))).squares[4] == Square("withdrawn")


def test_a_withdrawn_partition_is_due_no_more_and_feeds_nothing(february: Many) -> None:
    february.publish(SILVER, [withdrawn(SILVER, DAYS[4])])
    assert look(february, GOLD).counts == {"missing": 27}
    february.publish(SILVER, [entry(SILVER, DAYS[4], 3, period="2019-02", objects=())])
    assert look(february, SILVER).counts == {"published": 27, "empty": 1}, "a later run found no rows for it"


def test_a_withdrawn_table_without_partitions_is_brought_back_by_its_word(february: Many) -> None:
    february.publish(ZONES, [withdrawn(ZONES, Partition())])
    found = look(february, ZONES)
    assert found.counts == {"withdrawn": 1}
    assert found.cells[0].why.endswith(f"lakeworks rollback {ZONES.name} all")


def test_a_partition_that_the_table_cannot_have_is_gone_once_it_is_withdrawn(february: Many) -> None:
    strange = Partition((("year", "2019"), ("month", "02"), ("day", "31")))
    february.publish(SILVER, [withdrawn(SILVER, strange, 1)])
    assert look(february, SILVER).counts == {"published": 28}


def test_a_run_that_builds_a_withdrawn_partition_again_is_seen(february: Many) -> None:
    february.publish(SILVER, [withdrawn(SILVER, DAYS[4])])
    found = look(february, SILVER, None, failed(SILVER, "2019-02", timedelta(hours=1), "running"))
    assert found.counts == {"running": 28}


def test_a_period_that_is_not_over_is_not_due(february: Many) -> None:
    """The roll-up of a month was missing from the month's first day on."""
    during = PartitionIndex(february.lake, datetime(2019, 2, 10, 12, tzinfo=UTC))
    (found,) = status(february.lake, [GOLD], index=during)
    assert [cell.partition.path[-6:] for cell in found.cells] == [f"day={day:02}" for day in range(1, 10)]
    (found,) = status(february.lake, [GOLD], activities=[failed(GOLD, "2019-02", timedelta(hours=1))], index=during)
    assert found.counts == {"failed": 28}, "a run was asked for all of it"


def test_a_table_that_no_time_cuts_and_no_run_ever_built_says_what_to_start(february: Many) -> None:
    index, fresh = load_contract("reference.market.index_constituents"), load_contract("silver.market.fundamentals")
    assert look(february, index).why_empty.startswith("no run has landed")
    assert look(february, fresh).why_empty.startswith("it is built from `bronze.market.fundamentals`, which nothing")
    record(february, index, "2019-02")
    assert look(february, index).counts == {"missing": 1}, "a run was there, and published nothing"
    source = load_contract("bronze.market.fundamentals")
    february.publish(source, [entry(source, Partition(), period="2019-02")])
    assert look(february, fresh).counts == {"missing": 1}, "what it is built from is there"

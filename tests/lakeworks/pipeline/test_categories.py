"""Tables cut by a category or by a date column as it is: a category may run dry, and each day is its own run's."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lakeworks.authoring.example_runner import given_table
from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import AuditFailed, PartitionNotOwned
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.build_periods import plan
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.status.table_summary import summarise
from tests.support.memory_s3 import memory_lake

CUSTOMERS, PROFILES = "silver.commerce.customers", "gold.commerce.customer_profiles"
ORDERS, SALES = "silver.commerce.orders", "gold.commerce.daily_sales"
MADE = datetime(2016, 12, 1, 15)


class Market:
    """A lake whose upstream tables are published by the test's hand, and whose other tables are built by real runs."""

    def __init__(self, scratch: Path, **changed: Contract) -> None:
        known = {contract.name: contract for contract in changed.values()}
        contract_of = lambda name: known.get(name) or load_contract(name)  # noqa: E731
        self.lake = replace(memory_lake(scratch), contract=contract_of)
        self.runs = itertools.count(1)

    def run(self) -> Run:
        number = next(self.runs)
        return Run(id=f"run-{number}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number))

    def give(self, table: str, period: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Publish these rows as the whole of an upstream table's period."""
        contract, run, given = self.lake.contract(table), self.run(), list(rows)
        manifest = RunRecord(
            table=table, period=period, run=run, contract_version="1.0.0", schema_fingerprint="f",
            balance=RowBalance(read=len(given), staged=len(given)), partitions=(),
        )  # fmt: skip
        writer = PartitionedWriter(self.lake.store, contract, manifest.prefix, Period.parse(period), self.lake.scratch)
        staged = writer.write(given_table(contract, [dict(row) for row in given]).to_reader())
        self._publish(manifest.model_copy(update={"partitions": tuple(staged)}))

    def build(self, table: str, period: str) -> RunRecord:
        return self._publish(write(self.lake, table, Period.parse(period), self.run()))

    def _publish(self, manifest: RunRecord) -> RunRecord:
        return publish(self.lake, manifest.model_copy(update={"audit": {"passed": True}}).save(self.lake.store).key)

    def rows(self, table: str) -> dict[str, int]:
        """Rows of every live partition."""
        live = self.lake.ledger.live_partitions(self.lake.contract(table).table)
        return {str(partition): entry.rows for partition, entry in sorted(live.items())}


def customer(number: int, province: str) -> dict[str, Any]:
    moments = {"created_at": MADE, "updated_at": MADE, "_ingested_at": MADE}
    return {"customer_id": number, "country": "US", "province": province, "has_name": True, **moments}


def order(number: int, day: int, **more: Any) -> dict[str, Any]:
    at = datetime(2017, 1, day, 12)
    amounts = dict.fromkeys(("total_amount", "discount_amount", "tax_amount", "refunded_amount"), 1)
    return {
        "order_id": number, "order_date": at.date(), "created_at": at, "updated_at": at, "currency": "USD",
        "is_cancelled": False, "is_test": False, **amounts, **more,
    }  # fmt: skip


def profiles(**changes: Any) -> Contract:
    return load_contract(PROFILES).model_copy(update=changes)


def by_date() -> Contract:
    """Daily sales in the tutorials' layout: `order_date=2017-01-05`, each day built by its own run."""
    given = load_contract(SALES).model_dump()
    return Contract.model_validate({**given, "partition_by": ["order_date"], "late_data": None})


def test_a_region_whose_last_customer_moved_away_is_published_empty_and_stays_so(tmp_path: Path) -> None:
    shop = Market(tmp_path)
    shop.give(CUSTOMERS, "2017-01-05", [customer(1, "OH"), customer(2, "KY")])
    shop.build(PROFILES, "2017-01-05")
    assert shop.rows(PROFILES) == {"region=US-KY": 1, "region=US-OH": 1}
    shop.give(CUSTOMERS, "2017-01-06", [customer(1, "OH"), customer(2, "OH")])
    shop.build(PROFILES, "2017-01-06")
    assert shop.rows(PROFILES) == {"region=US-KY": 0, "region=US-OH": 2}
    record = shop.build(PROFILES, "2017-01-07")
    assert record.outcome == {"unchanged": 1}, "an empty region is neither an error nor written again"
    shop.give(CUSTOMERS, "2017-01-08", [customer(1, "KY"), customer(2, "OH")])
    shop.build(PROFILES, "2017-01-08")
    assert shop.rows(PROFILES) == {"region=US-KY": 1, "region=US-OH": 1}
    summary = summarise(shop.lake, load_contract(PROFILES))
    assert (summary.rows_in, summary.published) == (2, 2), "every run rewrites all regions, so the last one counts"
    days = Period.parse("2017-01").split("day")
    assert plan(load_contract(PROFILES), days) == days[-1:], "a range builds the one state there is once"
    assert plan(by_date(), days) == days


def test_without_the_contracts_word_a_dry_region_stops_the_run_with_what_to_do(tmp_path: Path) -> None:
    shop = Market(tmp_path, table=profiles(may_empty=False))
    shop.give(CUSTOMERS, "2017-01-05", [customer(1, "OH"), customer(2, "KY")])
    shop.build(PROFILES, "2017-01-05")
    shop.give(CUSTOMERS, "2017-01-06", [customer(1, "OH"), customer(2, "OH")])
    with pytest.raises(
        AuditFailed, match=r"1 live partitions .*first region=US-KY.*`may_empty: true`.*partition it by `day`"
    ):
        shop.build(PROFILES, "2017-01-06")
    assert shop.rows(PROFILES) == {"region=US-KY": 1, "region=US-OH": 1}


def test_a_day_is_emptied_of_its_own_categories_alone(tmp_path: Path) -> None:
    given = load_contract(PROFILES)
    hybrid = given.model_copy(update={"partition_by": (*_fields("day"), *given.partition_by)})
    shop = Market(tmp_path, table=hybrid)
    shop.give(CUSTOMERS, "2017-01-05", [customer(1, "OH"), customer(2, "KY")])
    for day in ("2017-01-05", "2017-01-06"):
        shop.build(PROFILES, day)
    shop.give(CUSTOMERS, "2017-01-06", [customer(1, "OH"), customer(2, "OH")])
    shop.build(PROFILES, "2017-01-06")
    path = "year=2017/month=01/day={}/region=US-{}".format
    assert shop.rows(PROFILES) == {
        path("05", "KY"): 1, path("05", "OH"): 1, path("06", "KY"): 0, path("06", "OH"): 2,
    }  # fmt: skip


def test_days_in_the_layout_of_a_date_column_are_built_one_by_one(tmp_path: Path) -> None:
    shop = Market(tmp_path, table=by_date())
    for day in (5, 6, 7):
        shop.give(ORDERS, f"2017-01-0{day}", [order(day, day)])
        shop.build(SALES, f"2017-01-0{day}")
    assert shop.rows(SALES) == {f"order_date=2017-01-0{day}": 1 for day in (5, 6, 7)}
    shop.give(ORDERS, "2017-01-06", [order(6, 6, total_amount=9), order(66, 6, currency="EUR")])
    shop.build(SALES, "2017-01-06")
    assert shop.rows(SALES)["order_date=2017-01-06"] == 2
    live = shop.lake.live(by_date(), Period.parse("2017-01"))
    assert len(live) == 3
    assert list(shop.lake.live(by_date(), Period.parse("2017-01-06"))) == [Partition.parse("order_date=2017-01-06")]
    assert not shop.lake.live(by_date(), Period.parse("2017-02"))


def test_a_row_of_another_date_is_refused_because_another_run_owns_it(tmp_path: Path) -> None:
    shop = Market(tmp_path, table=by_date())
    late = datetime(2017, 1, 6, 3)  # placed on the 5th by the shop's clock
    shop.give(ORDERS, "2017-01-06", [order(6, 6), order(5, 5, created_at=late, updated_at=late)])
    with pytest.raises(
        PartitionNotOwned, match=r"order_date=2017-01-05, which a run of 2017-01-06 does not own.*`order_date`"
    ):
        shop.build(SALES, "2017-01-06")
    assert shop.rows(SALES) == {}


@pytest.mark.parametrize(
    ("table", "changes", "says"),
    [
        (PROFILES, {"partition_by": []}, "`may_empty` needs `partition_by`"),
        (SALES, {"may_empty": True}, r"`late_data\.may_empty`"),
    ],
)
def test_a_contract_says_may_empty_where_it_has_a_meaning(table: str, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Contract.model_validate({**load_contract(table).model_dump(), **changes})


def _fields(*names: str) -> tuple[Any, ...]:
    dump = load_contract(PROFILES).model_dump()
    return Contract.model_validate({**dump, "partition_by": list(names), "may_empty": False}).partition_by

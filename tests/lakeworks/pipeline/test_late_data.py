"""Late data: whatever arrives, in whatever order and however often it is run, the table is that of a full rebuild."""

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.authoring.example_runner import given_table
from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import AuditFailed, ConfigError, ContractError, LakeNotFound, PartitionExplosion
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.s3.object_store import ObjectStore
from tests.support.memory_s3 import MemoryS3, memory_lake

BRONZE, SILVER, TOP = "bronze.commerce.orders", "silver.commerce.orders", "gold.commerce.top_customers"
FIRST_DAY = datetime(2017, 1, 1)
Version = tuple[int, int]


class Shop:
    """A lake with bronze arrivals by the test's hand and real runs of everything above."""

    def __init__(self, scratch: Path, **changes: Any) -> None:
        """`changes` are of the silver orders' contract."""
        silver = silver_with(quarantine={"limit": 1}, **changes)
        contract = lambda name: silver if name == SILVER else load_contract(name)  # noqa: E731
        self.lake = replace(memory_lake(scratch), contract=contract)
        self.runs = itertools.count(1)
        self.received: dict[int, list[dict[str, Any]]] = {}

    def arrive(self, day: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Bronze of a day gets more rows; what it had stays."""
        bronze = self.received.setdefault(day, [])
        bronze += [dict(row) for row in rows]
        period, run, contract = day_of(day), self.run(), load_contract(BRONZE)
        table = given_table(contract, bronze)
        manifest = RunRecord(
            table=BRONZE, period=str(period), run=run, contract_version="1.0.0", schema_fingerprint="f",
            balance=RowBalance(read=len(bronze), staged=len(bronze)), partitions=(),
        )  # fmt: skip
        writer = PartitionedWriter(self.lake.store, contract, manifest.prefix, period, self.lake.scratch)
        staged = writer.write(table.to_reader()) if bronze else []
        self.publish(manifest.model_copy(update={"partitions": tuple(staged)}))

    def run(self) -> Run:
        number = next(self.runs)
        return Run(id=f"run-{number}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number))

    def build(self, table: str, day: int) -> RunRecord:
        return self.publish(write(self.lake, table, day_of(day), self.run()))

    def publish(self, manifest: RunRecord) -> RunRecord:
        return publish(self.lake, manifest.model_copy(update={"audit": {"passed": True}}).save(self.lake.store).key)

    def partitions(self, table: str) -> dict[str, list[dict[str, Any]]]:
        """The live rows by partition, through the plain objects any reader sees."""
        live = self.lake.ledger.live_partitions(load_contract(table).table)
        return {
            str(part): pq.read_table(io.BytesIO(self.lake.store.get(entry.objects[0].key)[0])).to_pylist()
            for part, entry in live.items()
        }

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [row for rows in self.partitions(table).values() for row in rows]


def silver_with(**changes: Any) -> Contract:
    content = load_contract(SILVER).model_dump()
    return Contract.model_validate({**content, **changes})


def late_data_with(**changes: Any) -> dict[str, Any]:
    return {**load_contract(SILVER).model_dump()["late_data"], **changes}


def day_of(day: int) -> Period:
    return Period.containing(FIRST_DAY + timedelta(days=day), "day")


def order(number: int, version: int = 0, arrived: int = 0, **changes: Any) -> dict[str, Any]:
    """Order n is placed on day n at 22:00 by the shop's clock (the next day in UTC); a version a day follows."""
    placed = FIRST_DAY + timedelta(days=number, hours=22)
    base = {
        "id": number, "created_at": f"{placed:%Y-%m-%dT%H:%M:%S}-05:00", "currency": "USD", "financial_status": "paid",
        "updated_at": f"{placed + timedelta(days=version):%Y-%m-%dT%H:%M:%S}-05:00", "customer": {"id": 7},
        "total_line_items_price": f"{version + 1}.00", "total_discounts": "0.00", "total_tax": "0.00",
        "total_price": f"{version + 1}.00", "_ingested_at": FIRST_DAY + timedelta(days=100 + arrived),
    }  # fmt: skip
    return {**base, **changes}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def is_broken(version: Version) -> bool:
    return version[1] == 3


def row_of(version: Version, arrived: int) -> dict[str, Any]:
    return order(*version, arrived, **({"total_price": "-1.00"} if is_broken(version) else {}))


VERSIONS = st.tuples(st.integers(0, 4), st.integers(0, 4))
# A version of an order can only arrive once it exists: order n's version v on day n + v + 1 (UTC) or any later day.
ARRIVALS = st.tuples(st.just("arrive"), st.integers(0, 4), st.lists(VERSIONS, max_size=4))
# A run may be interrupted by others between its write and its publish step.
RUNS = st.tuples(st.sampled_from(["run", "write", "publish"]), st.integers(0, 13), st.just([]))
STEPS = st.lists(st.one_of(ARRIVALS, RUNS), min_size=1, max_size=8)


def play(shop: Shop, steps: Sequence[tuple[str, int, list[Version]]]) -> None:
    """Let versions arrive and days be run as told; in the end every day that got something is run, the latest first."""
    waiting: set[int] = set()
    written: list[RunRecord] = []
    for clock, (kind, number, versions) in enumerate(steps):
        if kind == "run" and number in shop.received:
            run(shop, number)
            waiting.discard(number)
        if kind == "write" and number in shop.received:
            written.append(write(shop.lake, SILVER, day_of(number), shop.run()))
            waiting.discard(number)
        if kind == "publish" and written:
            shop.publish(written.pop(number % len(written)))
        late: dict[int, list[Version]] = {}
        for version in versions:
            late.setdefault(sum(version) + 1 + number, []).append(version)
        for day, some in late.items():
            shop.arrive(day, [row_of(version, clock) for version in some])
            waiting.add(day)
    for manifest in written:
        shop.publish(manifest)
    for day in sorted(waiting, reverse=True):
        run(shop, day)


def run(shop: Shop, day: int) -> None:
    balance = shop.build(SILVER, day).balance
    assert balance.read == balance.staged + balance.quarantined + balance.deduplicated


def full_rebuild(shop: Shop) -> list[tuple[int, str, Any]]:
    """What everything received comes to, worked out without lakeworks: order, amount and first arrival of the newest good one."""
    newest: dict[int, dict[str, Any]] = {}
    for row in itertools.chain(*shop.received.values()):
        best = newest.get(row["id"])
        if row["total_price"].startswith("-"):
            continue
        if best is None or (row["updated_at"], -row["_ingested_at"].toordinal()) > (
            best["updated_at"], -best["_ingested_at"].toordinal(),
        ):  # fmt: skip
            newest[row["id"]] = row
    return sorted((number, row["total_price"], row["_ingested_at"]) for number, row in newest.items())


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_any_sequence_gives_what_a_full_rebuild_gives(tmp_path: Path, steps: Sequence[tuple[str, int, Any]]) -> None:
    shop = Shop(tmp_path)
    play(shop, steps)
    partitions = shop.partitions(SILVER)
    found = [
        (row["order_id"], str(row["total_amount"]), row["_ingested_at"]) for rows in partitions.values() for row in rows
    ]
    assert sorted(found) == full_rebuild(shop), "each order once, in its newest good version, as it first arrived"
    for path, rows in partitions.items():
        assert {str(row["created_at"].date()) for row in rows} <= {path}
    for day in shop.received:
        assert set(shop.build(SILVER, day).outcome or {}) <= {"unchanged"}, "another run changes nothing"
    assert shop.partitions(SILVER) == partitions


@pytest.mark.parametrize("first", [0, 1])
def test_two_runs_at_once_on_one_day_lose_nothing(shop: Shop, first: int) -> None:
    """One has read before the other's orders arrived; anyone who publishes second rebuild."""
    shop.arrive(1, [order(0)])
    earlier = write(shop.lake, SILVER, day_of(1), shop.run())
    shop.arrive(2, [order(0, 1), order(0, id=7)])
    later = write(shop.lake, SILVER, day_of(2), shop.run())
    both = [earlier, later]
    shop.publish(both[first])
    record = shop.publish(both[1 - first])
    assert {row["order_id"]: row["total_amount"] for row in shop.rows(SILVER)} == {0: 2, 7: 1}
    assert publish(shop.lake, both[1 - first].key) == record, "asked again, it says the same"
    assert [item.key for item in shop.lake.store.scan("_staging/silver/")] == []


def test_a_correction_reopens_its_day_and_no_other(shop: Shop) -> None:
    for day in (1, 2, 3):
        shop.arrive(day, [order(day - 1), order(day - 1, id=10 + day)])
        shop.build(SILVER, day)
    shop.arrive(9, [order(1, 4, financial_status="refunded")])
    record = shop.build(SILVER, 9)
    assert record.touched == {"year=2017/month=01/day=03": 1}
    assert record.outcome == {"published": 1}
    found = {row["order_id"]: row["financial_status"] for row in shop.partitions(SILVER)["2017-01-03"]}
    assert found == {1: "refunded", 12: "paid"}, "the day's other order is still there"
    assert record.balance.model_dump(include={"read", "staged", "deduplicated"}) == {
        "read": 3,
        "staged": 2,
        "deduplicated": 1,
    }


def test_what_a_run_wrote_is_known_when_its_record_cannot_be_read(shop: Shop) -> None:
    """The ledger's entries name the record: neither arrivals nor what an earlier run built are lost, and nothing stops."""
    shop.arrive(9, [order(0), order(1)])
    shop.build(SILVER, 9)
    store = shop.lake.store
    for table in (BRONZE, SILVER):
        for key in shop.lake.ledger.runs(load_contract(table).table, day_of(9)):
            store.put(key, b"{broken")
    shop.arrive(10, [order(5)])
    assert shop.build(SILVER, 10).outcome == {"published": 1}, "another day is no matter of these records"
    assert shop.build(SILVER, 9).touched == {"year=2017/month=01/day=02": 1, "year=2017/month=01/day=03": 1}
    assert [row["order_id"] for row in shop.rows(SILVER)] == [0, 1, 5]


def test_a_quiet_day_publishes_nothing_and_is_no_fault(shop: Shop) -> None:
    shop.arrive(1, [])
    record = shop.build(SILVER, 1)
    assert (record.touched, record.partitions, record.outcome) == ({}, (), {})
    assert shop.build(TOP, 1).outcome == {}


def test_a_day_that_was_never_received_says_what_to_run(shop: Shop) -> None:
    with pytest.raises(
        LakeNotFound, match=r"`bronze.commerce.orders` was never run for it.*Run `bronze.commerce.orders`"
    ):
        shop.build(SILVER, 1)


def test_too_many_days_stop_the_run_and_change_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path, late_data=late_data_with(max_partitions=2))
    shop.arrive(9, [order(0), order(1), order(2)])
    with pytest.raises(
        PartitionExplosion, match=r"affect 3 partitions, 2017-01-02 to 2017-01-04, more .* of 2\. Nothing was"
    ):
        shop.build(SILVER, 9)
    assert shop.rows(SILVER) == []


def test_an_invalid_date_is_quarantined_once(shop: Shop) -> None:
    shop.arrive(1, [order(0), order(0, id=5, created_at="yesterday")])
    assert shop.build(SILVER, 1).balance.broken["created_at_required"] == 1
    shop.arrive(2, [order(0, 1)])
    assert shop.build(SILVER, 2).balance.quarantined == 0, "another day does not meet it again"


@pytest.mark.parametrize(
    "created_at", ["0001-01-01T00:00:00Z", "0999-12-31T23:59:59Z", "9999-12-31T00:00:00Z", "infinity"]
)
def test_a_date_that_no_partition_can_have_is_quarantined_and_stops_no_day(shop: Shop, created_at: str) -> None:
    shop.arrive(1, [order(0), order(0, id=5, created_at=created_at)])
    for _ in range(2):
        assert shop.build(SILVER, 1).balance.broken["created_at_plausible_time"] == 1
        assert list(shop.partitions(SILVER)) == ["2017-01-02"]
    shop.arrive(2, [order(1)])
    assert shop.build(SILVER, 2).balance.quarantined == 0, "another day does not meet it again"


def test_gold_follows_and_a_day_without_customers_is_published_empty(shop: Shop) -> None:
    shop.arrive(1, [order(0)])
    shop.build(SILVER, 1)
    shop.build(TOP, 1)
    assert [(row["order_date"].day, row["customer_id"]) for row in shop.rows(TOP)] == [(1, 7)]
    shop.arrive(6, [order(0, 4, cancelled_at="2017-01-05T22:00:00-05:00")])
    shop.build(SILVER, 6)
    record = shop.build(TOP, 6)
    assert list(record.touched or ()) == ["year=2017/month=01/day=01"]
    assert shop.partitions(TOP) == {"2017-01-01": []}, "no customer of a cancelled order is left behind"
    assert set(shop.build(TOP, 6).outcome or {}) <= {"unchanged"}


def test_a_day_that_must_not_become_empty_stops_the_run(shop: Shop) -> None:
    shop.arrive(1, [order(0)])
    shop.build(SILVER, 1)
    shop.received[1] = [order(1)]  # the bronze day loses what it had, as a rollback would do
    shop.arrive(1, [])
    with pytest.raises(AuditFailed, match=r"1 live partitions would become empty, first 2017-01-02"):
        shop.build(SILVER, 1)
    assert [row["order_id"] for row in shop.rows(SILVER)] == [0]


def test_personal_data_needs_a_salt_and_reaches_neither_silver_nor_quarantine(shop: Shop) -> None:
    shop.arrive(1, [order(0, email="ada@example.com"), order(0, id=5, email="eve@example.com", total_price="-1")])
    with pytest.raises(ConfigError, match=r"masks email_hash, and LAKE_PII_SALT is not set"):
        write(replace(shop.lake, engine=DuckDbEngine(scratch=shop.lake.scratch)), SILVER, day_of(1), shop.run())
    shop.build(SILVER, 1)
    for key in [item.key for item in shop.lake.store.scan("") if item.key.startswith(("silver/", "_quarantine/"))]:
        (value,) = pq.read_table(io.BytesIO(shop.lake.store.get(key)[0]))["email_hash"].to_pylist()
        assert len(value) == 64, key
    assert "a salt for tests only" not in repr(shop.lake.engine)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"look_back_periods": 1}, "`late_data` chooses the rows to read"),
        ({"partition_by": ["day"]}, "one partition field"),
        ({"partition_by": []}, "`late_data.partition_time` goes with a partition field"),
    ],
)
def test_contracts_that_contradict_themselves_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        silver_with(**change)


def test_a_wrong_expression_names_its_place(tmp_path: Path) -> None:
    shop = Shop(tmp_path, late_data=late_data_with(partition_time="no_such_column"))
    shop.arrive(1, [order(0)])
    with pytest.raises(ContractError, match=r"`silver.commerce.orders`, late_data.partition_time: .*no_such_column"):
        shop.build(SILVER, 1)


def test_a_day_that_was_empty_and_is_filled_meanwhile_is_built_again(shop: Shop) -> None:
    """One run quarantined the only order of a day; before it publishes, another publishes a good order there."""
    shop.arrive(1, [row_of((0, 3), 0)])
    earlier = write(shop.lake, SILVER, day_of(1), shop.run())
    assert (earlier.partitions, earlier.touched) == ((), {"year=2017/month=01/day=02": 0})
    shop.arrive(2, [order(0, id=7)])
    shop.build(SILVER, 2)
    record = shop.publish(earlier)
    assert record.outcome == {"unchanged": 1}
    assert [row["order_id"] for row in shop.rows(SILVER)] == [7]


def test_an_order_dated_after_its_arrival_is_read_from_where_it_arrived(shop: Shop) -> None:
    shop.arrive(1, [order(40)])
    shop.build(SILVER, 1)
    assert [row["order_id"] for row in shop.partitions(SILVER)["2017-02-11"]] == [40]


class ListingS3(MemoryS3):
    """An S3 in memory that notes which entries of silver are listed."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[str] = []

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        self.listed += [asked["Prefix"]] if asked["Prefix"].startswith("_ledger/silver/commerce/orders/year=") else []
        return super().paginate(**asked)


def test_days_that_are_built_together_are_listed_together(shop: Shop) -> None:
    """A run that touches many days of a month asks for their entries at once, at each of its four looks at them."""
    s3 = ListingS3()
    client: Any = s3
    shop.lake = replace(shop.lake, store=ObjectStore(client, "lake", threads=1))
    shop.arrive(20, [order(number) for number in range(12)])
    month = "_ledger/silver/commerce/orders/year=2017/month=01/"
    assert shop.build(SILVER, 20).outcome == {"published": 12}
    assert s3.listed == [month] * 3, "before the inputs are read, before publication, for the next numbers"
    s3.listed.clear()
    assert shop.build(SILVER, 20).outcome == {"unchanged": 12}
    assert s3.listed == [month] * 4, "once more after the confirmations"

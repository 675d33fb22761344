"""Partitions of several objects: immutable, live by the ledger, found through the catalog's location."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ContractError, LiveChanged
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.verification import repair, verify
from lakeworks.parquet.dataset import open_dataset
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from lakeworks.publications.rollbacks import rollback
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import client, contract_of, new_store

MONTH = Period.parse("2019-01")
PARTITION = Partition.of_period(MONTH)
COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": "key"},
    "value": {"type": "double", "description": "value"},
}
RunAt = Callable[..., Run]


class Killed(BaseException):
    """Stands for SIGKILL."""


def contract(layout: str = "versioned") -> Contract:
    storage = {"layout": layout, "target_bytes": 5_000, "row_group_rows": 500}
    return contract_of("silver.test.large", columns=COLUMNS, partition_by=["month"], storage=storage)


def table(count: int, factor: float = 1.0) -> pa.Table:
    # values that do not compress, so that sizes follow the number of rows
    values = [(i * 2654435761 % 4294967296) / 7.0 * factor for i in range(count)]
    return pa.table({"id": range(count), "value": values}, schema=contract().arrow_schema)


@dataclass(frozen=True)
class Publishing:
    """Stages and publishes a table as the pipeline does, stopping where a test wants."""

    lake: Lake
    wanted: Contract
    month: Period = MONTH

    def stage(self, rows: pa.Table, run: Run, batch: int = 333) -> RunRecord:
        manifest = RunRecord(
            table=self.wanted.name, period=str(self.month), run=run, contract_version="1.0.0", schema_fingerprint="f",
            balance=RowBalance(read=len(rows), staged=len(rows)), partitions=(), audit={"passed": True},
        )  # fmt: skip
        writer = PartitionedWriter(self.lake.store, self.wanted, manifest.prefix, self.month, self.lake.scratch)
        return manifest.model_copy(update={"partitions": tuple(writer.write(rows.to_reader(batch)))})

    def publish(self, rows: pa.Table, run: Run, die_at: str = "") -> LedgerEntry:
        def step(name: str) -> None:
            if name == die_at:
                raise Killed(name)

        manifest = self.stage(rows, run)
        publisher = Publisher(self.lake.ledger, Registrar(self.lake, self.wanted), on_step=step)
        return publisher.publish([entry_for(self.wanted, manifest, item) for item in manifest.partitions])[0]

    def by_ledger(self) -> pa.Table:
        live = self.lake.ledger.live_partitions(self.wanted.table)
        return open_dataset(self.lake.store, self.wanted, live.values()).to_table()

    def by_catalog(self) -> pa.Table:
        """What an Athena-style reader gets: every object below the location Glue names."""
        (found,) = self.lake.catalog.partitions(self.wanted)
        prefix = found["StorageDescriptor"]["Location"].removeprefix(f"s3://{self.lake.store.bucket}/")
        bodies = [self.lake.store.get(item.key)[0] for item in self.lake.store.scan(prefix)]
        return pa.concat_tables([pq.read_table(pa.BufferReader(body)) for body in bodies])


@pytest.fixture
def large(lake: Lake) -> Publishing:
    wanted = contract()
    return Publishing(replace(lake, contract=lambda _: wanted), wanted)


def test_a_partition_above_the_target_size_becomes_several_objects_the_same_every_time(
    large: Publishing, run_at: RunAt
) -> None:
    rows = table(5_000)
    first, second = large.stage(rows, run_at(1), batch=77), large.stage(rows, run_at(2), batch=5_000)
    (one,), (two,) = first.partitions, second.partitions
    assert [item.sha256 for item in one.objects] == [item.sha256 for item in two.objects]
    assert len(one.objects) > 2
    assert all(5_000 <= item.size < 17_000 for item in one.objects[:-1]), "cut a row group after the target is reached"
    assert sum(item.rows for item in one.objects) == 5_000


def test_ledger_catalog_and_rows_agree_after_every_publication(large: Publishing, run_at: RunAt) -> None:
    for number, factor in ((1, 1.0), (2, 2.0)):
        entry = large.publish(table(3_000, factor), run_at(number))
        assert len(entry.objects) > 1
        assert entry.location.startswith("silver/test/large.versions/manual__")
        assert large.by_ledger().equals(table(3_000, factor))
        assert large.by_catalog().equals(table(3_000, factor))
    assert verify(large.lake, large.wanted, deep=True) == []
    again = large.publish(table(3_000, 2.0), run_at(3))
    assert (again.state, again.location) == ("unchanged", entry.location), "an immutable copy is as good as another"


def test_a_program_that_reads_a_folder_whole_sees_no_superseded_object(large: Publishing, run_at: RunAt) -> None:
    """Crawlers and engines without the catalog read folders; Athena's guide warns of locations that begin with `_`."""
    for number in (1, 2):
        large.publish(table(2_000, number), run_at(number))
    (registered,) = large.lake.catalog.partitions(large.wanted)
    names = registered["StorageDescriptor"]["Location"].removeprefix("s3://").strip("/").split("/")
    assert [name for name in names if name.startswith(("_", "."))] == []
    table_folder = large.lake.location(large.wanted).removeprefix(f"s3://{large.lake.store.bucket}/")
    assert [*large.lake.store.scan(table_folder)] == []


@pytest.mark.parametrize("where", ["a tenant's share", "a bucket per layer"])
@pytest.mark.parametrize("layout", ["plain", "versioned"])
def test_the_catalog_agrees_wherever_the_objects_lie(
    large: Publishing, run_at: RunAt, moto_url: str, where: str, layout: str
) -> None:
    own = new_store(moto_url).bucket
    layered = ObjectStore(client("s3", moto_url), large.lake.store.bucket, 4, layers={"silver": own})
    lake = large.lake.for_tenant(Tenant("acme")) if "tenant" in where else replace(large.lake, store=layered)
    writer = Publishing(lake, contract(layout))
    writer.publish(table(200), run_at(1))
    assert list(compare_catalog(lake, writer.wanted)) == []
    assert verify(lake, writer.wanted, deep=True) == []


def before_they_lay_beside(large: Publishing, rows: pa.Table, run: Run) -> LedgerEntry:
    """Publish as releases before 2026-12 did: below `_versions/` in the table's own folder."""
    manifest = large.stage(rows, run)
    (entry,) = [entry_for(large.wanted, manifest, item) for item in manifest.partitions]
    objects = tuple(
        item.model_copy(update={"key": item.key.replace(".versions/", "/_versions/")}) for item in entry.objects
    )
    old = entry.model_copy(update={"location": entry.location.replace(".versions/", "/_versions/"), "objects": objects})
    return Publisher(large.lake.ledger, Registrar(large.lake, large.wanted)).publish([old])[0]


def test_objects_of_earlier_releases_stay_readable_and_are_collected(large: Publishing, run_at: RunAt) -> None:
    collect: Any = lambda: garbage.collect(large.lake, [large.wanted], older_than=timedelta(0), dry_run=False)  # noqa: E731
    before_they_lay_beside(large, table(2_000), run_at(1))
    live = before_they_lay_beside(large, table(2_000, 2.0), run_at(2))
    assert "superseded version" in [item.kind for item in collect()]
    assert [item.key for item in large.lake.store.scan("silver/test/large")] == [item.key for item in live.objects]
    assert verify(large.lake, large.wanted, deep=True) == []
    assert large.by_catalog().equals(table(2_000, 2.0))
    large.publish(table(2_000, 3.0), run_at(3))
    assert [item.where for item in collect() if item.kind == "superseded version"] == [
        "silver/test/large/year=2019/month=01"
    ]
    assert [*large.lake.store.scan("silver/test/large/")] == []
    assert large.by_catalog().equals(table(2_000, 3.0))


@pytest.mark.parametrize("step", ["reserve", "place", "placed", "register", "surplus", "complete"])
def test_killed_at_any_step_a_reader_sees_one_whole_publication(large: Publishing, run_at: RunAt, step: str) -> None:
    old, new = table(3_000), table(2_000, 3.0)
    large.publish(old, run_at(1))
    with pytest.raises(Killed):
        large.publish(new, run_at(2), die_at=step)
    for seen in (large.by_ledger(), large.by_catalog()):
        assert seen.equals(old) or seen.equals(new)
    repair(large.lake, large.wanted, verify(large.lake, large.wanted, patience=timedelta(0)))
    assert verify(large.lake, large.wanted, deep=True) == []
    expected = old if step == "reserve" else new
    assert large.by_ledger().equals(expected)
    assert large.by_catalog().equals(expected)


def test_rollback_copies_because_the_old_objects_may_be_garbage_by_now(large: Publishing, run_at: RunAt) -> None:
    """Garbage collection read the ledger, then a person rolled back, then it deletes what it had found."""
    first = large.publish(table(3_000), run_at(1))
    large.publish(table(3_000, 2.0), run_at(2))
    entry = rollback(large.lake, large.wanted, PARTITION)
    assert [item.sha256 for item in entry.objects] == [item.sha256 for item in first.objects]
    large.lake.store.delete(item.key for item in first.objects)
    assert large.by_catalog().equals(table(3_000))
    assert verify(large.lake, large.wanted, deep=True) == []


def test_garbage_leaves_what_readers_may_still_read_and_removes_it_later(large: Publishing, run_at: RunAt) -> None:
    for number in (1, 2, 3):
        large.publish(table(2_000, number), run_at(number))
    collect: Any = lambda **how: garbage.collect(large.lake, [large.wanted], dry_run=False, **how)  # noqa: E731
    assert collect() == [], "superseded less than a day ago"
    found = [item for item in collect(older_than=timedelta(0)) if item.kind == "superseded version"]
    assert [item.where for item in found] == ["silver/test/large/year=2019/month=01"]
    assert large.by_catalog().equals(table(2_000, 3))
    assert verify(large.lake, large.wanted, deep=True) == []
    assert [item for item in collect(older_than=timedelta(0)) if item.kind == "superseded version"] == []
    # gone from sight, but within the bucket's rollback horizon
    rollback(large.lake, large.wanted, PARTITION, to=1)
    assert large.by_catalog().equals(table(2_000, 1))


def test_a_run_that_publishes_again_shares_no_object_with_its_first_time(large: Publishing, run_at: RunAt) -> None:
    """Garbage collection had decided to delete the first ones, and the catalog named them again (simulation, seed 21218)."""
    first = large.publish(table(5_000), run_at(1))
    large.publish(table(4_000), run_at(2))
    again = large.publish(table(5_000), run_at(1).model_copy(update={"started_at": run_at(3).started_at}))
    assert again.run.key == first.run.key
    large.lake.store.delete(item.key for item in first.objects)
    assert large.by_catalog().num_rows == large.by_ledger().num_rows == 5_000
    other = large.publish(table(3_000, 2.0), run_at(2).model_copy(update={"started_at": run_at(4).started_at}))
    assert other.seq == 4, "the objects of another content are the lake's own too"
    assert large.by_catalog().num_rows == 3_000


def test_a_table_changes_its_layout_with_its_next_publication(large: Publishing, run_at: RunAt) -> None:
    plain = Publishing(large.lake, contract_of("silver.test.large", columns=COLUMNS, partition_by=["month"]))
    for number, writer in ((1, plain), (2, large), (3, plain)):
        writer.publish(table(1_500, number), run_at(number))
        assert writer.by_ledger().equals(table(1_500, number))
        assert writer.by_catalog().equals(table(1_500, number))
        assert verify(large.lake, writer.wanted, deep=True) == []
    keys = [item.key for item in large.lake.store.scan("silver/test/large/year=")]
    assert keys == ["silver/test/large/year=2019/month=01/part-00000.parquet"]


def test_several_objects_need_the_versioned_layout(large: Publishing, run_at: RunAt) -> None:
    manifest = large.stage(table(3_000), run_at(1))
    entries: Sequence[Any] = manifest.partitions
    with pytest.raises(ContractError, match=r"objects are staged.*Set `layout: versioned`"):
        entry_for(contract("plain"), manifest, entries[0])


def test_a_foreign_object_at_an_immutable_key_stops_the_publication(large: Publishing, run_at: RunAt) -> None:
    manifest = large.stage(table(3_000), run_at(1))
    wanted = entry_for(large.wanted, manifest, manifest.partitions[0])
    large.lake.store.put(wanted.objects[0].key, b"something else")
    with pytest.raises(LiveChanged, match="Nothing was published"):
        Publisher(large.lake.ledger, Registrar(large.lake, large.wanted)).publish([wanted])


@pytest.mark.parametrize("keeps_versions", [True, False], ids=["versions", "no versions"])
def test_foreign_bytes_at_a_live_immutable_key_are_not_taken_for_the_same_content(
    large: Publishing, run_at: RunAt, moto_url: str, keeps_versions: bool
) -> None:
    lake = large.lake if keeps_versions else replace(large.lake, store=new_store(moto_url, versioned=False))
    writer = Publishing(lake, large.wanted)
    first = writer.publish(table(2_000), run_at(1))
    lake.store.put(first.objects[0].key, b"something else")
    again = writer.publish(table(2_000), run_at(2))
    assert again.state == "published", "what is live is not what the ledger names"
    assert writer.by_catalog().equals(table(2_000))

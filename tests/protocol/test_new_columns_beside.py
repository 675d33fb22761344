"""A run that brings a new column beside a publication: Glue guards no update of a partition."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakeworks.core.types import LakeType
from lakeworks.lake import Lake
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from lakeworks.publications.withdrawal import withdraw
from tests.protocol.test_versioned import PARTITION, Killed, Publishing, contract, table


@dataclass
class Between:
    """A Glue client; something happens right before its first update (or other request) of partitions, which were read by then."""

    client: Any
    act: Callable[[], object] | None
    request: str = "batch_update_partition"

    def __getattr__(self, name: str) -> Any:
        if name == self.request and self.act:
            act, self.act = self.act, None
            act()
        return getattr(self.client, name)


@pytest.fixture
def published(lake: Lake, run_at: Callable[..., Run]) -> Publishing:
    wanted = contract()
    found = Publishing(replace(lake, contract=lambda _: wanted), wanted)
    found.publish(table(100), run_at(1))
    return found


def interrupted(published: Publishing, act: Callable[[], object]) -> Lake:
    """Return a lake whose catalog is interrupted while it gives partitions the table's new columns."""
    catalog = published.lake.catalog
    return replace(published.lake, catalog=replace(catalog, client=Between(catalog.client, act)))


def bring_a_column(published: Publishing, lake: Lake) -> None:
    """Register a column that arrived, as a run of another partition does; it touches every partition's columns."""
    live = published.lake.ledger.live(published.wanted.table, PARTITION)
    assert live
    other = live.model_copy(update={"partition": "year=2018/month=12"})
    Registrar(lake, published.wanted, (("fee", LakeType("double")),))([other])


def test_a_partition_published_meanwhile_keeps_its_location(published: Publishing, run_at: Callable[..., Run]) -> None:
    """It got its old location back: readers of the catalog saw the superseded rows, and after a day an empty partition."""
    lake = interrupted(published, lambda: published.publish(table(100, 2.0), run_at(2)))
    bring_a_column(published, lake)
    entry = published.lake.ledger.live(published.wanted.table, PARTITION)
    assert entry
    (item,) = (one for one in published.lake.catalog.partitions(published.wanted) if one["Values"] == PARTITION.values)
    assert item["StorageDescriptor"]["Location"].endswith(entry.location)
    assert item["StorageDescriptor"]["Columns"][-1]["Name"] == "fee"


def test_a_partition_registered_meanwhile_and_not_complete_yet_keeps_its_location(
    published: Publishing, run_at: Callable[..., Run]
) -> None:
    """Simulation, seed 1023899: its writer completed it later and saw nothing to register, so the catalog stayed behind."""
    registered, may_complete = Event(), Event()

    def wait(step: str) -> None:
        if step == "complete":
            registered.set()
            assert may_complete.wait(30)

    manifest = published.stage(table(100, 2.0), run_at(2))
    entries = [entry_for(published.wanted, manifest, item) for item in manifest.partitions]
    publisher = Publisher(published.lake.ledger, Registrar(published.lake, published.wanted), on_step=wait)
    with ThreadPoolExecutor(1) as pool:

        def publish_half() -> None:
            writing.append(pool.submit(publisher.publish, entries))
            assert registered.wait(30)

        writing: list[Future[Any]] = []
        try:
            bring_a_column(published, interrupted(published, publish_half))
        finally:
            may_complete.set()
        writing[0].result()
    entry = published.lake.ledger.live(published.wanted.table, PARTITION)
    assert entry
    assert entry.seq == 2
    (item,) = (one for one in published.lake.catalog.partitions(published.wanted) if one["Values"] == PARTITION.values)
    assert item["StorageDescriptor"]["Location"].endswith(entry.location)


@dataclass
class LostAnswer:
    """A Glue client whose first update of the table takes effect, and is refused when the client sends it again."""

    client: Any
    lost: bool = False

    def update_table(self, **request: Any) -> Any:
        answer = self.client.update_table(**request)
        if self.lost:
            return answer
        self.lost = True
        refused = {"Error": {"Code": "ConcurrentModificationException", "Message": "Update table failed"}}
        raise ClientError(refused, "UpdateTable")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def test_partitions_follow_the_table_whose_update_was_answered_twice(published: Publishing) -> None:
    """Simulation, seed 1025965: the second look at the table found the columns, and the partitions never got them."""
    catalog = published.lake.catalog
    bring_a_column(published, replace(published.lake, catalog=replace(catalog, client=LostAnswer(catalog.client))))
    for item in catalog.partitions(published.wanted):
        assert item["StorageDescriptor"]["Columns"][-1]["Name"] == "fee", item["Values"]


def test_repair_of_the_table_sets_no_partition_back(published: Publishing, run_at: Callable[..., Run]) -> None:
    changed = published.wanted.model_copy(
        update={"columns": {**published.wanted.columns, "fee": published.wanted.columns["value"]}}
    )
    by_new_contract = replace(published, wanted=changed)
    lake = interrupted(published, lambda: by_new_contract.publish(table(100, 2.0), run_at(2)))
    list(compare_catalog(lake, changed, repair=True))
    (item,) = published.lake.catalog.partitions(published.wanted)
    entry = published.lake.ledger.live(published.wanted.table, PARTITION)
    assert entry
    assert item["StorageDescriptor"]["Location"].endswith(entry.location)


def test_repair_registers_nothing_that_is_being_withdrawn(published: Publishing) -> None:
    """The withdrawal dropped the partition and is not complete yet when repair, which read the ledger before, registers it."""
    lake, wanted = published.lake, published.wanted
    lake.catalog.drop_partitions(wanted, [PARTITION])

    def withdraw_half() -> None:
        live = lake.ledger.live(wanted.table, PARTITION)
        assert live
        nothing = {"kind": "withdrawal", "objects": (), "content": "", "run": Run.by_hand("withdraw", live.run)}

        def die(step: str) -> None:
            if step == "surplus":
                raise Killed(step)

        with pytest.raises(Killed):
            Publisher(lake.ledger, Registrar(lake, wanted), on_step=die).publish([live.model_copy(update=nothing)])

    repairing = replace(
        lake,
        catalog=replace(lake.catalog, client=Between(lake.catalog.client, withdraw_half, "batch_create_partition")),
    )
    list(compare_catalog(repairing, wanted, repair=True))
    assert list(lake.catalog.partitions(wanted)) == []
    assert verify(lake, wanted) == []


def test_a_partition_withdrawn_meanwhile_is_no_error(published: Publishing) -> None:
    lake = interrupted(published, lambda: withdraw(published.lake, published.wanted, PARTITION))
    bring_a_column(published, lake)
    published.lake.catalog.drop_partitions(
        published.wanted, [replace(PARTITION, pairs=(("year", "2018"), ("month", "12")))]
    )
    assert verify(published.lake, published.wanted) == []

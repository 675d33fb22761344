"""A build downstream reads all of an upstream run over several partitions, or nothing of it."""

from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import RunRecord
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from lakeworks.pipeline.write_step import write
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.table_status import status
from tests.lakeworks.pipeline.test_late_data import SILVER, TOP, Shop, day_of, order


class Killed(BaseException):
    """The process is gone."""


def die_before_the_number(shop: Shop, manifest: RunRecord) -> None:
    contract = shop.lake.contract(SILVER)

    def on_step(name: str) -> None:
        if name == "number":
            raise Killed

    publisher = Publisher(shop.lake.ledger, Registrar(shop.lake, contract), on_step=on_step)
    with pytest.raises(Killed):
        publisher.publish([entry_for(contract, manifest, item) for item in manifest.partitions])


def read(manifest: RunRecord) -> set[int | None]:
    return {item.seq for item in manifest.inputs if item.name == SILVER}


def of_silver(shop: Shop) -> set[str]:
    (matrix,) = status(shop.lake, [shop.lake.contract(SILVER)])
    return {cell.state for cell in matrix.cells if cell.publication}


def test_a_build_reads_what_was_before_a_half_run_and_then_all_of_the_run(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.arrive(6, [order(1), order(2)])
    assert len(shop.build(SILVER, 6).partitions) == 2
    shop.arrive(7, [order(1, 3), order(2, 3)])
    staged = write(shop.lake, SILVER, day_of(7), shop.run()).model_copy(update={"audit": {"passed": True}})
    die_before_the_number(shop, staged)
    table = load_contract(SILVER).table
    assert {entry.live_seq for entry in shop.lake.ledger.live_partitions(table).values()} == {2}
    assert read(write(shop.lake, TOP, day_of(6), shop.run())) == {1}
    assert len(PartitionIndex(shop.lake).half_runs(shop.lake.contract(SILVER))) == 2
    assert of_silver(shop) == {"unfinished"}
    shop.build(SILVER, 7)
    after = read(write(shop.lake, TOP, day_of(6), shop.run()))
    assert after
    assert all(number and number >= 2 for number in after)
    assert of_silver(shop).isdisjoint({"unfinished"})

"""Catalog and ledger in both directions, at up to 2,000 partitions, on a Glue server that enforces AWS's limits."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.core.types import LakeType
from lakeworks.maintenance.catalog_difference import CatalogDifference, summarised
from lakeworks.maintenance.catalog_repair import compare_catalog
from tests.support.many_partitions import Many, entry, many, partitions, prices

LARGE, COUNT = 2000, 130
CONTRACT = prices()


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Many]:
    with many(tmp_path) as found:
        yield found


@pytest.fixture
def large(lake: Many) -> Many:
    """2,000 partitions, as publishing leaves them."""
    lake.publish(CONTRACT, [entry(CONTRACT, partition) for partition in partitions(LARGE)])
    lake.reset()
    return lake


@pytest.fixture
def published(lake: Many) -> Many:
    """More than one batch of them."""
    lake.publish(CONTRACT, [entry(CONTRACT, partition) for partition in partitions(COUNT)])
    lake.reset()
    return lake


def kinds(found: list[CatalogDifference]) -> dict[str, int]:
    return dict(Counter(item.kind for item in found))


def run(many: Many, contract: Contract = CONTRACT, **options: Any) -> list[CatalogDifference]:
    return list(compare_catalog(many.lake, contract, **options))


def held(many: Many) -> dict[tuple[str, ...], dict[str, Any]]:
    return many.glue.partitions["silver_market", "prices"]


def test_where_all_agree_nothing_is_read_one_by_one(large: Many) -> None:
    steps: list[tuple[int, int]] = []
    assert run(large, progress=lambda done, total: steps.append((done, total))) == []
    assert (len(steps), steps[-1]) == (LARGE, (LARGE, LARGE))
    assert large.calls == {"ListObjectsV2": 5}, "two listings of 2,000 keys, and one of a folder of other layouts"
    assert large.glue.calls["GetPartitions"] <= 8, "four segments, each a page or two"


def test_a_lost_table_comes_back_in_the_fewest_calls(published: Many) -> None:
    published.lake.catalog.client.delete_table(DatabaseName="silver_market", Name="prices")
    assert [(item.kind, item.detail) for item in run(published)] == [
        ("table not in catalog", f"{COUNT} partitions of it are in the ledger")
    ]
    published.reset()
    assert kinds(run(published, repair=True)) == {"table not in catalog": 1, "not in catalog": COUNT}
    assert (published.glue.calls["BatchCreatePartition"], published.calls["GetObject"]) == (2, COUNT)
    assert run(published) == []


def test_a_deep_diff_reads_every_entry(published: Many) -> None:
    assert run(published, deep=True) == []
    assert published.calls["GetObject"] == COUNT


def bend(many: Many) -> None:
    """Everything that can go wrong with a partition in a catalog."""
    values = sorted(held(many))
    for item in values[:105]:
        del held(many)[item]
    model = held(many)[values[-1]]
    for number in range(30):
        dead = ("DEAD", "2020", "01", f"{number:02d}")
        place = {
            **model["StorageDescriptor"],
            "Location": many.lake.store.uri(f"silver/market/prices/symbol=DEAD/{number}/"),
        }
        held(many)[dead] = {**model, "Values": list(dead), "StorageDescriptor": place}
    location, column, rows = (held(many)[values[number]] for number in (110, 111, 112))
    location["StorageDescriptor"]["Location"] = "s3://elsewhere/"
    column["StorageDescriptor"]["Columns"] = column["StorageDescriptor"]["Columns"][:1]
    rows["Parameters"]["numRows"] = "999"


def test_catalog_differences_are_reported_repaired_and_gone(published: Many) -> None:
    bend(published)
    expected = {"not in catalog": 105, "dead in catalog": 30, "wrong in catalog": 3}
    found = run(published)
    assert kinds(found) == expected
    assert not any(item.repaired for item in found)
    details = [item.detail for item in found if item.kind == "wrong in catalog"]
    for text in ("location `s3://elsewhere/` is not", "column volume is missing", "numRows 999 is not 10"):
        assert any(text in detail for detail in details), text
    assert len(held(published)) == COUNT - 105 + 30, "a diff changes nothing"
    published.reset()
    repaired = run(published, repair=True)
    assert (kinds(repaired), all(item.repaired for item in repaired)) == (expected, True)
    calls = published.glue.calls
    assert (calls["BatchCreatePartition"], calls["BatchUpdatePartition"], calls["BatchDeletePartition"]) == (2, 1, 2)
    assert run(published, deep=True) == []
    assert run(published, repair=True) == [], "a second repair has nothing to do"


def test_a_throttled_item_is_tried_again_and_a_refused_one_is_named(published: Many) -> None:
    bend(published)
    first = min(partitions(COUNT), key=lambda item: item.values)
    glue = published.glue
    glue.faults["BatchCreatePartition", "S000"] = 150
    glue.faults["BatchDeletePartition", "DEAD"] = 40
    glue.faults["BatchUpdatePartition", ""] = 1
    assert all(item.repaired for item in run(published, repair=True))
    bend(published)
    glue.refused = {"S000": "AccessDeniedException"}
    left = [item for item in run(published, repair=True) if not item.repaired]
    assert {item.kind for item in left} == {"not in catalog", "wrong in catalog"}
    assert first in {item.partition for item in left}
    assert all("Glue refused to repair it: AccessDeniedException. Run again" in item.detail for item in left)
    glue.refused = {}
    assert all(item.repaired for item in run(published, repair=True))
    assert run(published, deep=True) == []


def test_objects_that_are_not_ours_stay_visible_and_lost_ones_are_reported(published: Many) -> None:
    model = held(published)[sorted(held(published))[0]]
    foreign = ["FOREIGN", "2020", "01", "01"]
    place = "silver/market/prices/symbol=FOREIGN/year=2020/month=01/day=01/"
    descriptor = {**model["StorageDescriptor"], "Location": published.lake.store.uri(place)}
    held(published)[tuple(foreign)] = {**model, "Values": foreign, "StorageDescriptor": descriptor}
    published.lake.store.put(f"{place}data.parquet", b"a person's")
    lost = entry(CONTRACT, partitions(1)[0])
    published.lake.store.delete([lost.objects[0].key])
    found = run(published, repair=True)
    assert {(item.kind, item.repaired) for item in found} == {("foreign in catalog", False), ("no object", False)}
    assert tuple(foreign) in held(published)
    assert summarised(found)["differences"] == {"no object": 1, "foreign in catalog": 1}


def test_unfinished_and_unreadable_publications_are_left_to_their_writers(published: Many) -> None:
    under_way, broken, withdrawn = partitions(3)
    published.put([entry(CONTRACT, under_way, 2, state="publishing")], objects=False)
    published.lake.store.put(entry(CONTRACT, broken, 2).key, b"{")
    published.put([entry(CONTRACT, withdrawn, 2, kind="withdrawal", objects=())])
    published.lake.store.delete([entry(CONTRACT, withdrawn).objects[0].key])
    found = run(published, repair=True)
    assert {(item.kind, item.partition, item.repaired) for item in found} == {
        ("ledger unreadable", broken, False),
        ("dead in catalog", withdrawn, True),
    }
    assert tuple(under_way.values) in held(published)


def test_confirming_the_same_content_is_no_difference(published: Many) -> None:
    first = partitions(1)[0]
    published.put([entry(CONTRACT, first, 1, seq=2, state="unchanged")])
    published.reset()
    assert run(published) == []
    assert published.calls["GetObject"] == 1, "the number alone does not clear it"
    assert run(published, repair=True) == []
    published.reset()
    assert run(published) == []
    assert "GetObject" not in published.calls, "repairing brought the number up"


def test_a_partition_published_meanwhile_is_not_set_back(published: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repair reads publication 1, a writer publishes 2, the repair writes 1: it must notice and write 2."""
    partition = partitions(1)[0]
    del held(published)[tuple(partition.values)]
    real = published.glue.do_BatchCreatePartition

    def overtaken(call: Any) -> Any:
        monkeypatch.setattr(published.glue, "do_BatchCreatePartition", real)
        published.put([entry(CONTRACT, partition, 2)])
        return real(call)

    monkeypatch.setattr(published.glue, "do_BatchCreatePartition", overtaken)
    assert kinds(run(published, repair=True)) == {"not in catalog": 1}
    assert held(published)[tuple(partition.values)]["Parameters"]["lakeworks.publication"] == "2"


def test_a_column_that_comes_during_a_repair_reaches_what_it_sets(
    published: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    del held(published)[tuple(partitions(1)[0].values)]
    catalog, location = published.lake.catalog, published.lake.location(CONTRACT)
    real = catalog.client.batch_create_partition

    def overtaken(**call: Any) -> Any:
        monkeypatch.setattr(catalog.client, "batch_create_partition", real)
        catalog.upsert_table(CONTRACT, location, [("fee", LakeType("double"))])
        return real(**call)

    monkeypatch.setattr(catalog.client, "batch_create_partition", overtaken)
    assert kinds(run(published, repair=True)) == {"not in catalog": 1}
    assert run(published) == []


def test_a_table_behind_its_contract_is_brought_up_with_every_partition(published: Many) -> None:
    wider = {"type": "bigint", "description": "Shares."}
    newer = prices(
        version="1.1.0", columns={"volume": wider, "currency": {"type": "string", "description": "ISO 4217."}}
    )
    (found,) = run(published, newer)
    assert found.kind == "table behind contract"
    for text in (
        "column currency is missing",
        "column volume is int, not bigint",
        "lakeworks.contract 1.0.0 is not 1.1.0",
    ):
        assert text in found.detail
    assert [item.kind for item in run(published, newer, repair=True)] == ["table behind contract"]
    columns = {
        tuple((c["Name"], c["Type"]) for c in item["StorageDescriptor"]["Columns"]) for item in held(published).values()
    }
    assert columns == {
        (("close", "double"), ("traded_on", "date"), ("volume", "bigint"), ("currency", "string"))
    } or columns == {(("traded_on", "date"), ("close", "double"), ("volume", "bigint"), ("currency", "string"))}
    assert run(published, newer, deep=True) == []


def test_other_partition_keys_are_for_a_person_to_decide(published: Many) -> None:
    (found,) = run(published, prices(partition_by=["day(traded_on)"]), repair=True)
    assert (found.kind, found.repaired) == ("other partition keys", False)
    assert "drop the Glue table (no data is lost)" in found.detail


def test_an_index_is_made_once_it_is_worth_it(published: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakeworks.catalog.indexes.WORTH_IT", COUNT)
    for _ in range(2):
        run(published, repair=True)
    (index,) = published.lake.catalog.client.get_partition_indexes(DatabaseName="silver_market", TableName="prices")[
        "PartitionIndexDescriptorList"
    ]
    assert [key["KeyName" if "KeyName" in key else "Name"] for key in index["Keys"]] == [
        "symbol",
        "year",
        "month",
        "day",
    ]


def test_a_table_never_published_is_no_difference_and_is_not_made(lake: Many) -> None:
    assert run(lake, repair=True) == []
    assert lake.lake.catalog.table(CONTRACT.table) is None


def test_awkward_values_are_right(lake: Many) -> None:
    found = [
        Partition((("symbol", value), ("year", "2020"), ("month", "01"), ("day", "01")))
        for value in ("BRK/B", "ü", None)
    ]
    lake.publish(CONTRACT, [entry(CONTRACT, partition) for partition in found])
    assert run(lake) == []
    assert run(lake, deep=True) == []


def test_a_partition_published_during_the_listing_is_never_out_of_the_catalog(published: Many) -> None:
    """Registered, not in the ledger when it was listed, and published before it would have been dropped as dead."""
    other = Contract.model_validate({**CONTRACT.model_dump(), "name": CONTRACT.name})
    fresh = partitions(COUNT + 1)[-1]
    values = tuple(fresh.values)
    published.publish(other, [entry(CONTRACT, fresh)])
    for key in (entry(CONTRACT, fresh).key, entry(CONTRACT, fresh).objects[0].key):
        published.lake.store.delete([key])
    published.reset()

    def publish(done: int, _: int) -> None:
        if done == 1:
            published.put([entry(CONTRACT, fresh)])

    assert run(published, repair=True, progress=publish) == []
    assert published.glue.calls["BatchDeletePartition"] == 0
    assert values in held(published)

"""The catalog on a real Glue protocol: a true upsert, batches, per-item errors, awkward values."""

from typing import Any

import pytest

from lakeworks.catalog.glue import GlueCatalog, partition_from_glue
from lakeworks.catalog.tables import CatalogPartition
from lakeworks.contract import Contract
from lakeworks.errors import LakeUnavailable
from lakeworks.partition import Partition
from lakeworks.types import LakeType
from tests.conftest import client, contract_of

AT = "s3://lake/silver/test/rows/"


@pytest.fixture(params=["moto", "ministack"])
def catalog(request: pytest.FixtureRequest) -> GlueCatalog:
    glue = client("glue", request.getfixturevalue(f"{request.param}_url"))
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    return GlueCatalog(glue, sleep=lambda _: None)


def contract(**columns: str) -> Contract:
    wanted = {"id": "bigint", "symbol": "string", **columns}
    fields = {
        name: {"type": kind, "required": name == "id", "description": f"the {name}"} for name, kind in wanted.items()
    }
    return contract_of(columns=fields, partition_by=["symbol"])


def partition(value: str | None, rows: int = 1) -> CatalogPartition:
    found = Partition((("symbol", value),))
    return CatalogPartition(found, f"{AT}{found.path}/", rows, rows * 10, {"lakeworks.publication": "1"})


def test_a_table_is_created_then_unchanged_then_updated(catalog: GlueCatalog) -> None:
    assert catalog.upsert_table(contract(), AT) == "created"
    assert catalog.upsert_table(contract(), AT) == "unchanged"
    assert catalog.upsert_table(contract(price="decimal(10,2)"), AT) == "updated"
    table = catalog.table(contract().table)
    assert table is not None
    assert [(c["Name"], c["Type"], c["Comment"]) for c in table["StorageDescriptor"]["Columns"]] == [
        ("id", "bigint", "the id"),
        ("price", "decimal(10,2)", "the price"),
    ]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["symbol"]
    assert catalog.upsert_table(contract(price="decimal(10,2)"), "s3://elsewhere/") == "updated", (
        "a moved table is followed"
    )


def test_a_column_that_once_arrived_stays(catalog: GlueCatalog) -> None:
    catalog.upsert_table(contract(), AT, [("request_source", LakeType("string"))])
    assert catalog.upsert_table(contract(), AT) == "unchanged"


def test_partitions_are_created_updated_and_left_alone(catalog: GlueCatalog) -> None:
    catalog.upsert_table(contract(), AT)
    many = [partition(f"S{n:03d}") for n in range(250)]
    assert catalog.upsert_partitions(contract(), many[:3]) == 3
    assert catalog.upsert_partitions(contract(), many) == 247
    assert catalog.upsert_partitions(contract(), many) == 0
    assert catalog.upsert_partitions(contract(), [partition("S001", rows=7), *many[2:]]) == 1
    found = {tuple(item["Values"]): item["Parameters"]["numRows"] for item in catalog.partitions(contract())}
    assert (len(found), found["S001",], found["S002",]) == (250, "7", "1")


@pytest.mark.parametrize("value", ["a b", "ü", "BRK/B", "50%", "a=b", None])
def test_awkward_values_come_back(catalog: GlueCatalog, value: str | None) -> None:
    catalog.upsert_table(contract(), AT)
    catalog.upsert_partitions(contract(), [partition(value)])
    (item,) = catalog.partitions(contract())
    assert partition_from_glue(contract(), item["Values"]) == partition(value).partition
    assert catalog.drop_partitions(contract(), [partition(value).partition]) == 1
    assert list(catalog.partitions(contract())) == []


class Faulty:
    """A Glue client whose batch calls report failures the way Glue does: in the body."""

    def __init__(self, real: Any, code: str, times: int) -> None:
        self.real, self.code, self.left = real, code, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def batch_create_partition(self, **call: Any) -> Any:
        first, *rest = call["PartitionInputList"]
        if self.left == 0:
            return self.real.batch_create_partition(**call)
        self.left -= 1
        if self.code == "AlreadyExistsException":
            self.real.batch_create_partition(**{**call, "PartitionInputList": [{**first, "Parameters": {}}]})
        if rest:
            self.real.batch_create_partition(**{**call, "PartitionInputList": rest})
        return {"Errors": [{"PartitionValues": first["Values"], "ErrorDetail": {"ErrorCode": self.code}}]}


@pytest.mark.parametrize(("code", "times"), [("ThrottlingException", 3), ("AlreadyExistsException", 1)])
def test_an_error_in_the_body_is_seen_and_mended(catalog: GlueCatalog, code: str, times: int) -> None:
    catalog.upsert_table(contract(), AT)
    faulty = GlueCatalog(Faulty(catalog.client, code, times), sleep=lambda _: None)
    faulty.upsert_partitions(contract(), [partition("A"), partition("B")])
    rows = {item["Values"][0]: item["Parameters"]["numRows"] for item in catalog.partitions(contract())}
    assert rows == {"A": "1", "B": "1"}


@pytest.mark.parametrize(
    ("code", "says"), [("ThrottlingException", "kept throttling 1"), ("AccessDeniedException", "AccessDenied")]
)
def test_an_error_that_stays_is_raised_by_name(catalog: GlueCatalog, code: str, says: str) -> None:
    catalog.upsert_table(contract(), AT)
    faulty = GlueCatalog(Faulty(catalog.client, code, 99), sleep=lambda _: None)
    with pytest.raises(LakeUnavailable, match=rf"{says}.*data is live\. Repair: lakeworks repair"):
        faulty.upsert_partitions(contract(), [partition("A"), partition("B")])
    assert [item["Values"] for item in catalog.partitions(contract())] == [["B"]]

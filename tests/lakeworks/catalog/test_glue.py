"""The catalog on a real Glue protocol: a true upsert, batches, per-item errors, awkward values."""

from collections.abc import Iterator
from typing import Any

import pytest

from lakeworks.catalog.glue import GlueCatalog, partition_from_glue
from lakeworks.catalog.glue_inputs import CatalogPartition, table_input
from lakeworks.catalog.partition_projection import projection
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.core.types import LakeType
from lakeworks.errors import LakeAccessDenied, LakeError, LakeUnavailable
from tests.conftest import client, contract_of
from tests.support.glue_server import Glue, serving_glue

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
    assert partition_from_glue(contract().partition_keys, item["Values"]) == partition(value).partition
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
def test_an_error_in_the_body_is_seen_and_retried(catalog: GlueCatalog, code: str, times: int) -> None:
    catalog.upsert_table(contract(), AT)
    faulty = GlueCatalog(Faulty(catalog.client, code, times), sleep=lambda _: None)
    faulty.upsert_partitions(contract(), [partition("A"), partition("B")])
    rows = {item["Values"][0]: item["Parameters"]["numRows"] for item in catalog.partitions(contract())}
    assert rows == {"A": "1", "B": "1"}


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        ("ThrottlingException", LakeUnavailable, "kept throttling 1"),
        ("AccessDeniedException", LakeAccessDenied, "refused 1 of 2 .*AccessDenied"),
    ],
)
def test_an_error_that_stays_is_raised_by_name(
    catalog: GlueCatalog, code: str, error: type[LakeError], says: str
) -> None:
    catalog.upsert_table(contract(), AT)
    faulty = GlueCatalog(Faulty(catalog.client, code, 99), sleep=lambda _: None)
    with pytest.raises(error, match=rf"{says}.*data is live\. Repair: lakeworks catalog repair"):
        faulty.upsert_partitions(contract(), [partition("A"), partition("B")])
    assert [item["Values"] for item in catalog.partitions(contract())] == [["B"]]


@pytest.fixture
def strict() -> Iterator[tuple[GlueCatalog, Glue]]:
    """AWS's limits and version checks, which moto does not know."""
    with serving_glue() as (glue, url):
        yield GlueCatalog(client("glue", url), sleep=lambda _: None), glue


def test_a_table_changed_meanwhile_is_looked_at_again(
    strict: tuple[GlueCatalog, Glue], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, glue = strict
    catalog.upsert_table(contract(), AT)
    real = glue.do_UpdateTable

    def overtaken(call: Any) -> Any:
        monkeypatch.setattr(glue, "do_UpdateTable", real)
        other = table_input(contract(), AT, [("fee", LakeType("double"))])
        real({"DatabaseName": "silver_test", "TableInput": other})
        return real(call)

    monkeypatch.setattr(glue, "do_UpdateTable", overtaken)
    assert catalog.upsert_table(contract(price="double"), AT) == "updated"
    names = [column["Name"] for column in catalog.columns(contract())]
    assert names == ["id", "price", "fee"], "what the other writer added is still there"


def test_columns_of_partitions_follow_the_table(strict: tuple[GlueCatalog, Glue]) -> None:
    catalog, glue = strict
    catalog.upsert_table(contract(volume="int"), AT)
    catalog.upsert_partitions(contract(volume="int"), [partition(f"S{n:03d}") for n in range(450)])
    glue.calls.clear()
    assert catalog.upsert_table(contract(volume="bigint", price="double"), AT) == "updated"
    held = glue.partitions["silver_test", "rows"].values()
    columns = {tuple((c["Name"], c["Type"]) for c in item["StorageDescriptor"]["Columns"]) for item in held}
    assert columns == {(("id", "bigint"), ("volume", "bigint"), ("price", "double"))}
    assert glue.calls["BatchUpdatePartition"] == 5
    assert catalog.align(contract(volume="bigint", price="double")) == 0


def columns_held(glue: Glue) -> set[tuple[str, ...]]:
    """The columns of each registered partition."""
    held = glue.partitions["silver_test", "rows"].values()
    return {tuple(column["Name"] for column in item["StorageDescriptor"]["Columns"]) for item in held}


@pytest.mark.parametrize("held", [[], ["A"]])
def test_a_partition_written_beside_a_new_column_gets_it(
    strict: tuple[GlueCatalog, Glue], monkeypatch: pytest.MonkeyPatch, held: list[str]
) -> None:
    """Found by the simulation: the columns were read, another run added one and listed the partitions, then they were written."""
    catalog, glue = strict
    catalog.upsert_table(contract(), AT)
    catalog.upsert_partitions(contract(), [partition(value) for value in held])
    operation = "batch_update_partition" if held else "batch_create_partition"
    real = getattr(catalog.client, operation)

    def overtaken(**call: Any) -> Any:
        monkeypatch.setattr(catalog.client, operation, real)
        assert catalog.upsert_table(contract(fee="double"), AT) == "updated"
        return real(**call)

    monkeypatch.setattr(catalog.client, operation, overtaken)
    catalog.upsert_partitions(contract(), [partition("A", rows=7)])
    assert columns_held(glue) == {("id", "fee")}


def test_two_new_columns_at_once_reach_every_partition(
    strict: tuple[GlueCatalog, Glue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower of two runs wrote the columns it had read over those of the faster one."""
    catalog, glue = strict
    catalog.upsert_table(contract(), AT)
    catalog.upsert_partitions(contract(), [partition("A")])
    real = catalog.client.batch_update_partition

    def overtaken(**call: Any) -> Any:
        monkeypatch.setattr(catalog.client, "batch_update_partition", real)
        catalog.upsert_table(contract(), AT, [("tip", LakeType("double"))])
        return real(**call)

    monkeypatch.setattr(catalog.client, "batch_update_partition", overtaken)
    catalog.upsert_table(contract(), AT, [("fee", LakeType("double"))])
    assert [sorted(names) for names in columns_held(glue)] == [["fee", "id", "tip"]]


def test_columns_that_never_rest_are_an_error_that_says_what_is_registered(
    strict: tuple[GlueCatalog, Glue], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, glue = strict
    catalog.upsert_table(contract(), AT)
    real, fees = glue.do_GetTable, iter(range(99))

    def changing(call: Any) -> Any:
        found = table_input(contract(), AT, [(f"fee{next(fees)}", LakeType("double"))])
        return {"Table": {**real(call)["Table"], **found}}

    monkeypatch.setattr(glue, "do_GetTable", changing)
    with pytest.raises(
        LakeUnavailable, match="kept changing its columns.* Run: lakeworks catalog repair silver.test.rows"
    ):
        catalog.upsert_partitions(contract(), [partition("A")])
    assert len(glue.partitions["silver_test", "rows"]) == 1


@pytest.mark.parametrize(("before", "now", "kept"), [case.split() for case in (
    "int bigint bigint", "bigint int bigint", "double int double", "bigint float bigint", "string bigint string",
    "bigint string bigint", "list<int> list<bigint> list<bigint>")])  # fmt: skip
def test_an_arrived_column_keeps_its_widest_type(catalog: GlueCatalog, before: str, now: str, kept: str) -> None:
    for kind in (before, now):
        catalog.upsert_table(contract(), AT, [("fee", LakeType.parse(kind))])
    assert catalog.columns(contract())[-1]["Type"] == LakeType.parse(kept).glue


def test_parameters_of_others_stay(catalog: GlueCatalog) -> None:
    catalog.upsert_table(contract(), AT)
    wanted = table_input(contract(), AT)
    other = {**wanted, "Parameters": {**wanted["Parameters"], "theirs": "1"}}
    catalog.client.update_table(DatabaseName="silver_test", TableInput=other)
    catalog.upsert_table(contract(price="double"), AT)
    assert (catalog.table(contract().table) or {})["Parameters"]["theirs"] == "1"


def daily(*, projection: bool = True) -> Contract:
    columns = {"at": {"type": "timestamp", "required": True, "description": "when"}}
    return contract_of(columns=columns, grain=["at"], partition_by=["hour(at)"], catalog={"projection": projection})


def hours(*years: int) -> list[Partition]:
    return [Partition.of_period(Period.parse(f"{year}-05-01T00")) for year in years]


def test_projection_is_written_as_athena_documents_it(catalog: GlueCatalog) -> None:
    catalog.upsert_table(daily(), AT, more=projection(daily(), AT, hours(2020, 2019)))
    found = (catalog.table(daily().table) or {})["Parameters"]
    assert {key: value for key, value in found.items() if key.startswith(("projection.", "storage."))} == {
        "projection.enabled": "true",
        "projection.year.type": "integer", "projection.year.range": "2019,2020", "projection.year.digits": "4",
        "projection.month.type": "integer", "projection.month.range": "1,12", "projection.month.digits": "2",
        "projection.day.type": "integer", "projection.day.range": "1,31", "projection.day.digits": "2",
        "projection.hour.type": "integer", "projection.hour.range": "0,23", "projection.hour.digits": "2",
        "storage.location.template": f"{AT}year=${{year}}/month=${{month}}/day=${{day}}/hour=${{hour}}/",
    }  # fmt: skip
    for partition in hours(2019):
        values = dict(partition.pairs)
        template = found["storage.location.template"]
        for key, value in values.items():
            template = template.replace(f"${{{key}}}", str(value))
        assert template == f"{AT}{partition.path}/", "Athena looks where the partition lies"


def test_projected_years_grow_and_projection_can_be_taken_back(catalog: GlueCatalog) -> None:
    for years in ((2020,), (2022,), (2019, 2020)):
        catalog.upsert_table(daily(), AT, more=projection(daily(), AT, hours(*years)))
    assert catalog.upsert_table(daily(), AT) == "unchanged", "a run without partitions says nothing about years"
    found = (catalog.table(daily().table) or {})["Parameters"]
    assert found["projection.year.range"] == "2019,2022"
    assert catalog.upsert_table(daily(projection=False), AT) == "updated"
    found = (catalog.table(daily().table) or {})["Parameters"]
    assert {k: v for k, v in found.items() if k.startswith("projection.")} == {"projection.enabled": "false"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"partition_by": ["id"]}, "partitioned by month, day or hour and nothing else"),
        ({"partition_by": []}, "partitioned by month, day or hour and nothing else"),
        ({"partition_by": ["day(at)"]}, "`at` must be `required: true`"),
    ],
)
def test_projection_is_refused_where_athena_would_miss_rows(changes: dict[str, Any], says: str) -> None:
    columns = {
        "id": {"type": "bigint", "required": True, "description": "key"},
        "at": {"type": "timestamp", "description": "when"},
    }
    with pytest.raises(ValueError, match=says):
        contract_of(columns=columns, catalog={"projection": True}, **changes)


@pytest.mark.parametrize(("endpoint", "outcomes"), [
    ("ministack", ["not needed", "created", "present"]), ("moto", ["not needed", "unsupported here", "unsupported here"]),
])  # fmt: skip
def test_a_partition_index_where_there_is_one_to_have(
    request: pytest.FixtureRequest, endpoint: str, outcomes: list[str]
) -> None:
    glue = client("glue", request.getfixturevalue(f"{endpoint}_url"))
    catalog = GlueCatalog(glue)
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    catalog.upsert_table(contract(), AT)
    assert [catalog.ensure_index(contract(), count) for count in (100, 20_000, 20_000)] == outcomes

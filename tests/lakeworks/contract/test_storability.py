"""A contract whose table Glue, Hive, Athena or S3 could not have is refused when it is loaded."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from lakeworks.contract.storability import partition_fault
from lakeworks.core.partition import Partition
from tests.conftest import contract_of

ID = {"type": "bigint", "required": True, "description": "key"}
AT = {"type": "timestamp", "description": "when"}


def columns(**more: Any) -> dict[str, Any]:
    return {"id": ID, "at": AT, **more}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"columns": columns(Year={**AT}), "partition_by": ["day(at)"]},
            "column `Year` is the name of a partition key",
        ),
        ({"columns": columns(), "partition_by": ["day", "month(at)"]}, "two fields are times"),
        (
            {"columns": columns(year={"type": "string", "description": "y"}), "partition_by": ["year", "day(at)"]},
            "two keys year",
        ),
        (
            {"columns": columns(k={"type": "binary", "description": "b"}), "partition_by": ["k"]},
            "cannot be written in a path",
        ),
        ({"partition_by": ["day(id)"]}, "the column is bigint, and has no day"),
        ({"columns": columns(**{"a b": AT})}, "column `a b` has characters other than"),
        ({"columns": columns(**{"x" * 256: AT})}, "has 256 bytes, and Glue takes names of 255"),
        (
            {"columns": columns(p={"type": "struct<Up-x:int>", "description": "p"})},
            "has the member `Up-x`, which has characters",
        ),
        ({"columns": columns(**{f"c{n}": AT for n in range(2000)})}, "2002 are more than the 2000 a table can have"),
        ({"deduplicate_by": ["nothing desc"]}, "`nothing desc` is not a column"),
        ({"deduplicate_by": ["id sideways"]}, "`id sideways` is not a column"),
        ({"name": "bronze.test.rows", "source": "a.b", "deduplicate_by": ["id"]}, "a bronze table keeps every row"),
        ({"plausible_times": {"first": "2020-01-01", "last": "2019-01-01"}}, "two dates in order"),
        ({"plausible_times": {"first": "0001-01-01"}}, "within the years 1000 to 9998"),
    ],
)
def test_what_no_lake_can_have_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        contract_of(**changes)
    assert says in str(raised.value)


def test_a_column_may_be_the_partition_key_itself() -> None:
    region = {"type": "string", "description": "r"}
    assert contract_of(columns=columns(region=region), partition_by=["region"]).partition_keys == ("region",)


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("year=2019/month=01/day=05/n=7", None),
        ("year=2019/month=01/day=05/n=__HIVE_DEFAULT_PARTITION__", None),
        ("year=1/month=01/day=01/n=7", "is not a valid time"),
        ("year=2019/month=13/day=01/n=7", "is not a valid time"),
        ("year=1999/month=12/day=31/n=7", "lies outside 2000-01-01"),
        ("year=9999/month=12/day=31/n=7", "is not a valid time"),
        ("year=2019/month=01/day=05/n=seven", "has a value of `n` that is no int"),
        ("year=2019/month=01/n=7", "does not have the partition keys"),
    ],
)
def test_partitions_a_table_cannot_have_are_distinguished_from_those_it_can(path: str, fault: str | None) -> None:
    contract = contract_of(
        columns=columns(n={"type": "int", "description": "n"}), partition_by=["day(at)", "n"],
        plausible_times={"first": date(2000, 1, 1)},
    )  # fmt: skip
    found = partition_fault(contract, Partition.parse(path))
    assert (found is None) if fault is None else (fault in str(found))

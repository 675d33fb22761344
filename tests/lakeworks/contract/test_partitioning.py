"""A partition as a person types it: what does not say which one it is, is refused with the path to type."""

import re
from typing import Any

import pytest

from lakeworks.contract import Contract
from lakeworks.core.hive import HIVE_NULL
from lakeworks.errors import PartitionKeyError
from tests.conftest import contract_of

BY_DAY_AND_SYMBOL = ["day(at)", "symbol"]
BY_SYMBOL_AND_DAY = ["symbol", "day(at)"]


def cut_by(*partition_by: str) -> Contract:
    def column(kind: str) -> dict[str, Any]:
        return {"type": kind, "required": True, "description": "x"}

    columns = {"id": column("bigint"), "symbol": column("string"), "at": column("timestamp")}
    return contract_of(columns=columns, partition_by=list(partition_by))


@pytest.mark.parametrize(
    ("partition_by", "text", "path"),
    [
        (["day(at)"], "2019-01-05", "year=2019/month=01/day=05"),
        (["day(at)"], "year=2019/month=01/day=05", "year=2019/month=01/day=05"),
        (["month"], "2019-01", "year=2019/month=01"),
        (BY_SYMBOL_AND_DAY, "symbol=A%2FB/year=2019/month=01/day=05", "symbol=A%2FB/year=2019/month=01/day=05"),
        (BY_DAY_AND_SYMBOL, "year=2019/month=01/day=05/symbol=A", "year=2019/month=01/day=05/symbol=A"),
        (["symbol"], "symbol=A", "symbol=A"),
        ([], "all", ""),
        (["day(at)"], "year=2020/month=02/day=29", "year=2020/month=02/day=29"),
        (["month"], "/".join(f"{key}={HIVE_NULL}" for key in ("year", "month")), f"year={HIVE_NULL}/month={HIVE_NULL}"),
    ],
)
def test_what_names_one_partition_is_it(partition_by: list[str], text: str, path: str) -> None:
    assert cut_by(*partition_by).parse_partition(text).path == path


@pytest.mark.parametrize(
    ("partition_by", "text", "to_type"),
    [
        (BY_DAY_AND_SYMBOL, "2019-01-05", "year=2019/month=01/day=05/symbol=…"),
        (BY_SYMBOL_AND_DAY, "2019-01-05", "symbol=…/year=2019/month=01/day=05"),
        (BY_SYMBOL_AND_DAY, "symbol=A", "symbol=…/year=2019/month=01/day=05"),
        (BY_SYMBOL_AND_DAY, "year=2019/month=01/day=05/symbol=A", "symbol=…/year=2019/month=01/day=05"),
        (["symbol"], "A", "symbol=…"),
        (["day(at)"], "yaer=2019/month=01/day=05", "year=2019/month=01/day=05"),
        (["day(at)"], "year=2019/month=01", "year=2019/month=01/day=05"),
        (["month"], "year=2019/month=13", "year=2019/month=01"),
        (["month"], "year=2019/month=1", "year=2019/month=01"),
        (["month"], "year=2019/month=", "year=2019/month=01"),
        (["day(at)"], "year=2019/month=01/day=32", "year=2019/month=01/day=05"),
        (["day(at)"], "year=2019/month=02/day=29", "year=2019/month=01/day=05"),
        (["hour(at)"], "year=2019/month=01/day=05/hour=24", "year=2019/month=01/day=05/hour=03"),
        (BY_SYMBOL_AND_DAY, "symbol=A/year=2019/month=00/day=05", "symbol=…/year=2019/month=01/day=05"),
        ([], "symbol=A", "all"),
    ],
)
def test_a_text_that_names_no_partition_is_answered_with_what_to_type(
    partition_by: list[str], text: str, to_type: str
) -> None:
    with pytest.raises(PartitionKeyError, match=re.escape(f"`{to_type}`")):
        cut_by(*partition_by).parse_partition(text)


@pytest.mark.parametrize("text", ["2019-01", "2019-13-01", "2019-01-32", "2019-02-29", "2019-1-5"])
def test_a_time_of_another_grain_or_none_at_all_is_refused(text: str) -> None:
    with pytest.raises(PartitionKeyError):
        cut_by("day(at)").parse_partition(text)

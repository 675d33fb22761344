"""Checks that compare a row count: with those of earlier runs, whose records no other audit reads, and with live rows."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lakeworks.authoring.example_runner import given_table
from lakeworks.contract import Contract, load_contract
from lakeworks.errors import AuditFailed
from lakeworks.ledger.run_record import RowBalance, RunRecord
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.audit_step import audit
from lakeworks.s3.object_store import ObjectStore
from tests.lakeworks.pipeline.test_categories import ORDERS, Market, order
from tests.support.memory_s3 import MemoryS3


class NotingS3(MemoryS3):
    """An S3 in memory that notes the keys and prefixes of run records that are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get_object(self, **asked: Any) -> dict[str, Any]:
        self.asked += [asked["Key"]] if "/_runs/" in asked["Key"] else []
        return super().get_object(**asked)

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        self.asked += [asked["Prefix"]] if "/_runs/" in asked["Prefix"] else []
        return super().paginate(**asked)


def orders(**kwargs: float) -> Contract:
    """Orders with a row count that has limits."""
    check = {"expectation": "expect_table_row_count_to_be_between", "kwargs": kwargs, "description": "Enough orders."}
    given = load_contract(ORDERS).model_dump()
    return Contract.model_validate({**given, "checks": [*given["checks"], check]})


def audited(scratch: Path, contract: Contract, rows: Mapping[int, int], period: str = "2017-01-04") -> list[str]:
    """Audit days of so many orders after three days of ten; return what was asked of the run records."""
    market, s3 = Market(scratch, orders=contract), NotingS3()
    client: Any = s3
    market.lake = replace(market.lake, store=ObjectStore(client, "lake", threads=1))
    for day in (1, 2, 3):
        market.give(ORDERS, f"2017-01-0{day}", [order(100 * day + number, day) for number in range(10)])
    total = sum(rows.values())
    staged = RunRecord(
        table=ORDERS, period=period, run=market.run(), contract_version="1.0.0", schema_fingerprint="f",
        balance=RowBalance(read=total, staged=total), partitions=(),
    )  # fmt: skip
    writer = PartitionedWriter(market.lake.store, contract, staged.prefix, staged.parsed_period, market.lake.scratch)
    more = {"financial_status": "paid", "gross_amount": 1, "_ingested_at": datetime(2017, 1, 5)}
    made = [order(1000 * day + number, day, **more) for day, count in rows.items() for number in range(count)]
    parts = tuple(writer.write(given_table(contract, made).to_reader()))
    key = staged.model_copy(update={"partitions": parts}).save(market.lake.store).key
    s3.asked.clear()
    audit(market.lake, key)
    return s3.asked


def test_without_such_a_check_no_record_is_listed_or_read(tmp_path: Path) -> None:
    assert audited(tmp_path, orders(min_value=1), {4: 4}) == []


def test_with_one_the_latest_records_are_read(tmp_path: Path) -> None:
    asked = audited(tmp_path, orders(min_share_of_median=0.5), {4: 5})
    assert [key.rpartition("/_runs/")[2][:10] for key in asked] == ["", "2017-01-01", "2017-01-02", "2017-01-03"]


def test_fewer_rows_than_that_share_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditFailed, match="expect_table_row_count_to_be_between"):
        audited(tmp_path, orders(min_share_of_median=0.5), {4: 4})


@pytest.mark.parametrize("rows", [{3: 10}, {3: 11}, {4: 1}, {2: 10, 3: 10, 4: 1}])
def test_rows_that_are_live_and_come_again_pass(tmp_path: Path, rows: dict[int, int]) -> None:
    assert audited(tmp_path, orders(min_share_of_live=1), rows, "2017-01") == []


@pytest.mark.parametrize(
    ("rows", "share", "least"), [({3: 9}, 1, 10), ({2: 20, 3: 9}, 1, 30), ({2: 20, 3: 9, 4: 5}, 0.95, 35)]
)
def test_a_partition_with_fewer_rows_than_are_live_is_refused(
    tmp_path: Path, rows: dict[int, int], share: float, least: int
) -> None:
    """More rows of another partition do not make up for them."""
    with pytest.raises(AuditFailed, match=rf"expect_table_row_count_to_be_between.*{least - 1}"):
        audited(tmp_path, orders(min_share_of_live=share), rows, "2017-01")

"""An audit reads the records of earlier runs only for a check that compares with their row counts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lakeworks.authoring.example_runner import given_table
from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Period
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


def audited(scratch: Path, contract: Contract, rows: int) -> list[str]:
    """Audit a fourth day after three of ten orders; return what was asked of the run records."""
    market, s3 = Market(scratch, orders=contract), NotingS3()
    client: Any = s3
    market.lake = replace(market.lake, store=ObjectStore(client, "lake", threads=1))
    for day in (1, 2, 3):
        market.give(ORDERS, f"2017-01-0{day}", [order(100 * day + number, day) for number in range(10)])
    staged = RunRecord(
        table=ORDERS, period="2017-01-04", run=market.run(), contract_version="1.0.0", schema_fingerprint="f",
        balance=RowBalance(read=rows, staged=rows), partitions=(),
    )  # fmt: skip
    period = Period.parse(staged.period)
    writer = PartitionedWriter(market.lake.store, contract, staged.prefix, period, market.lake.scratch)
    more = {"financial_status": "paid", "gross_amount": 1, "_ingested_at": datetime(2017, 1, 5)}
    table = given_table(contract, [order(400 + number, 4, **more) for number in range(rows)])
    parts = tuple(writer.write(table.to_reader()))
    key = staged.model_copy(update={"partitions": parts}).save(market.lake.store).key
    s3.asked.clear()
    audit(market.lake, key)
    return s3.asked


def test_without_such_a_check_no_record_is_listed_or_read(tmp_path: Path) -> None:
    assert audited(tmp_path, orders(min_value=1), 4) == []


def test_with_one_the_latest_records_are_read(tmp_path: Path) -> None:
    asked = audited(tmp_path, orders(min_share_of_median=0.5), 5)
    assert [key.rpartition("/_runs/")[2][:10] for key in asked] == ["", "2017-01-01", "2017-01-02", "2017-01-03"]


def test_fewer_rows_than_that_share_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditFailed, match="expect_table_row_count_to_be_between"):
        audited(tmp_path, orders(min_share_of_median=0.5), 4)

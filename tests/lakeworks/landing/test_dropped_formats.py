"""Dropped files of other formats through a whole run: the contract's options reach fetch and write alike."""

import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from lakeworks.errors import ContractError, MalformedSource, SchemaDrift
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.write_step import write
from tests.conftest import contract_of
from tests.lakeworks.landing.test_delivered_files import DAY, Till

RunAt = Callable[..., Run]


def till_of(lake: Lake, run_at: RunAt, columns: dict[str, str], **options: Any) -> Till:
    """An inbox whose contract has these columns and source options."""
    till = Till(lake, run_at)
    till.contract = contract_of(
        "bronze.test.events", source="file_drop.events", partition_by=["day"], grain=[], schema_policy="widen",
        columns={name: {"type": kind, "description": ""} for name, kind in columns.items()}, source_options=options,
    )  # fmt: skip
    return till


def rows(till: Till) -> list[dict[str, Any]]:
    till.fetch()
    record = write(till.lake, till.contract.name, DAY, till.run_at(till.runs))
    bodies = [till.lake.store.get(item.key)[0] for part in record.partitions for item in part.objects]
    return [row for body in bodies for row in pq.read_table(io.BytesIO(body)).to_pylist()]


def test_a_spreadsheets_csv_fills_a_typed_table(lake: Lake, run_at: RunAt) -> None:
    columns = {"id": "bigint", "amount": "decimal(12,2)", "place": "string"}
    till = till_of(lake, run_at, columns, delimiter=";", encoding="cp1252", decimal_comma=True, null_words=["NULL"])
    till.drop(till__csv="id;amount;place\n1.000;1.234,50;Köln, 1,5 km\n7;NULL;NULL\n".encode("cp1252"))
    assert rows(till) == [
        {"id": 1000, "amount": Decimal("1234.50"), "place": "Köln, 1,5 km"}, {"id": 7, "amount": None, "place": None},
    ]  # fmt: skip


def test_images_and_documents_are_landed_as_they_are_with_an_index_of_them(lake: Lake, run_at: RunAt) -> None:
    columns = {
        "file_name": "string",
        "size_bytes": "bigint",
        "sha256": "string",
        "media_type": "string",
        "_source_url": "string",
    }
    till = till_of(lake, run_at, columns, format="binary")
    bodies = {
        "scan.png": b"\x89PNG\r\n\x1a\n" + b"\x00" * 9,
        "report.PDF": b"%PDF-1.7 ...",
        "app.log.gz": b"\x1f\x8b\x08 no gzip",
    }
    till.drop(**{name.replace(".", "__"): body for name, body in bodies.items()})
    found = {row["file_name"]: row for row in rows(till)}
    assert {name: (row["size_bytes"], row["media_type"]) for name, row in found.items()} == {
        "scan.png": (17, "image/png"), "report.PDF": (12, "application/pdf"), "app.log.gz": (11, "application/gzip"),
    }  # fmt: skip
    assert all(row["_source_url"].endswith(name) for name, row in found.items())
    landed = [
        lake.store.get(item.key)[0]
        for item in lake.store.scan("landing/test/file_drop/events/")
        if "_set" not in item.key
    ]
    assert sorted(bodies.values()) == sorted(body for body in landed if body in bodies.values()), "byte for byte"


def test_more_new_columns_than_a_delivery_may_bring_are_refused(lake: Lake, run_at: RunAt) -> None:
    till = till_of(lake, run_at, {"id": "bigint"})
    names = ",".join(f"c{number}" for number in range(600))
    till.drop(a__csv=f"id,{names}\n1,{names}\n".encode())
    with pytest.raises(SchemaDrift, match=r"600 columns are not in the contract.*500 are allowed in one delivery"):
        rows(till)


def test_twenty_thousand_columns_are_not_landed(lake: Lake, run_at: RunAt) -> None:
    till = till_of(lake, run_at, {"id": "bigint"})
    till.drop(a__csv=("id," + ",".join(f"c{number}" for number in range(20_000)) + "\n").encode())
    with pytest.raises(MalformedSource, match=r"a\.csv.*it has 20001 columns, and a file may have 5000"):
        till.fetch()


def test_an_option_that_does_not_exist_is_named(lake: Lake, run_at: RunAt) -> None:
    till = till_of(lake, run_at, {"id": "bigint"}, delimeter=";")
    till.drop(a__csv=b"id\n1\n")
    with pytest.raises(ContractError, match="delimeter"):
        till.fetch()

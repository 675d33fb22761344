"""Months that disagree about a column outside the contract: catalog and files never contradict each other."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Period
from lakeworks.errors import SchemaDrift
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.maintenance.verification import verify
from lakeworks.parquet.dataset import open_dataset
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from tests.protocol.test_bad_input import Given, arrived, events

JANUARY, FEBRUARY = Period.parse("2019-01"), Period.parse("2019-02")
RunAt = Callable[..., Run]


def staged(lake: Lake, contract: Contract, period: Period, run: Run, **columns: Any) -> RunRecord:
    rows = arrived(at=[datetime.fromisoformat(f"{period}-05")], **columns)
    land(lake, contract, period, run, Given(rows, datetime(2026, period.start.month, 1, tzinfo=UTC)))
    return audit(lake, write(lake, contract.name, period, run).key)


def under(lake: Lake, contract: Contract) -> Lake:
    return replace(lake, contract=lambda _: contract)


def types(lake: Lake, contract: Contract, name: str = "note") -> tuple[set[str], set[str]]:
    """What Glue says of a column for its partitions, and what the files hold."""
    said = {
        column["Type"]
        for item in lake.catalog.partitions(contract)
        for column in item["StorageDescriptor"]["Columns"]
        if column["Name"] == name
    }
    live = lake.ledger.live_partitions(contract.table).values()
    files = [pq.read_schema(io.BytesIO(lake.store.get(entry.objects[0].key)[0])) for entry in live]
    return said, {str(schema.field(name).type) for schema in files if name in schema.names}


def test_text_then_numbers_of_an_unnamed_column_stay_in_landing(lake: Lake, run_at: RunAt) -> None:
    contract = events(grain=[])
    lake = under(lake, contract)
    publish(lake, staged(lake, contract, JANUARY, run_at(1), id=[1], note=["text"]).key)
    second = staged(lake, contract, FEBRUARY, run_at(2), id=[2], note=[7])
    assert any("`note` has values that do not fit string, kept in landing only" in text for text in second.drift)
    publish(lake, second.key)
    assert types(lake, contract) == ({"string"}, {"string"})
    assert verify(lake, contract, deep=True) == []


def test_of_two_months_written_at_once_the_second_is_not_published(lake: Lake, run_at: RunAt) -> None:
    contract = events(grain=[])
    lake = under(lake, contract)
    january = staged(lake, contract, JANUARY, run_at(1), id=[1], note=["text"])
    february = staged(lake, contract, FEBRUARY, run_at(2), id=[2], note=[7])
    publish(lake, january.key)
    with pytest.raises(SchemaDrift, match=r"`note`.*staged as bigint.*published it as string.*Nothing was published"):
        publish(lake, february.key)
    assert types(lake, contract) == ({"string"}, {"string"})
    assert len(lake.ledger.live_partitions(contract.table)) == 1


def test_a_contract_that_names_it_in_another_type_says_which_file_to_change(lake: Lake, run_at: RunAt) -> None:
    """Arrow's own error said neither which table nor what to do."""
    contract = events(grain=[])
    columns = {name: column.model_dump() for name, column in contract.columns.items()}
    named = events(
        grain=[], version="1.1.0", columns={**columns, "note": {"type": "bigint", "description": "now a number"}}
    )
    publish(
        under(lake, contract), staged(under(lake, contract), contract, JANUARY, run_at(1), id=[1], note=["text"]).key
    )
    rows = open_dataset(lake.store, named, lake.ledger.live_partitions(contract.table).values())
    told = r"bronze\.test\.events.*2019-01-05.*`note` is string, not int64.*run the partition again"
    with pytest.raises(SchemaDrift, match=f"(?s){told}"):
        rows.to_table()
    assert rows.to_table(columns=["id"]).to_pylist() == [{"id": 1}]
    with lake.engine.session() as session:
        session.attach(named.table, rows)
        with pytest.raises(SchemaDrift, match=f"(?s){told}"):
            session.query("SELECT sum(note) FROM bronze_test.events")
    newer = under(lake, named)
    publish(newer, staged(newer, named, JANUARY, run_at(2), id=[1], note=[7]).key)
    live = lake.ledger.live_partitions(named.table).values()
    assert open_dataset(lake.store, named, live).to_table()["note"].to_pylist() == [7]

"""Bad input that looks fine: a landed file that a person exchanged, rows without the value that cuts partitions."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.errors import AuditFailed, LakeError, MalformedSource, SchemaDrift
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.fetch_step import land
from lakeworks.s3.object_store import Target
from tests.protocol.test_bad_input import JANUARY, Given, arrived, events, filled, run, state

__all__ = ["filled"]
RunAt = Callable[..., Run]


def test_a_landed_file_changed_behind_our_back_stops_the_run_though_it_is_fine_parquet(
    filled: Lake, run_at: RunAt
) -> None:
    """It was published as what the source had served."""
    before, corrected = state(filled), Given(arrived(id=[3]), datetime(2026, 2, 1, tzinfo=UTC))
    landed = land(filled, events(), JANUARY, run_at(2), corrected)
    good, head = filled.store.get(landed.key)
    forged = io.BytesIO()
    pq.write_table(arrived(id=[666]), forged)
    filled.store.put(Target(landed.key, head.metadata), forged.getvalue())
    with pytest.raises(
        MalformedSource, match=r"differs from the landed file.*does not touch it.*Nothing was staged.*fetch step again"
    ):
        run(filled, events(), run_at(2), corrected)
    assert state(filled) == before
    filled.store.put(Target(landed.key, head.metadata), good)
    assert run(filled, events(), run_at(2, attempt=2), corrected).outcome == {"published": 1}


SYMBOL = {"type": "string", "required": True, "description": "listing"}


@pytest.mark.parametrize(
    ("policy", "table", "error", "says"),
    [
        ("widen", arrived(id=[3, 4]), AuditFailed, r"`symbol` is required.*Nothing was published"),
        ("widen", arrived(id=[3], symbol=pa.array([None], pa.string())), AuditFailed, r"`symbol` is required"),
        ("widen", arrived(id=[3, 4], symbol=["A", ""]), AuditFailed, r"`symbol` is required.*still arrives"),
        ("freeze", arrived(id=[3, 4]), SchemaDrift, r"`symbol` did not arrive.*nothing was staged"),
    ],
    ids=["gone", "all null", "one empty", "gone from a frozen schema"],
)
def test_a_value_that_cuts_partitions_is_not_missing_without_a_word(
    lake: Lake, run_at: RunAt, policy: str, table: pa.Table, error: type[LakeError], says: str
) -> None:
    """A required one was published under Hive's name for null: the audit does not see columns that live in the path."""
    columns = {name: column.model_dump() for name, column in events().columns.items()} | {"symbol": SYMBOL}
    contract = events(columns=columns, partition_by=["day(at)", "symbol"], schema_policy=policy)
    lake = replace(lake, contract=lambda _: contract)
    run(lake, contract, run_at(1), Given(arrived(id=[1, 2], symbol=["A", "B"])))
    before = state(lake)
    with pytest.raises(error, match=f"(?s){says}"):
        run(lake, contract, run_at(2), Given(table, datetime(2026, 2, 1, tzinfo=UTC)))
    assert state(lake) == before
    assert verify(lake, contract, deep=True) == []

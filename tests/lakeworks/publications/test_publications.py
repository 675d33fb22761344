"""Withdrawal and comparison of publications, on rows published through the pipeline."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import FencedError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.maintenance.verification import verify
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from lakeworks.publications.comparison import diff
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from tests.conftest import contract_of

MONTH = Period.parse("2019-01")
PARTITION = Partition.of_period(MONTH)
RunAt = Callable[..., Run]


def contract(grain: bool = True, **more: Any) -> Contract:
    columns = {
        "id": {"type": "bigint", "required": True, "description": "key"},
        "value": {"type": "double", "description": ""},
    }
    return contract_of(
        "silver.test.rows", columns={**columns, **more}, grain=["id"] if grain else [], partition_by=["month"]
    )


def published(lake: Lake, wanted: Contract, rows: list[dict[str, Any]], run: Run, period: Period = MONTH) -> None:
    table = pa.Table.from_pylist(rows, wanted.arrow_schema)
    manifest = RunRecord(
        table=wanted.name, period=str(period), run=run, contract_version="1.0.0", schema_fingerprint="f",
        balance=RowBalance(read=len(rows), staged=len(rows)), partitions=(), audit={"passed": True},
    )  # fmt: skip
    staged = PartitionedWriter(lake.store, wanted, manifest.prefix, period, lake.scratch).write(table.to_reader())
    Publisher(lake.ledger, Registrar(lake, wanted)).publish([entry_for(wanted, manifest, item) for item in staged])


@pytest.fixture
def twice(lake: Lake, run_at: RunAt) -> Lake:
    wanted = contract()
    lake = replace(lake, contract=lambda _: wanted)
    published(lake, wanted, [{"id": 1, "value": 1.0}, {"id": 2, "value": 2.0}, {"id": 3, "value": None}], run_at(1))
    published(lake, wanted, [{"id": 1, "value": 1.0}, {"id": 3, "value": 3.0}, {"id": 4, "value": 9.0}], run_at(2))
    return lake


def test_diff_counts_rows_by_grain_and_shows_what_changed(twice: Lake) -> None:
    found = diff(twice, contract(), PARTITION)
    assert (found.before.seq, found.after.seq) == (1, 2)
    assert (found.added, found.removed, found.changed) == (1, 1, 1)
    assert found.samples == (
        {"difference": "added", "id": 4, "before": None, "after": {"value": 9.0}},
        {"difference": "changed", "id": 3, "before": {"value": None}, "after": {"value": 3.0}},
        {"difference": "removed", "id": 2, "before": {"value": 2.0}, "after": None},
    )
    told = {new.column: (old.nulls, new.nulls, old.total, new.total) for old, new in found.statistics if old and new}
    assert told == {"id": (0, 0, 6, 8), "value": (1, 0, 3.0, 13.0)}
    assert found.columns == ()


def test_diff_of_a_table_without_grain_and_with_a_new_column(lake: Lake, run_at: RunAt) -> None:
    first, second = contract(grain=False), contract(grain=False, note={"type": "string", "description": ""})
    published(lake, first, [{"id": 1, "value": 1.0}, {"id": 1, "value": 1.0}], run_at(1))
    published(lake, second, [{"id": 1, "value": 1.0, "note": "x"}, {"id": 1, "value": 5.0, "note": None}], run_at(2))
    found = diff(lake, second, PARTITION)
    assert (found.added, found.removed, found.changed) == (1, 1, 0)
    assert found.columns == (("note", None, "string"),)


def as_fetched(run: str, *rows: tuple[int, float]) -> list[dict[str, Any]]:
    """Rows as bronze keeps them: with the run that landed them, and when."""
    when = datetime(2026, 1, int(run[-1]))
    return [{"id": key, "value": value, "_ingested_at": when, "_run_id": run} for key, value in rows]


@pytest.mark.parametrize("grain", [True, False], ids=["with a grain", "without"])
def test_rows_that_only_another_run_brought_are_not_changed(lake: Lake, run_at: RunAt, grain: bool) -> None:
    """Without a grain every row was told as removed and added, with one every row as changed."""
    lineage = {
        "_ingested_at": {"type": "timestamp", "description": "when"},
        "_run_id": {"type": "string", "description": "run"},
    }
    bronze, rows = contract(grain=grain, **lineage), ((1, 1.0), (2, 2.0), (3, 3.0))
    published(lake, bronze, as_fetched("run 1", *rows), run_at(1))
    published(lake, bronze, as_fetched("run 2", *rows), run_at(2))
    same = diff(lake, bronze, PARTITION)
    assert (same.added, same.removed, same.changed, same.only_lineage) == (0, 0, 0, 3)
    assert (same.left_out, same.samples) == (("_ingested_at", "_run_id"), ())

    published(lake, bronze, as_fetched("run 3", (1, 1.0), (2, 5.0), (3, 3.0), (4, 4.0)), run_at(3))
    found = diff(lake, bronze, PARTITION)
    counted = (found.added, found.removed, found.changed, found.only_lineage)
    assert counted == ((1, 0, 1, 2) if grain else (2, 1, 0, 2)), "without a grain a change is a row gone and one come"
    shown = [(row["difference"], row["id"]) for row in found.samples]
    assert shown == ([("added", 4), ("changed", 2)] if grain else [])


def test_a_key_of_lineage_columns_is_still_a_key(lake: Lake, run_at: RunAt) -> None:
    run = {"_run_id": {"type": "string", "required": True, "description": "run"}}
    runs = contract(**run).model_copy(update={"grain": ("_run_id",)})
    published(lake, runs, [{"_run_id": "a", "id": 1}, {"_run_id": "b", "id": 2}], run_at(1))
    published(lake, runs, [{"_run_id": "a", "id": 1}, {"_run_id": "c", "id": 2}], run_at(2))
    found = diff(lake, runs, PARTITION)
    assert (found.added, found.removed, found.changed, found.only_lineage, found.left_out) == (1, 1, 0, 0, ())


def test_diff_says_which_publications_there_are(twice: Lake) -> None:
    with pytest.raises(LakeNotFound, match=r"no publication 7 to compare\. Published with rows: 1, 2"):
        diff(twice, contract(), PARTITION, after=7)
    with pytest.raises(LakeNotFound, match=r"no earlier publication with other content .*with rows: 1"):
        diff(twice, contract(), PARTITION, after=1)


def test_a_withdrawn_partition_is_gone_for_every_reader_and_can_come_back(twice: Lake) -> None:
    wanted = contract()
    entry = withdraw(twice, wanted, PARTITION)
    assert (entry.seq, entry.kind, entry.state, entry.rows) == (3, "withdrawal", "published", 0)
    assert list(twice.catalog.partitions(wanted)) == []
    assert list(twice.store.scan("silver/test/rows/")) == []
    assert twice.ledger.live(wanted.table, PARTITION) is None
    assert verify(twice, wanted) == []
    with pytest.raises(LakeNotFound, match="not live, so there is nothing to withdraw"):
        withdraw(twice, wanted, PARTITION)
    back = rollback(twice, wanted, PARTITION)
    assert (back.seq, back.rows) == (4, 3)
    assert verify(twice, wanted, deep=True) == []


@pytest.mark.parametrize("act", [rollback, withdraw])
def test_an_act_that_was_decided_on_another_publication_changes_nothing(twice: Lake, act: Callable[..., Any]) -> None:
    before = len(twice.ledger.history(contract().table, PARTITION))
    with pytest.raises(FencedError, match="publication 2 is live now; it was 1 in the plan"):
        act(twice, contract(), PARTITION, seen=1)
    assert len(twice.ledger.history(contract().table, PARTITION)) == before
    assert act(twice, contract(), PARTITION, seen=2).seq == 3


@pytest.mark.parametrize("act", [rollback, withdraw])
def test_a_second_try_of_the_same_run_changes_nothing(twice: Lake, act: Callable[..., Any]) -> None:
    """Airflow lost the task after its publication."""
    first = act(twice, contract(), PARTITION, seen=2, by="manual__7")
    assert first.run.id == "manual__7"
    assert act(twice, contract(), PARTITION, seen=2, by="manual__7") == first
    assert len(twice.ledger.history(contract().table, PARTITION)) == 3


@pytest.mark.parametrize("step", ["reserve", "place", "placed", "register", "surplus", "complete"])
def test_a_withdrawal_killed_at_any_step_is_finished_by_the_next_writer(twice: Lake, run_at: RunAt, step: str) -> None:
    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        if name == step:
            raise Killed

    wanted = contract()
    live = twice.ledger.live(wanted.table, PARTITION)
    assert live is not None
    nothing = {"kind": "withdrawal", "objects": (), "content": "", "run": run_at(3)}
    with pytest.raises(Killed):
        Publisher(twice.ledger, Registrar(twice, wanted), on_step=die).publish([live.model_copy(update=nothing)])
    Publisher(twice.ledger, Registrar(twice, wanted)).recover(wanted.table, PARTITION)
    assert verify(twice, wanted, deep=True) == []
    assert (twice.ledger.live(wanted.table, PARTITION) is None) == (step != "reserve")

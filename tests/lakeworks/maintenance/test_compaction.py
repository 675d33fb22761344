"""Compaction: thousands of tiny objects become few, with the same rows, under readers and writers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.engines.duckdb import DuckDbEngine, DuckDbSession
from lakeworks.errors import FencedError, LakeNotFound, RowBalanceError, StaleBuild
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.compaction import compact, compact_each, file_report
from lakeworks.maintenance.verification import verify
from lakeworks.parquet.dataset import open_dataset
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.pipeline.fetch_step import land
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from lakeworks.sources import SourceConnection, open_source
from tests.conftest import contract_of
from tests.protocol.test_versioned import COLUMNS, Publishing, table

PARTITION = Partition.of_period(Period.parse("2019-01"))
RunAt = Callable[..., Run]


def contract(target: int, rows: int = 500_000, layout: str = "versioned") -> Contract:
    storage = {"layout": layout, "target_bytes": target, "row_group_rows": rows}
    return contract_of("silver.test.large", columns=COLUMNS, partition_by=["month"], storage=storage)


def publish(lake: Lake, rows: pa.Table, run: Run, wanted: Contract, month: str = "2019-01") -> LedgerEntry:
    return Publishing(replace(lake, contract=lambda _: wanted), wanted, Period.parse(month)).publish(rows, run)


def rows_of(lake: Lake, wanted: Contract) -> pa.Table:
    live = lake.ledger.live_partitions(wanted.table)
    return open_dataset(lake.store, wanted, live.values()).to_table()


def test_many_tiny_objects_become_one_with_the_same_rows(lake: Lake, run_at: RunAt) -> None:
    tiny = publish(lake, table(4_000), run_at(1), contract(target=1, rows=10))
    assert len(tiny.objects) == 200
    wanted = contract(target=1 << 20)
    (report,) = file_report(lake, wanted)
    assert (report.objects, report.verdict, report.needs_compaction) == (200, "merge", True)
    told: list[Any] = []
    lake = replace(lake, emit=told.append)
    done = compact(lake, wanted, PARTITION)
    assert (done.kind, done.seq, len(done.objects), done.rows) == ("compaction", 2, 1, 4_000)
    assert done.size < tiny.size / 5
    assert rows_of(lake, wanted).equals(table(4_000))
    assert verify(lake, wanted, deep=True) == []
    assert [item.verdict for item in file_report(lake, wanted)] == ["fine"]
    assert [item.key for item in lake.store.scan("_staging/") if "compaction" in item.key] == []
    assert compact(lake, wanted, PARTITION).state == "unchanged", "there is nothing left to do"
    assert [event.job.name for event in told] == ["silver.test.large.compaction"], "what changed nothing is not told"


def test_a_thousand_tiny_landed_objects_become_one_object_of_bronze(lake: Lake, run_at: RunAt, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox" / "ticks" / "2019-01-05"
    inbox.mkdir(parents=True)
    for number in range(1_000):
        (inbox / f"{number:04d}.jsonl").write_text(f'{{"id": {number}, "value": {number / 7}}}\n')
    wanted = contract_of(
        "bronze.test.ticks",
        columns=COLUMNS,
        grain=[],
        source="file_drop.ticks",
        schema_policy="widen",
        partition_by=["day"],
    )
    lake, day = replace(lake, contract=lambda _: wanted), Period.parse("2019-01-05")
    land(lake, wanted, day, run_at(1), open_source("file_drop", access=SourceConnection((tmp_path / "inbox").as_uri())))
    assert sum(1 for _ in lake.store.scan("landing/")) == 1_001, (
        "every file as it was dropped, and the set that lists them"
    )
    record = rebuild(lake, wanted.name, day, run_at(1))
    assert (record.balance.read, record.balance.staged) == (1_000, 1_000)
    (report,) = file_report(lake, wanted)
    assert (report.objects, report.verdict) == (1, "fine")
    assert sorted(rows_of(lake, wanted)["id"].to_pylist()) == list(range(1_000))


def test_an_object_above_double_the_target_is_split(lake: Lake, run_at: RunAt) -> None:
    publish(lake, table(6_000), run_at(1), contract(target=1 << 20, rows=500))
    wanted = contract(target=8_000, rows=500)
    assert [item.verdict for item in file_report(lake, wanted)] == ["split"]
    done = compact(lake, wanted, PARTITION)
    assert len(done.objects) > 2
    assert max(item.size for item in done.objects) < 3 * 8_000
    assert rows_of(lake, wanted).equals(table(6_000))
    plain = contract(target=8_000, layout="plain")
    assert [item.verdict for item in file_report(lake, plain)] == ["fine"]


def test_a_plain_object_that_is_too_large_is_reported_not_split(lake: Lake, run_at: RunAt) -> None:
    plain = contract(target=8_000, layout="plain")
    publish(lake, table(6_000), run_at(1), plain)
    (report,) = file_report(lake, plain)
    assert (report.verdict, report.needs_compaction) == ("too large for one object", False)


def test_a_publication_that_went_live_meanwhile_is_not_undone(lake: Lake, run_at: RunAt) -> None:
    wanted = contract(target=1 << 20)
    publish(lake, table(500), run_at(1), contract(target=1, rows=50))
    newer = table(500, 7.0)

    class Overtaken(DuckDbEngine):
        """Another writer publishes while the compaction holds the old rows."""

        def session(self) -> Any:
            publish(lake, newer, run_at(2), wanted)
            return lake.engine.session()

    overtaken = replace(lake, engine=Overtaken(scratch=lake.scratch))
    with pytest.raises(StaleBuild, match="Nothing was published"):
        compact(overtaken, wanted, PARTITION)
    assert rows_of(lake, wanted).equals(newer)


def test_one_overtaken_partition_does_not_end_the_others(lake: Lake, run_at: RunAt) -> None:
    wanted, tiny = contract(target=1 << 20), contract(target=1, rows=50)
    for month in ("2019-01", "2019-02", "2019-03"):
        publish(lake, table(500), run_at(1), tiny, month)
    turns = iter(["first", "second"])

    class Overtaken(DuckDbEngine):
        """Another writer publishes the second partition while the compaction holds its old rows."""

        def session(self) -> Any:
            if next(turns, "") == "second":
                publish(lake, table(500, 7.0), run_at(2), wanted, "2019-02")
            return lake.engine.session()

    reports = sorted(file_report(lake, wanted), key=lambda report: report.partition)
    done = list(compact_each(replace(lake, engine=Overtaken(scratch=lake.scratch)), wanted, reports))
    assert [bool(item.entry) for item in done] == [True, False, True]
    assert "Nothing was published" in done[1].overtaken
    assert [(entry.kind, len(entry.objects)) for entry in lake.ledger.live_partitions(wanted.table).values()] == [
        ("compaction", 1), ("publish", 1), ("compaction", 1),
    ]  # fmt: skip


def lose_a_row(rows: pa.Table) -> pa.Table:
    return rows.slice(1)


def change_a_value(rows: pa.Table) -> pa.Table:
    values = rows["value"].to_pylist()
    return rows.set_column(1, rows.schema.field("value"), pa.array([values[0] + 1, *values[1:]]))


@pytest.mark.parametrize("bend", [lose_a_row, change_a_value])
def test_rows_that_are_not_those_read_are_not_published(
    lake: Lake, run_at: RunAt, bend: Callable[[pa.Table], pa.Table]
) -> None:
    class BentSession(DuckDbSession):
        def stream(self, sql: str, schema: pa.Schema) -> pa.RecordBatchReader:
            return bend(super().stream(sql, schema).read_all()).to_reader()

    class Bent(DuckDbEngine):
        """An engine that hands over other rows than it read."""

        @contextmanager
        def session(self) -> Iterator[DuckDbSession]:
            with super().session() as session:
                yield BentSession(**vars(session))

    wanted = contract(target=1 << 20)
    before = publish(lake, table(500), run_at(1), contract(target=1, rows=50))
    with pytest.raises(RowBalanceError, match="Nothing was published"):
        compact(replace(lake, engine=Bent(scratch=lake.scratch)), wanted, PARTITION)
    assert lake.ledger.live(wanted.table, PARTITION) == before
    assert [entry.seq for entry in lake.ledger.history(wanted.table, PARTITION)] == [1], "no number was taken"
    assert rows_of(lake, wanted).equals(table(500))


def test_a_compaction_keeps_the_order_of_its_run(lake: Lake, run_at: RunAt) -> None:
    wanted = contract(target=1 << 20)
    publish(lake, table(500), run_at(2), contract(target=1, rows=50))
    compact(lake, wanted, PARTITION)
    with pytest.raises(FencedError):
        publish(lake, table(500, 3.0), run_at(1), wanted)
    assert publish(lake, table(500, 3.0), run_at(3), wanted).state == "published"


def test_what_is_not_live_is_not_compacted(lake: Lake) -> None:
    with pytest.raises(LakeNotFound, match="nothing to compact"):
        compact(lake, contract(target=1), PARTITION)


def test_what_was_compacted_can_be_withdrawn_and_rolled_back(lake: Lake, run_at: RunAt) -> None:
    """Found by test_any_sequence: both kept the publication that the compaction was built from, and were refused as stale."""
    wanted = contract(target=1 << 20)
    lake = replace(lake, contract=lambda _: wanted)
    publish(lake, table(400), run_at(1), contract(target=1, rows=10))
    compacted = compact(lake, wanted, PARTITION)
    assert withdraw(lake, wanted, PARTITION).kind == "withdrawal"
    assert lake.ledger.live_partitions(wanted.table) == {}
    assert rollback(lake, wanted, PARTITION, to=compacted.seq).objects
    assert rows_of(lake, wanted).equals(table(400))
    assert verify(lake, wanted, deep=True) == []

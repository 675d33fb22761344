"""Whatever is done to a table, in whatever order: readers, ledger, objects and catalog agree with a simple model.

A short run in every test; `LAKE_LONG=1` tries hundreds of sequences.
"""

import os
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from lakeworks.core.partition import Partition, Period
from lakeworks.errors import FencedError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.compaction import compact
from lakeworks.maintenance.verification import repair, verify
from lakeworks.parquet.dataset import open_dataset
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from tests.conftest import contract_of

# Shrinking a sequence against real servers takes longer than reading it.
PHASES = (Phase.explicit, Phase.generate)
LONG = bool(os.environ.get("LAKE_LONG"))
# Values that Hive has to escape, and a null, beside ordinary ones.
REGIONS = ("eu", "a/b=c d", None)
MONTH = Period.parse("2019-01")
COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": "key"},
    "region": {"type": "string", "description": "where"},
    "note": {"type": "string", "description": "text"},
}
CONTENTS = st.lists(
    st.tuples(st.integers(0, 99), st.sampled_from([None, "x", "é'\"%"])),
    min_size=1,
    max_size=6,
    unique_by=lambda r: r[0],
)
Rows = tuple[tuple[int, str | None], ...]


@dataclass
class Told:
    """What the model knows of one partition: the rows readers get (None: nothing), and what rollback would bring."""

    live: Rows | None = None
    published: tuple[Rows, ...] = ()
    last_was_publish: bool = False


class Sequence(RuleBasedStateMachine):
    """One table of three partitions; every instance has a new one."""

    given: ClassVar[Lake]
    layout: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        storage = {"layout": self.layout, "target_bytes": 1, "row_group_rows": 2}
        name = f"silver.test.t{uuid.uuid4().hex[:10]}"
        self.wanted = contract_of(name, columns=COLUMNS, partition_by=["region", "month"], storage=storage)
        self.lake = replace(self.given, contract=lambda _: self.wanted)
        self.told = {region: Told() for region in REGIONS}
        self.runs = 0
        self.broken = False

    def partition(self, region: str | None) -> Partition:
        return Partition((("region", region), ("year", "2019"), ("month", "01")))

    def publish(self, region: str | None, rows: Rows, number: int) -> LedgerEntry:
        run = Run(id=f"r{uuid.uuid4().hex[:6]}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number))
        table = pa.table(
            {
                "id": [i for i, _ in sorted(rows)],
                "region": [region] * len(rows),
                "note": [n for _, n in sorted(rows)],
            },
            schema=pa.schema([(name, column.type.arrow) for name, column in self.wanted.columns.items()]),
        )
        staged = RunRecord(
            table=self.wanted.name, period=str(MONTH), run=run, contract_version="1.0.0", schema_fingerprint="f",
            balance=RowBalance(read=len(table), staged=len(table)), partitions=(), audit={"passed": True},
        )  # fmt: skip
        writer = PartitionedWriter(self.lake.store, self.wanted, staged.prefix, MONTH, self.lake.scratch)
        parts = writer.write(table.to_reader(1))
        publisher = Publisher(self.lake.ledger, Registrar(self.lake, self.wanted))
        return publisher.publish([entry_for(self.wanted, staged, part) for part in parts])[0]

    @precondition(lambda self: not self.broken)
    @rule(region=st.sampled_from(REGIONS), rows=CONTENTS)
    def a_later_run_publishes(self, region: str | None, rows: list[Any]) -> None:
        told, content = self.told[region], tuple(sorted(rows))
        # What a person did (rollback, withdrawal) is of today; a run after it is later still.
        self.runs += 1
        entry = self.publish(region, content, 100_000 + self.runs)
        assert entry.state == ("unchanged" if told.live == content else "published")
        more = () if told.live == content else (content,)
        self.told[region] = Told(content, (*told.published, *more), last_was_publish=True)

    @precondition(lambda self: not self.broken)
    @rule(region=st.sampled_from(REGIONS), rows=CONTENTS)
    def an_older_run_comes_late(self, region: str | None, rows: list[Any]) -> None:
        told = self.told[region]
        if not told.last_was_publish or told.live == tuple(sorted(rows)):
            return
        with pytest.raises(FencedError):
            self.publish(region, tuple(sorted(rows)), 0)

    @precondition(lambda self: not self.broken)
    @rule(region=st.sampled_from(REGIONS))
    def it_is_rolled_back(self, region: str | None) -> None:
        told = self.told[region]
        earlier = [rows for rows in told.published if rows != told.live]
        if not told.published or not earlier:
            with pytest.raises(LakeNotFound):
                rollback(self.lake, self.wanted, self.partition(region))
            return
        rollback(self.lake, self.wanted, self.partition(region))
        live = self.read(region)
        assert live in told.published
        assert live != told.live
        self.told[region] = Told(live, (*told.published, live))

    @precondition(lambda self: not self.broken)
    @rule(region=st.sampled_from(REGIONS))
    def it_is_withdrawn(self, region: str | None) -> None:
        told = self.told[region]
        if told.live is None:
            with pytest.raises(LakeNotFound):
                withdraw(self.lake, self.wanted, self.partition(region))
            return
        withdraw(self.lake, self.wanted, self.partition(region))
        self.told[region] = Told(None, told.published)

    @precondition(lambda self: not self.broken)
    @rule(region=st.sampled_from(REGIONS))
    def it_is_compacted(self, region: str | None) -> None:
        if self.told[region].live is not None:
            target = self.wanted.storage.model_copy(update={"target_bytes": 1 << 20})
            larger = self.wanted.model_copy(update={"storage": target})
            compact(replace(self.lake, contract=lambda _: larger), larger, self.partition(region))

    @rule()
    def leftovers_are_removed(self) -> None:
        garbage.collect(self.lake, [self.wanted], dry_run=False)

    @rule(region=st.sampled_from(REGIONS), how=st.sampled_from(["catalog", "object", "foreign"]))
    def a_stranger_meddles(self, region: str | None, how: str) -> None:
        if self.told[region].live is None:
            return
        live = self.lake.ledger.live(self.wanted.table, self.partition(region))
        assert live is not None
        if how == "catalog":
            self.lake.catalog.drop_partitions(self.wanted, [self.partition(region)])
        elif how == "object":
            self.lake.store.delete([live.objects[0].key])
        else:
            self.lake.store.put(live.objects[0].key, b"not ours")
        self.broken = True

    @precondition(lambda self: self.broken)
    @rule()
    def it_is_repaired(self) -> None:
        findings = verify(self.lake, self.wanted, deep=True)
        repair(self.lake, self.wanted, findings)
        for finding in verify(self.lake, self.wanted, deep=True):  # what is a stranger's is left to a person
            assert finding.kind in ("changed object", "foreign object"), finding
            live = self.lake.ledger.live(self.wanted.table, finding.partition)
            assert live is not None
            self.lake.store.delete([item.key for item in live.objects])
        repair(self.lake, self.wanted, verify(self.lake, self.wanted, deep=True))
        self.broken = False

    def read(self, region: str | None) -> Rows | None:
        entry = self.lake.ledger.live(self.wanted.table, self.partition(region))
        if entry is None:
            return None
        rows = open_dataset(self.lake.store, self.wanted, [entry]).to_table().to_pylist()
        assert {row["region"] for row in rows} == {region}
        return tuple(sorted((row["id"], row["note"]) for row in rows))

    @precondition(lambda self: not self.broken)
    @invariant()
    def readers_get_what_was_published(self) -> None:
        assert {region: self.read(region) for region in REGIONS} == {r: told.live for r, told in self.told.items()}

    @precondition(lambda self: not self.broken)
    @invariant()
    def the_catalog_equals_the_storage(self) -> None:
        there = {self.partition(region) for region, told in self.told.items() if told.live is not None}
        if self.runs:
            listed = {Partition.parse(_path(item["Values"])) for item in self.lake.catalog.partitions(self.wanted)}
            assert listed == there
            assert verify(self.lake, self.wanted) == []


def _path(values: list[str]) -> str:
    from lakeworks.core.hive import HIVE_NULL

    region = None if values[0] == HIVE_NULL else values[0]
    return Partition((("region", region), ("year", values[1]), ("month", values[2]))).path


@pytest.mark.parametrize("layout", ["plain", "versioned"])
@pytest.mark.timeout(1800 if LONG else 300)
def test_any_sequence_leaves_readers_ledger_and_catalog_agreed(lake: Lake, layout: str) -> None:
    how = settings(
        max_examples=200 if LONG else 6, stateful_step_count=25 if LONG else 10, deadline=None,
        suppress_health_check=list(HealthCheck), phases=PHASES,
    )  # fmt: skip
    run_state_machine_as_test(type("Sequence", (Sequence,), {"given": lake, "layout": layout}), settings=how)

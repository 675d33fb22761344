"""The ledger of a partition that is confirmed every day for years."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeworks.core.layout import LEDGER
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.core.placement_stamp import content_hash
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.folding import KEPT, Folding
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.s3.object_store import SHA256, ObjectStore, Target
from tests.support.memory_s3 import MemoryS3

TABLE, PARTITION = TableName.parse("silver.test.rows"), Partition.parse("year=2019/month=01")
LIVE = "silver/test/rows/year=2019/month=01/part-00000.parquet"


@dataclass
class Years:
    """A partition that a run publishes or confirms every so often; every request and every listed key is counted."""

    now: datetime = datetime(2016, 1, 1, tzinfo=UTC)
    requests: int = 0
    listed: int = 0
    bucket: MemoryS3 = field(init=False)

    def __post_init__(self) -> None:
        self.bucket = MemoryS3(lambda: self.now)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.bucket, name)
        if name == "get_paginator":
            return lambda _: self
        self.requests += 1
        return found

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        for page in self.bucket.paginate(**arguments):
            keys = len(page["Contents"])
            self.listed += keys
            self.requests += max(1, -(-keys // 1000))
            yield page

    @property
    def store(self) -> ObjectStore:
        client: Any = self
        return ObjectStore(client, "lake", threads=1)

    def run(self, body: bytes, every: timedelta = timedelta(days=1)) -> LedgerEntry:
        self.now += every
        run = Run(id=f"scheduled__{self.now:%Y%m%d%H%M}", started_at=self.now)
        staged = f"_staging/silver/test/rows/{run.key}/part-00000.parquet"
        self.store.put(Target(staged, {SHA256: content_hash(body)}), body)
        item = LiveObject(key=LIVE, size=len(body), sha256=content_hash(body), rows=1, source_key=staged)
        wanted = LedgerEntry(
            table=str(TABLE), partition=PARTITION.path, seq=1, live_seq=1, state="publishing", run=run, period="2019-01",
            contract_version="1.0.0", schema_fingerprint="f", content=item.sha256, objects=(item,),
            location=LIVE.rpartition("/")[0] + "/", audit={"passed": True}, reserved_at=self.now,
        )  # fmt: skip
        self.requests = self.listed = 0
        return Publisher(Ledger(self.store), lambda _: None, clock=lambda: self.now).publish([wanted])[0]


def test_ten_years_of_confirmations_cost_a_publication_no_more_than_the_first_ones() -> None:
    """A shortened decade; `docs/reliability.md` has the figures of the whole one."""
    years = Years()
    years.run(b"rows")
    years.run(b"rows")
    first = years.requests
    costs, listed = [], []
    for _ in range(5 * KEPT):
        assert years.run(b"rows").state == "unchanged"
        costs.append(years.requests)
        listed.append(years.listed)
    usual = int(len(costs) * 0.98)  # all but the publications that fold
    assert sorted(listed)[usual] <= 2 * (2 * KEPT + 1), "two listings of two hundred entries at most"
    assert max(listed) <= 3 * (2 * KEPT + 1)
    assert sorted(costs)[usual] <= first
    ledger = Ledger(years.store)
    entries = ledger.history(TABLE, PARTITION)
    assert [entry.seq for entry in entries] == list(range(1, 5 * KEPT + 3)), "nothing of the past is lost"
    assert ledger.sequence(TABLE, PARTITION)[0] == 1, "the publication that is confirmed stays where it is"
    assert years.run(b"other rows").seq == 5 * KEPT + 3


def test_entries_within_reach_of_a_rollback_stay() -> None:
    years = Years()
    for number in range(3 * KEPT):
        years.run(f"rows {number}".encode(), every=timedelta(minutes=10))
    assert len(Ledger(years.store).sequence(TABLE, PARTITION)) == 3 * KEPT


def test_a_fold_that_was_killed_half_way_is_finished_and_loses_nothing() -> None:
    years = Years()
    for _ in range(2 * KEPT):
        years.run(b"rows")
    ledger, killed = Ledger(years.store), Ledger(years.store)

    def no_delete(_: object) -> int:
        raise KeyboardInterrupt

    killed.store.delete = no_delete  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        Folding(killed).fold(TABLE, PARTITION)
    before = ledger.history(TABLE, PARTITION)
    assert len(before) == 2 * KEPT
    assert Folding(ledger).fold(TABLE, PARTITION) > 0
    assert ledger.history(TABLE, PARTITION) == before
    assert len(list(years.store.scan(f"{LEDGER}/silver/test/rows/_folded/"))) == 1

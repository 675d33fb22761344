"""A table of months in either layout: published, rolled back, withdrawn, compacted and collected as a lake does it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.parquet.dataset import open_dataset
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from tests.conftest import contract_of

Rows = dict[str, list[int]]
DAYS = tuple(Partition.parse(f"year=2019/month=01/day={day:02d}") for day in (1, 2, 3))
_COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": "key"},
    "made_on": {"type": "date", "required": True, "description": "day"},
}


class Killed(BaseException):
    """Stands for SIGKILL."""


def contract(layout: str = "plain", name: str = "silver.test.days") -> Contract:
    storage = {"layout": layout, "target_bytes": 5_000, "row_group_rows": 500}
    return contract_of(name, columns=_COLUMNS, partition_by=["day(made_on)"], storage=storage, grain=["id"])


@dataclass
class Days:
    """One table of three days. Each act returns after its last request."""

    lake: Lake
    contract: Contract
    runs: int = 0
    ids: list[str] = field(default_factory=list)
    step: str = ""
    complete: int = 0

    @classmethod
    def of(cls, lake: Lake, layout: str = "plain") -> "Days":
        wanted = contract(layout)
        return cls(replace(lake, contract=lambda _: wanted), wanted)

    def run(self) -> Run:
        self.runs += 1
        return Run(id=f"run-{self.runs}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=self.runs))

    def publish(self, days: Iterable[Partition], value: int, *, die_after: int | None = None, die_at: str = "") -> str:
        """Publish rows of some days by one run; die after so many are complete, or at a step."""
        run = self.run()
        manifest = RunRecord(
            table=self.contract.name, period="2019-01", run=run, contract_version="1.0.0", schema_fingerprint="f",
            balance=RowBalance(read=1, staged=1), partitions=(), audit={"passed": True},
        )  # fmt: skip
        rows = [{"id": value, "made_on": datetime(2019, 1, int(day.path[-2:])).date()} for day in days]
        table = pa.Table.from_pylist(rows, self.contract.arrow_schema)
        month = Period.parse("2019-01")
        writer = PartitionedWriter(self.lake.store, self.contract, manifest.prefix, month, self.lake.scratch)
        staged = list(writer.write(table.to_reader()))

        def step(name: str) -> None:
            self.step = name
            if name == die_at:
                raise Killed(name)

        def clock() -> datetime:
            """Return the time; the process dies when so many partitions of the run are complete."""
            if self.step == "complete" and die_after is not None:
                self.complete += 1
                if self.complete > die_after:
                    raise Killed("complete")
            return datetime.now(UTC)

        self.step, self.complete = "", 0
        publisher = Publisher(self.lake.ledger, Registrar(self.lake, self.contract), clock, on_step=step)
        publisher.publish([entry_for(self.contract, manifest, item) for item in staged])
        self.ids.append(run.id)
        return run.id

    def rows(self, entries: Iterable[LedgerEntry]) -> Rows:
        """Return the rows of publications, by day, as an Arrow reader finds them."""
        return {
            entry.partition: sorted(open_dataset(self.lake.store, self.contract, [entry]).to_table()["id"].to_pylist())
            for entry in entries
        }

    def copy(self) -> Rows:
        """Return what a reader by ledger sees now."""
        reader = self.lake.with_whole_runs([self.contract.table])
        return self.rows(reader.ledger.live_partitions(self.contract.table).values())

    def versions(self) -> Iterator[dict[str, Any]]:
        pages = self.lake.store.client.get_paginator("list_object_versions").paginate(Bucket=self.lake.store.bucket)
        for page in pages:
            yield from page.get("Versions", [])

    def delete_replaced_versions(self) -> int:
        """Delete every version that is not current, as the bucket's lifecycle does in the end."""
        gone = [item for item in self.versions() if not item["IsLatest"]]
        for item in gone:
            self.lake.store.client.delete_object(
                Bucket=self.lake.store.bucket, Key=item["Key"], VersionId=item["VersionId"]
            )
        return len(gone)

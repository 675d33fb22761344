"""Storage of quarantined rows: one Parquet file per attempt in `_quarantine/`, and the limit above which a run fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lakeworks.arrival.quarantined_partitions import PartitionCounts
from lakeworks.contract import Contract, Storage
from lakeworks.core.layout import quarantine_key
from lakeworks.errors import QuarantineLimitExceeded
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run, RunRecord, StagedObject
from lakeworks.parquet.encoder import ParquetPart, sha256_of
from lakeworks.s3.multipart import upload_file
from lakeworks.s3.object_store import Target

RUN_ORDER = "lakeworks-run-order"


@dataclass(frozen=True)
class QuarantineFile:
    """A temporary file of a run's broken rows, and their number by partition."""

    part: ParquetPart
    partitions: PartitionCounts

    def add(self, batch: pa.RecordBatch) -> None:
        """Write and count rows."""
        self.part.add(batch)
        self.partitions.add(batch)


@contextmanager
def quarantine_file(schema: pa.Schema, scratch: Path, partitions: PartitionCounts) -> Iterator[QuarantineFile]:
    """Open a temporary file for broken rows. It is always removed."""
    part = ParquetPart(schema, Storage(), scratch)
    try:
        yield QuarantineFile(part, partitions)
    finally:
        part.discard()


def store_quarantined(lake: Lake, contract: Contract, run: Run, file: QuarantineFile) -> StagedObject | None:
    """Store the broken rows; None if there are none."""
    part, period = file.part, file.partitions.period
    if not part.rows:
        return None
    content = part.finish()
    key, sha256 = quarantine_key(contract.table, period, run.key), sha256_of(content)
    target = Target(key, {"lakeworks-sha256": sha256, "lakeworks-rows": str(part.rows), RUN_ORDER: run.order})
    put = lake.store.put(target, content) if isinstance(content, bytes) else upload_file(lake.store, content, target)
    return StagedObject(key=key, size=put.size, sha256=sha256, rows=part.rows)


def check_limit(lake: Lake, contract: Contract, manifest: RunRecord) -> None:
    """Fail a run that quarantined too many rows.

    Raises:
        QuarantineLimitExceeded: the message names the rules and the rows' location.
    """
    rows = manifest.balance
    if rows.read and rows.quarantined / rows.read > contract.quarantine.limit:
        rules = ", ".join(f"{rule} {count}" for rule, count in sorted(rows.broken.items(), key=lambda item: -item[1]))
        where = lake.store.uri(manifest.quarantine.key) if manifest.quarantine else ""
        raise QuarantineLimitExceeded(
            f"`{manifest.table}` {manifest.period}: {rows.quarantined} of {rows.read} rows break a rule ({rules}), more than "
            f"the contract's quarantine.limit of {contract.quarantine.limit:.0%}. Nothing was published. The rows are in "
            f"`{where}`. Correct the source or the transform, or raise the limit, then run the partition again."
        )

"""The partitioned writer: a sorted Arrow stream in, one deterministic Parquet object a partition out, in one pass.

Memory is bounded by the row groups in flight, not by the input's size or the number of partitions: the stream arrives with
each partition contiguous; finished partitions are encoded and uploaded concurrently.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.contract import Contract
from lakeworks.errors import ConfigError, PartitionExplosion
from lakeworks.layout import join, part_name
from lakeworks.partition import Partition, PartitionField, Period, partition_of
from lakeworks.storage.manifest import StagedObject, StagedPartition
from lakeworks.storage.multipart import upload_file
from lakeworks.storage.objects import ObjectStore, StoredObject, Target
from lakeworks.storage.parquet import ParquetPart, sha256_of


@dataclass(frozen=True)
class PartitionedWriter:
    """Writes one table's partitions below a staging prefix (with its trailing slash)."""

    store: ObjectStore
    contract: Contract
    prefix: str
    period: Period
    scratch: Path
    threads: int = 4

    def write(self, reader: pa.RecordBatchReader) -> list[StagedPartition]:
        """Stage a stream whose partitions are contiguous and whose rows are sorted; returns the partitions in order.

        Raises:
            PartitionExplosion: the stream holds more partitions than the contract allows; nothing was published.
            ConfigError: a partition came twice, so the stream was not sorted.
        """
        staged: list[StagedPartition] = []
        flying: set[Future[StagedPartition]] = set()
        seen: set[Partition] = set()
        with ThreadPoolExecutor(self.threads) as pool:
            for partition, part in self._parts(reader, seen):
                if len(flying) >= self.threads:
                    done, flying = wait(flying, return_when=FIRST_COMPLETED)
                    staged += [future.result() for future in done]
                flying.add(pool.submit(self._stage, partition, part))
            staged += [future.result() for future in flying]
        return sorted(staged, key=lambda item: item.partition)

    def write_empty(self, partitions: Iterable[Partition]) -> list[StagedPartition]:
        """Stage partitions that have no rows any more: an object with the table's columns and no row each."""
        schema, storage = self.contract.arrow_schema, self.contract.storage
        return [self._stage(item, ParquetPart(schema, storage, self.scratch)) for item in partitions]

    def _parts(self, reader: pa.RecordBatchReader, seen: set[Partition]) -> Iterator[tuple[Partition, ParquetPart]]:
        """Cut the stream where the partition changes."""
        hidden = set(self.contract.identity_columns)
        schema = pa.schema([item for item in reader.schema if item.name not in hidden])
        part: ParquetPart | None = None
        current: Partition | None = None
        for batch in reader:
            for start, length in runs(batch, self.contract.partition_by):
                piece = batch.slice(start, length)
                partition = partition_of(self.contract.partition_by, self._first_row(piece), self.period)
                if part is None or partition != current:
                    if part is not None and current is not None:
                        yield current, part
                    self._admit(partition, seen)
                    part, current = ParquetPart(schema, self.contract.storage, self.scratch), partition
                part.add(piece.select(schema.names))
        if part is not None and current is not None:
            yield current, part

    def _first_row(self, piece: pa.RecordBatch) -> dict[str, Any]:
        names = [item.column for item in self.contract.partition_by if item.column]
        return {name: piece.column(name)[0].as_py() for name in names}

    def _admit(self, partition: Partition, seen: set[Partition]) -> None:
        if partition in seen:
            raise ConfigError(
                f"`{self.contract.name}`: {partition} came twice, so the stream was not sorted by partition."
            )
        seen.add(partition)
        limit = self.contract.storage.max_partitions
        if len(seen) > limit:
            distinct = {key: len({dict(item.pairs)[key] for item in seen}) for key in self.contract.partition_keys}
            column, count = max(distinct.items(), key=lambda pair: pair[1])
            raise PartitionExplosion(
                f"`{self.contract.name}` {self.period}: more than {limit} partitions; `{column}` alone has {count} values "
                "so far. Nothing was published. Partition by a coarser column, or raise `storage.max_partitions`."
            )

    def _stage(self, partition: Partition, part: ParquetPart) -> StagedPartition:
        try:
            content = part.finish()
            sha256 = sha256_of(content)
            key = self.prefix + join(partition.path, part_name())
            target = Target(key, {"lakeworks-sha256": sha256, "lakeworks-rows": str(part.rows)})
            stored = self._upload(target, content)
        finally:
            part.discard()
        item = StagedObject(key=key, size=stored.size, sha256=sha256, rows=part.rows)
        return StagedPartition(partition=partition.path, objects=(item,))

    def _upload(self, target: Target, content: bytes | Path) -> StoredObject:
        if isinstance(content, Path):
            return upload_file(self.store, content, target)
        return self.store.put(target, content)


def runs(batch: pa.RecordBatch, fields: tuple[PartitionField, ...]) -> Iterator[tuple[int, int]]:
    """`(start, length)` of the stretches of a batch that lie in one partition."""
    if not batch.num_rows:
        return
    changes: pa.Array | None = None
    for field in fields:
        if field.column is None:
            continue
        values = batch.column(field.column)
        if field.transform != "identity":
            values = pc.floor_temporal(values, unit=field.transform)
        differs = pc.fill_null(
            pc.or_kleene(
                pc.not_equal(values.slice(1), values.slice(0, batch.num_rows - 1)),
                pc.xor(pc.is_null(values.slice(1)), pc.is_null(values.slice(0, batch.num_rows - 1))),
            ),
            False,
        )
        changes = differs if changes is None else pc.or_(changes, differs)
    starts = [0]
    if changes is not None:
        starts += [index + 1 for index in pc.indices_nonzero(changes).to_pylist()]
    for start, end in zip(starts, [*starts[1:], batch.num_rows], strict=True):
        yield start, end - start

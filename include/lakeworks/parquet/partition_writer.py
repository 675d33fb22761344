"""The partitioned writer: a sorted Arrow stream in, deterministic Parquet objects out, in one pass.

A partition is one object. In a table of layout `versioned` a new object starts where `target_bytes` is reached.

Memory is bounded by the rows in flight, not by the input's size or the number of partitions: the stream arrives with each
partition contiguous; row groups are encoded, and finished partitions uploaded, while the stream goes on.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.contract import Contract
from lakeworks.contract.storability import PartitionRules
from lakeworks.core.layout import join, part_name
from lakeworks.core.partition import Partition, PartitionField, Period, partition_of
from lakeworks.errors import AuditFailed, ConfigError, NotStorable, PartitionExplosion, PartitionNotOwned
from lakeworks.ledger.run_record import StagedObject, StagedPartition
from lakeworks.parquet.encoder import Held, ParquetPart, sha256_of
from lakeworks.parquet.value_sizes import row_sizes
from lakeworks.s3.multipart import upload_file
from lakeworks.s3.object_store import SHA256, ObjectStore, StoredObject, Target


@dataclass(frozen=True)
class _Part:
    """One object being written: its partition, and its index in it."""

    partition: Partition
    number: int
    file: ParquetPart


@dataclass(frozen=True, order=True)
class _Staged:
    """One object in staging."""

    partition: str
    number: int
    item: StagedObject = field(compare=False)


@dataclass(frozen=True)
class PartitionedWriter:
    """Writer of one table's partitions below a staging prefix (with trailing slash)."""

    store: ObjectStore
    contract: Contract
    prefix: str
    period: Period
    scratch: Path

    def write(self, reader: pa.RecordBatchReader) -> list[StagedPartition]:
        """Stage a stream with contiguous partitions and sorted rows. Return the partitions in order.

        Raises:
            PartitionNotOwned: a row's time is missing or lies outside the run's period; nothing was published.
            AuditFailed: a row lacks a required partition column; nothing was published.
            PartitionExplosion: the stream holds more partitions than the contract allows; nothing was published.
            ConfigError: a partition came twice, so the stream was not sorted.
        """
        staged: list[_Staged] = []
        flying: deque[tuple[Future[_Staged], Held]] = deque()  # oldest first, with what each holds in memory
        waiting, seen = Held(), set[Partition]()
        with ThreadPoolExecutor(self.store.threads) as pool:
            for part in self._parts(reader, seen, pool):
                in_memory = part.file.held
                while flying and self._full(len(flying), waiting + in_memory):
                    oldest, freed = flying.popleft()
                    staged.append(oldest.result())
                    waiting -= freed
                flying.append((pool.submit(self._stage, part), in_memory))
                waiting += in_memory
            staged += [future.result() for future, _ in flying]
        return _partitions(staged)

    def write_empty(self, partitions: Iterable[Partition]) -> list[StagedPartition]:
        """Stage partitions that have no rows any more: one object each, with the table's columns and no rows."""
        schema = self.contract.arrow_schema
        return _partitions([self._stage(_Part(item, 0, self._open(schema))) for item in partitions])

    def _full(self, parts: int, waiting: Held) -> bool:
        """Return True if enough waits for encoding and upload: two row groups of rows, one of bytes, or many small partitions.

        Up to twice as many partitions as threads may wait, because the oldest one need not be the first to finish.
        """
        storage = self.contract.storage
        return parts >= 2 * self.store.threads or waiting.reaches(
            2 * storage.row_group_rows + 1, storage.row_group_bytes
        )

    def _parts(self, reader: pa.RecordBatchReader, seen: set[Partition], pool: Executor) -> Iterator["_Part"]:
        """Split the stream where the partition changes, and where an object of a versioned table is full."""
        hidden = set(self.contract.identity_columns)
        schema = pa.schema([item for item in reader.schema if item.name not in hidden])
        part: _Part | None = None
        rules = PartitionRules(self.contract)
        for batch in reader:
            partition_runs = list(runs(batch, self.contract.partition_by))
            rows = batch.select(schema.names)
            sizes = row_sizes(rows)
            for (start, length), row in zip(
                partition_runs, self._rows_at(batch, [start for start, _ in partition_runs]), strict=True
            ):
                end = start + length
                partition = partition_of(self.contract.partition_by, row, self.period)
                if part is None or partition != part.partition:
                    if part is not None:
                        yield part
                    self._admit(partition, seen, rules)
                    part = _Part(partition, 0, self._open(schema, pool))
                while start < end:
                    if self._is_full(part):
                        yield part
                        part = _Part(partition, part.number + 1, self._open(schema, pool))
                    start += part.file.take(rows.slice(start, end - start), sizes[start:end])
        if part is not None:
            yield part

    def _open(self, schema: pa.Schema, pool: Executor | None = None) -> ParquetPart:
        return ParquetPart(schema, self.contract.storage, self.scratch, pool)

    def _is_full(self, part: "_Part") -> bool:
        storage = self.contract.storage
        return storage.layout == "versioned" and part.file.encoded_bytes >= storage.target_bytes

    def _rows_at(self, batch: pa.RecordBatch, places: list[int]) -> list[dict[str, Any]]:
        """Return the partition columns' values in some rows, read together: one by one they cost as much as a small object."""
        names = [item.column for item in self.contract.partition_by if item.column]
        return batch.select(names).take(pa.array(places, pa.int64())).to_pylist() if names else [{} for _ in places]

    def _admit(self, partition: Partition, seen: set[Partition], rules: PartitionRules) -> None:
        if partition in seen:
            raise ConfigError(
                f"`{self.contract.name}`: {partition} came twice: the stream was not sorted by partition. Nothing was "
                "published."
            )
        if self.contract.late_data is None and not self.contract.has_in(partition, self.period):
            cut_by = self.contract.date_column or ", ".join(str(item.column) for item in self.contract.time_fields)
            raise PartitionNotOwned(
                f"`{self.contract.name}` {self.period}: rows belong to the partition {partition}, which a run of "
                f"{self.period} does not own. Publishing them would replace the rows of other runs. Nothing was "
                f"published. Check the rows whose `{cut_by}` is null or outside of {self.period}. A row rule can "
                "quarantine them."
            )
        self._require(partition)
        if fault := rules.fault(partition):
            raise NotStorable(
                f"`{self.contract.name}` {self.period}: rows belong to `{partition.path[:200]}`, which {fault}. "
                "Nothing was published. A row rule can quarantine such rows."
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

    def _require(self, partition: Partition) -> None:
        """Check required partition columns here: the audit reads files, which do not have the columns in the path."""
        values = dict(partition.pairs)
        for name in self.contract.identity_columns:
            if self.contract.columns[name].required and values[name] is None:
                raise AuditFailed(
                    f"`{self.contract.name}` {self.period}: `{name}` is required, but some rows have no value. They would "
                    f"be published as {partition}. Nothing was published; live data is unchanged. Check that `{name}` "
                    "still arrives under that name. If it may be missing, set `required: false`."
                )

    def _stage(self, part: "_Part") -> "_Staged":
        file = part.file
        try:
            content = file.finish()
            sha256 = sha256_of(content)
            key = self.prefix + join(part.partition.path, part_name(part.number))
            target = Target(key, {SHA256: sha256, "lakeworks-rows": str(file.rows)})
            stored = self._upload(target, content)
        finally:
            file.discard()
        return _Staged(
            part.partition.path, part.number, StagedObject(key=key, size=stored.size, sha256=sha256, rows=file.rows)
        )

    def _upload(self, target: Target, content: bytes | Path) -> StoredObject:
        if isinstance(content, Path):
            return upload_file(self.store, content, target)
        return self.store.put(target, content)


def _partitions(staged: list[_Staged]) -> list[StagedPartition]:
    """Return the staged objects by partition, both in order."""
    groups = groupby(sorted(staged), key=lambda item: item.partition)
    return [StagedPartition(partition=path, objects=tuple(item.item for item in group)) for path, group in groups]


def runs(batch: pa.RecordBatch, fields: tuple[PartitionField, ...]) -> Iterator[tuple[int, int]]:
    """Yield `(start, length)` of each slice of a batch that lies in one partition."""
    if not batch.num_rows:
        return
    changes: pa.Array | None = None
    for item in fields:
        if item.column is None:
            continue
        values = batch.column(item.column)
        if item.is_time:
            values = pc.floor_temporal(values, unit=item.transform)
        elif pa.types.is_string(values.type) and pc.any(empty := pc.equal(values, "")).as_py():
            values = pc.if_else(empty, None, values)  # both go into Hive's default partition
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

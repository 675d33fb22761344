"""Quarantined rows of a run: the first ones, or those of one partition as far as a row names its partition."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lakeworks.arrival.quarantined_partitions import named_partition, partition_values
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.core.scratch import scratch_folder
from lakeworks.lake import Lake
from lakeworks.quarantine.replays import QuarantinedPeriod

_BATCH_ROWS = 10_000


@dataclass(frozen=True)
class PartitionRows:
    """The first rows of a partition, and the run's row counts: of it, of other partitions, and of an unknown partition."""

    first: list[dict[str, Any]]
    here: int
    elsewhere: int
    unknown: int


def rows(lake: Lake, quarantined: QuarantinedPeriod, limit: int) -> list[dict[str, Any]]:
    """The first rows, with `_broken_rules` and `_reason`."""
    taken: list[dict[str, Any]] = []
    with _batches(lake, quarantined) as batches:
        for batch in batches:
            taken += batch.slice(0, limit - len(taken)).to_pylist()
            if len(taken) >= limit:
                break
    return taken


def rows_of(
    lake: Lake, contract: Contract, quarantined: QuarantinedPeriod, chosen: Partition | Period, limit: int
) -> PartitionRows:
    """The rows of one partition, or of the partitions within a period."""
    run = Period.parse(quarantined.period)
    first: list[dict[str, Any]] = []
    counts = {"here": 0, "elsewhere": 0, "unknown": 0}
    with _batches(lake, quarantined) as batches:
        for batch in batches:
            for place, values in enumerate(partition_values(contract, batch)):
                belongs = _belongs(contract, values, run, chosen)
                counts[belongs] += 1
                if belongs == "here" and len(first) < limit:
                    first += batch.slice(place, 1).to_pylist()
    return PartitionRows(first, **counts)


def without_protected(row: dict[str, Any], contract: Contract) -> dict[str, Any]:
    """Return the row without values of protected columns, also in the text of a row quarantined on arrival."""
    private = {name.lower() for name, column in contract.columns.items() if column.protected}
    if not private:
        return row
    shown = {key: "(withheld)" if key.lower() in private and value is not None else value for key, value in row.items()}
    if "_row" in row and "_row" not in contract.columns:
        shown["_row"] = json.dumps(without_protected(json.loads(row["_row"]), contract), ensure_ascii=False)
    return shown


@contextmanager
def _batches(lake: Lake, quarantined: QuarantinedPeriod) -> Iterator[Iterator[pa.RecordBatch]]:
    import pyarrow.parquet as pq

    with scratch_folder(lake.scratch) as folder:
        path = folder / "rows.parquet"
        lake.store.download(quarantined.key, path)
        with pq.ParquetFile(path) as file:
            yield file.iter_batches(_BATCH_ROWS)


def _belongs(contract: Contract, values: Mapping[str, Any], run: Period, chosen: Partition | Period) -> str:
    partition = named_partition(contract, values, run)
    if partition is None:
        return "unknown"
    if isinstance(chosen, Partition):
        return "here" if partition == chosen else "elsewhere"
    period = partition.period
    overlaps = period is None or (period.start < chosen.end and chosen.start < period.end)
    return "here" if overlaps else "elsewhere"

"""Run a group function over a sorted stream, with one group in memory at a time."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.contract import Contract
from lakeworks.errors import ContractError
from lakeworks.transform.group_functions import GroupFunction


def apply(batches: Iterable[pa.RecordBatch], function: GroupFunction, contract: Contract) -> Iterator[pa.Table]:
    """Yield the function's rows, group by group, in the contract's columns and types; `batches` are sorted by group.

    Raises:
        ContractError: the function fails, or its frame lacks a column or does not fit the contract's types.
    """
    schema = pa.schema([pa.field(name, column.type.arrow) for name, column in contract.columns.items()])
    for group in groups(batches, function.group_by):
        key = ", ".join(str(group.column(name)[0].as_py()) for name in function.group_by)
        try:
            frame = function.apply(group.to_pandas(use_threads=False))  # groups are small: threads cost more
            yield pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False, nthreads=1)
        except (KeyError, ValueError, TypeError, ArithmeticError, pa.ArrowException) as error:
            raise ContractError(
                f"`{contract.name}`: transform.py fails on the group {key} ({type(error).__name__}: {error}). "
                "Nothing was staged. Run its examples: pytest tests/test_tables.py"
            ) from error


def gathered(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield small tables joined to this many rows: an engine takes few large tables much faster."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += len(table)
        if count >= rows:
            yield pa.concat_tables(waiting)
            waiting, count = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def groups(batches: Iterable[pa.RecordBatch], by: tuple[str, ...]) -> Iterator[pa.Table]:
    """Split a sorted stream where the group changes; join a group that spans batches."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if not len(batch):
            continue
        for piece in _cut(batch, by):
            if waiting and not _same_group(waiting[-1], piece, by):
                yield pa.Table.from_batches(waiting)
                waiting = []
            waiting.append(piece)
    if waiting:
        yield pa.Table.from_batches(waiting)


def _cut(batch: pa.RecordBatch, by: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    rows = len(batch)
    changes: set[int] = set()
    for name in by:
        column = batch.column(name)
        differs = pc.fill_null(pc.not_equal(column.slice(1), column.slice(0, rows - 1)), True)
        changes.update(place + 1 for place in pc.indices_nonzero(differs).to_pylist())
    starts = [0, *sorted(changes)]
    for start, end in zip(starts, [*starts[1:], rows], strict=True):
        yield batch.slice(start, end - start)


def _same_group(before: pa.RecordBatch, after: pa.RecordBatch, by: tuple[str, ...]) -> bool:
    return all(before.column(name)[-1].as_py() == after.column(name)[0].as_py() for name in by)

"""Files and responses as rows in the contract's types: each is converted on its own, then all are joined.

Names match whatever their case, numbers are read from their own text, every cast is checked for loss. The schema is the
contract's, never the first file's.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from lakeworks.arrival.batch_conversion import BatchConversion
from lakeworks.arrival.drift import Drift
from lakeworks.arrival.extra_columns import ExtraColumns
from lakeworks.arrival.rejected_rows import RejectedRows
from lakeworks.arrival.spilled_rows import SpilledRows
from lakeworks.contract import Contract
from lakeworks.core.types import LakeType
from lakeworks.errors import LakeError, MalformedSource, SchemaDrift
from lakeworks.formats.failures import problem
from lakeworks.formats.raw_batch import RawBatch

Published = Callable[[], Mapping[str, LakeType]]


class RawRows(Protocol):
    """One file or answer as raw batches, which can be read again; its columns in `constants` have one value in every row."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    @property
    def constants(self) -> Mapping[str, Any]:
        """Values of contract columns that the lake itself knows, such as `_run_id`."""

    def batches(self) -> Iterator[RawBatch]:
        """Yield its rows; a format that knows its columns from the start gives a first batch without rows.

        Raises:
            MalformedSource: it is damaged.
        """


@dataclass(frozen=True)
class Conformed:
    """The rows in the contract's types, the differences, and the extra columns. `drift` is complete after the last row."""

    reader: pa.RecordBatchReader
    extra: tuple[tuple[str, LakeType], ...]
    differences: Drift

    @property
    def drift(self) -> tuple[str, ...]:
        """The differences between what arrived and the contract, in words."""
        return self.differences.noted


def conform(
    files: Sequence[RawRows],
    contract: Contract,
    scratch: Path,
    misfits: RejectedRows | None = None,
    published: Published = dict,
) -> Conformed:
    """Bring files to the contract's columns and types, and join them.

    `published` gives the types that columns outside the contract have in published files, by name in lower case.
    Under `quarantine_unknown`, rejected rows go to `misfits`, and unknown columns are left out.

    Raises:
        SchemaDrift: a column's values do not fit without loss, the policy does not admit a new column, or a file is another
            table's.
        MalformedSource: a file is damaged.
    """
    drift = Drift(contract)
    sorting = misfits if contract.schema_policy == "quarantine_unknown" else None
    extras = ExtraColumns(contract, drift, published, keeps=sorting is None)
    conversion = BatchConversion(contract, drift, extras, sorting)
    headers = _headers(files, contract)
    if len(headers) == len(files):
        for file, header in zip(files, headers, strict=True):
            with _converting(contract, file.name):
                conversion.begin(file.name, file.constants, header)
        source = _read(files, contract, conversion)
    else:
        spilled = SpilledRows(scratch)
        for batch, name in _read(files, contract, conversion):
            spilled.add(batch, name)
        source = spilled.batches()
    if files:
        conversion.finish(files[-1].name, files[-1].constants)
    schema = pa.schema(
        [pa.field(name, column.type.arrow) for name, column in contract.columns.items()]
        + [pa.field(name, kind.arrow) for name, kind in extras.kept]
    )

    def rows() -> Iterator[pa.RecordBatch]:
        for batch, name in source:
            columns = [batch.column(place) for place in range(len(contract.columns))]
            with _converting(contract, name):
                added = extras.columns(batch, name)
            yield pa.RecordBatch.from_arrays([*columns, *added], schema=schema)

    return Conformed(pa.RecordBatchReader.from_batches(schema, rows()), extras.kept, drift)


def _batches(file: RawRows, contract: Contract) -> Iterator[RawBatch]:
    """Yield the rows of a file; an error about its bytes names the table."""
    try:
        yield from file.batches()
    except MalformedSource as error:
        raise MalformedSource(f"`{contract.name}`: {error}") from error


def _headers(files: Sequence[RawRows], contract: Contract) -> list[RawBatch]:
    """Return the columns of the files, up to the first that does not know them from the start."""
    headers: list[RawBatch] = []
    for file in files:
        batches = _batches(file, contract)
        first = next(batches, None)
        if isinstance(batches, Generator):
            batches.close()
        if first is None or first.rows:
            break
        headers.append(first)
    return headers


def _read(
    files: Sequence[RawRows], contract: Contract, conversion: BatchConversion
) -> Iterator[tuple[pa.RecordBatch, str]]:
    for file in files:
        for batch in _batches(file, contract):
            with _converting(contract, file.name):
                conversion.begin(file.name, file.constants, batch)
                converted = conversion.convert(file.name, file.constants, batch) if batch.rows else None
            if converted is not None:
                yield converted, file.name


@contextmanager
def _converting(contract: Contract, file: str) -> Iterator[None]:
    """Turn Arrow's error about a value into an error that names table and file."""
    try:
        yield
    except LakeError:
        raise
    except Exception as error:
        raise SchemaDrift(
            f"`{contract.name}`: `{file}` cannot be brought to the types of the contract: {problem(error)}. "
            "Nothing was staged; live data is unchanged. The file stays in landing. Correct the file, or the "
            "type of the column."
        ) from error

"""A landed file as the contract wants it: columns matched whatever their case, types widened without loss, nothing dropped.

The schema is the contract's, never the first file's: a null-typed column of one month is a double in the next.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from lakeworks.contract import Contract
from lakeworks.core.types import LakeType
from lakeworks.engines.casting import cast, fits, new_members
from lakeworks.engines.extra_columns import NAME_IT, settle
from lakeworks.engines.rejected_rows import RejectedRows
from lakeworks.errors import MalformedSource, SchemaDrift

_BATCH_ROWS = 100_000
_WIDEN = "Widen the column in the contract if the source really changed, then run the partition again."


class RowStream(Protocol):
    """Rows as they came, as a stream that can be read again."""

    @property
    def name(self) -> str:
        """What to call them in messages."""

    @property
    def schema(self) -> pa.Schema:
        """Their columns."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order."""


@dataclass(frozen=True)
class LandedFile:
    """A landed file opened as a stream."""

    path: Path
    schema: pa.Schema

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in file order.

        Raises:
            MalformedSource: the file is damaged.
        """
        try:
            if self.path.suffix == ".parquet":
                with pq.ParquetFile(self.path) as file:
                    yield from file.iter_batches(_BATCH_ROWS)
            else:
                yield from open_csv(self.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise MalformedSource(_damaged(self.path, error)) from error


@dataclass(frozen=True)
class Conformed:
    """The stream in the contract's types, what differed, and which columns came on top."""

    reader: pa.RecordBatchReader
    drift: tuple[str, ...]
    extra: tuple[tuple[str, LakeType], ...]


def open_landed_file(path: Path) -> LandedFile:
    """Open a Parquet or CSV file by its ending.

    Raises:
        MalformedSource: it is damaged, or something else.
    """
    try:
        schema = pq.read_schema(path) if path.suffix == ".parquet" else open_csv(path).schema
    except (pa.ArrowInvalid, OSError) as error:
        raise MalformedSource(_damaged(path, error)) from error
    return LandedFile(path, schema)


def open_csv(path: Path) -> pyarrow.csv.CSVStreamingReader:
    """Every column as text: an empty field is null, anything else (`N/A`) is a value."""
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    names = [name.strip().strip('"') for name in header.strip().split(",")]
    return pyarrow.csv.open_csv(
        path,
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    )


def conform(
    landing: RowStream,
    contract: Contract,
    constants: Mapping[str, Any],
    misfits: RejectedRows | None = None,
    published: Callable[[], Mapping[str, LakeType]] = dict,
) -> Conformed:
    """Bring a landed file to the contract's columns and types; `constants` fill columns such as `_run_id`.

    `published` tells the types that columns outside the contract have in published files, by name in lower case.
    Under `quarantine_unknown`, rows that do not belong go to `misfits`, and unknown columns do not come along.

    Raises:
        SchemaDrift: a column's values do not fit without loss, or the policy does not admit a new column.
    """
    arrived = {name.lower(): name for name in landing.schema.names}
    if len(arrived) != len(landing.schema.names):
        raise SchemaDrift(f"`{landing.name}` has two columns that differ only in case: {landing.schema.names}.")
    known = {name.lower() for name in contract.columns}
    plan = {name: arrived.get(name.lower()) for name in contract.columns if name not in constants}
    extra = [name for lowered, name in arrived.items() if lowered not in known]
    drift = [d for n, source in plan.items() for d in _difference(n, contract.columns[n].type, source, landing.schema)]
    added, told = _unnamed(landing, extra, published)
    drift += told
    _admit(drift, contract, landing)
    sorting = misfits if contract.schema_policy == "quarantine_unknown" else None
    if sorting is not None:
        added = []
    schema = pa.schema(
        [pa.field(n, c.type.arrow) for n, c in contract.columns.items()] + [pa.field(n, k.arrow) for n, k in added]
    )

    def rows() -> Iterator[pa.RecordBatch]:
        for arrived_batch in landing.batches():
            batch = arrived_batch
            if sorting is not None:
                wanted = [(source, contract.columns[name].type.arrow) for name, source in plan.items() if source]
                batch = sorting.sort_out(batch, extra, wanted, fits)
            columns = [
                _constant(constants[field.name], field.type, len(batch))
                if field.name in constants
                else _convert(batch, plan.get(field.name, field.name), field, contract, landing)
                for field in schema
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return Conformed(pa.RecordBatchReader.from_batches(schema, rows()), tuple(text for _, text in drift), tuple(added))


def _unnamed(
    landing: RowStream, names: Sequence[str], published: Callable[[], Mapping[str, LakeType]]
) -> tuple[list[tuple[str, LakeType]], list[tuple[str, str]]]:
    """Columns outside the contract, in the types they are kept in, and what to tell of them. Only for these is Glue asked."""
    before = published() if names else {}
    settled = [(name, settle(landing.name, landing.schema.field(name), before.get(name.lower()))) for name in names]
    return [(name, kind) for name, (kind, _) in settled if kind], [text for _, (_, told) in settled for text in told]


def _convert(
    batch: pa.RecordBatch, source: str | None, field: pa.Field, contract: Contract, landing: RowStream
) -> pa.Array:
    if source is None:
        return pa.nulls(len(batch), field.type)
    column = batch.column(source)
    try:
        return cast(column, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        advice = _WIDEN if field.name in contract.columns else NAME_IT
        raise SchemaDrift(
            f"`{contract.name}`: column `{source}` of `{landing.name}` is {column.type} and does not fit {field.type} "
            f"without loss ({str(error).splitlines()[0]}). The file stays in landing, nothing was staged. {advice}"
        ) from error


def _constant(value: Any, kind: pa.DataType, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), rows)


# What each policy does not admit.
_REFUSED = {
    "freeze": {"column", "spelling", "type"},
    "add_nullable": {"type"},
    "widen": set[str](),
    "quarantine_unknown": set[str](),
}


def _admit(drift: list[tuple[str, str]], contract: Contract, landing: RowStream) -> None:
    refused = [text for kind, text in drift if kind in _REFUSED[contract.schema_policy]]
    if refused:
        raise SchemaDrift(
            f"`{contract.name}`: `{landing.name}` differs from the contract: {'; '.join(refused)}, and its schema_policy "
            f"is `{contract.schema_policy}`. The file stays in landing, nothing was staged. Correct the columns, or choose a "
            "wider policy."
        )


def _difference(name: str, wanted: LakeType, source: str | None, schema: pa.Schema) -> list[tuple[str, str]]:
    """What differs about one column, by kind: there or not, spelling, type (a null-typed column has no type to differ)."""
    if source is None:
        return [("column", f"`{name}` did not arrive")]
    found = schema.field(source).type
    same = found == wanted.arrow or str(found).removeprefix("large_") == str(wanted.arrow)
    kind = "column" if pa.types.is_null(found) else "type"
    differences = [] if same else [(kind, f"`{name}` came as {found}, kept as {wanted}")]
    # The answer as it came stays in landing; a member joins the table when the contract names it.
    differences += [
        ("column", f"`{name}.{member}` is new, kept in landing only") for member in new_members(found, wanted.arrow)
    ]
    return differences + ([("spelling", f"`{name}` is spelled `{source}`")] if source != name else [])


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"`{path.name}` cannot be read: {str(error).splitlines()[0]}. Nothing was staged; live data is untouched. "
        "Look at the landing object, or land the period again."
    )

"""Files whose columns are spelled in another case than the contract's: Arrow would read them as missing, that is as nulls."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from lakeworks.spelling import spelled, spelled_type


def as_spelled(wanted: pa.Schema, file: pa.Schema) -> pa.Schema:
    """The wanted columns and types under the names the file has for them."""
    names, kinds = spelled(wanted.names, file.names), {field.name: field.type for field in file}
    return pa.schema(
        [
            field.with_name(name).with_type(spelled_type(field.type, kinds.get(name, field.type)))
            for field in wanted
            for name in [names[field.name]]
        ]
    )


def read_otherwise_spelled(
    piece: ds.Fragment, wanted: pa.Schema, file: pa.Schema, options: Mapping[str, Any]
) -> pa.Table:
    """Rows under the wanted names; columns are chosen while reading, the filter follows once they have their names.

    `file` is the wanted schema as the file spells it.
    """
    places = _needed(wanted, options)
    schema = pa.schema([wanted.field(place) for place in places])

    def renamed() -> Iterator[pa.RecordBatch]:
        for batch in piece.to_batches(schema=file, columns=[file.field(place).name for place in places]):
            # The same layout under other member names.
            columns = [column.view(field.type) for column, field in zip(batch.columns, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return ds.Scanner.from_batches(renamed(), schema=schema, **options).to_table()


def _needed(schema: pa.Schema, options: Mapping[str, Any]) -> list[int]:
    """Places of the columns to read: those asked for, and those the filter may mention (an expression does not list them)."""
    columns, said = options.get("columns"), str(options.get("filter"))
    if not isinstance(columns, list):
        return list(range(len(schema)))
    places = [place for place, name in enumerate(schema.names) if name in columns or name in said]
    return places or [0]  # rows are counted by a column

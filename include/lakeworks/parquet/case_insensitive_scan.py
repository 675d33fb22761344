"""Scans of files whose column names differ from the contract's in case. Arrow would read such columns as nulls."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from lakeworks.contract.evolution import widens
from lakeworks.core.column_case import match_names, match_type
from lakeworks.core.types import from_arrow
from lakeworks.errors import ContractError, SchemaDrift


def file_schema(schema: pa.Schema, file: pa.Schema) -> pa.Schema:
    """Return the requested columns and types under the file's own names."""
    if file.equals(schema):
        return schema
    names, kinds = match_names(schema.names, file.names), {field.name: field.type for field in file}
    return pa.schema(
        [
            field.with_name(name).with_type(match_type(field.type, kinds.get(name, field.type)))
            for field in schema
            for name in [names[field.name]]
        ]
    )


def scan_matching_names(
    piece: ds.Fragment, expected: pa.Schema, file: pa.Schema, options: Mapping[str, Any]
) -> pa.Table:
    """Read rows under the requested names. Columns are selected while reading; the filter is applied after the renaming.

    `file` is the requested schema in the file's spelling.
    """
    places = _needed(expected, options)
    schema = pa.schema([expected.field(place) for place in places])

    def renamed() -> Iterator[pa.RecordBatch]:
        for batch in piece.to_batches(schema=file, columns=[file.field(place).name for place in places]):
            # The layout is the same; only member names differ.
            columns = [column.view(field.type) for column, field in zip(batch.columns, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return ds.Scanner.from_batches(renamed(), schema=schema, **options).to_table()


def refuse_other_types(name: str, piece: ds.Fragment, schema: pa.Schema, error: Exception) -> None:
    """Raise an error if the file was unreadable because its column names or types differ from the contract's.

    Raises:
        SchemaDrift: it is.
    """
    stored = {field.name: field.type for field in piece.physical_schema}
    other = [
        f"`{field.name}` is {stored[field.name]}, not {field.type}"
        for field in schema
        if field.name in stored and not _holds(field.type, stored[field.name])
    ]
    if other:
        raise SchemaDrift(
            f"`{name}`: the published file of the rows with {piece.partition_expression} does not have the "
            f"contract's types: {'; '.join(other)} ({str(error).splitlines()[0]}). Nothing was changed. Write the "
            "file's type into the contract, or run the partition again to write the contract's types."
        ) from error


def _holds(expected: pa.DataType, stored: pa.DataType) -> bool:
    try:
        return widens(from_arrow(stored), from_arrow(expected))
    except ContractError:
        return False


def _needed(schema: pa.Schema, options: Mapping[str, Any]) -> list[int]:
    """Return the positions of the columns to read: the requested ones, and those the filter may use (it does not list them)."""
    columns, said = options.get("columns"), str(options.get("filter"))
    if not isinstance(columns, list):
        return list(range(len(schema)))
    places = [place for place, name in enumerate(schema.names) if name in columns or name in said]
    return places or [0]  # counting rows needs one column

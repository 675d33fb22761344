"""Conversion of Arrow types that no contract has into types that hold every value, by stated rules."""

from typing import TYPE_CHECKING

from lakeworks.formats.options import FormatOptions

if TYPE_CHECKING:
    import pyarrow as pa


def lake_columns(batch: "pa.RecordBatch", options: FormatOptions, *, always_us: bool = False) -> "pa.RecordBatch":
    """Return the batch with times of day and UUIDs as text, and with nanoseconds truncated if the options allow it.

    With `always_us`, moments of nanoseconds become microseconds whatever the options.

    Raises:
        ValueError: a moment would lose digits by that.
    """
    import pyarrow as pa

    columns = [_column(column, options, always_us) for column in batch.columns]
    if all(one is other for one, other in zip(columns, batch.columns, strict=True)):
        return batch
    fields = [field.with_type(column.type) for field, column in zip(batch.schema, columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _column(column: "pa.Array", options: FormatOptions, always_us: bool) -> "pa.Array":
    import uuid

    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_time(column.type):
        return pc.cast(column, pa.string())
    if isinstance(column.type, pa.UuidType):
        items = column.storage.to_pylist()
        return pa.array([None if item is None else str(uuid.UUID(bytes=item)) for item in items], pa.string())
    if isinstance(column.type, pa.BaseExtensionType):
        return _column(column.storage, options, always_us)
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns" and (always_us or _cuts(options)):
        try:
            return pc.cast(column, pa.timestamp("us", column.type.tz), safe=not _cuts(options))
        except pa.ArrowInvalid as error:
            raise ValueError(f"{error}; `nanoseconds: truncate` in source_options cuts such digits off") from error
    return column


def _cuts(options: FormatOptions) -> bool:
    return options.nanoseconds == "truncate"

"""Conversion of Arrow types that no contract has into types that hold every value, by stated rules."""

from typing import TYPE_CHECKING

from lakeworks.formats.options import FormatOptions

if TYPE_CHECKING:
    import pyarrow as pa


def lake_columns(batch: "pa.RecordBatch", options: FormatOptions, *, always_us: bool = False) -> "pa.RecordBatch":
    """Return the batch with views as plain text, bytes and lists, with times of day and UUIDs as text.

    Nanoseconds are truncated if the options allow it.

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

    plain = _without_views(column.type)
    if plain != column.type:
        return _column(pc.cast(column, plain), options, always_us)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column if _is_valid(column) else column.view(_bytes_type(column.type))
    if pa.types.is_nested(column.type) and not _is_valid(column):
        raise ValueError(f"text inside a {column.type} is not UTF-8")
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


def _is_valid(column: "pa.Array") -> bool:
    """Return whether text is UTF-8. Writers promise it, and no reader of Parquet or ORC looks."""
    import pyarrow as pa

    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _bytes_type(text: "pa.DataType") -> "pa.DataType":
    """Return the type of such text as bytes: the contract's cast then finds the rows that are no text."""
    import pyarrow as pa

    return pa.binary() if pa.types.is_string(text) else pa.large_binary()


def _without_views(kind: "pa.DataType") -> "pa.DataType":
    """Return the type with its views (of text, bytes and lists) as the plain types that contracts have."""
    import pyarrow as pa

    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_struct(kind):
        members = [kind.field(place) for place in range(kind.num_fields)]
        return pa.struct([member.with_type(_without_views(member.type)) for member in members])
    if pa.types.is_list_view(kind) or pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_without_views(kind.value_type)))
    if pa.types.is_large_list_view(kind) or pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_without_views(kind.value_type)))
    return kind


def _cuts(options: FormatOptions) -> bool:
    return options.nanoseconds == "truncate"

"""The section of a contract about its Parquet objects: codec, encodings, order, row groups and layout."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lakeworks.contract.columns import Section

if TYPE_CHECKING:
    from lakeworks.contract.contract import Contract

Codec = Literal["zstd", "snappy", "none"]
ColumnEncoding = Literal["dictionary", "plain", "delta", "byte_stream_split"]

_WHOLE = frozenset({"tinyint", "smallint", "int", "bigint", "date", "timestamp"})
_TEXT = frozenset({"string", "binary"})
_FRACTIONS = frozenset({"float", "double"})
# Kinds of column by encoding. `delta` of text shares prefixes with the value before.
ENCODABLE: dict[ColumnEncoding, frozenset[str]] = {
    "dictionary": _WHOLE | _TEXT | _FRACTIONS | {"decimal"},
    "plain": _WHOLE | _TEXT | _FRACTIONS | {"decimal", "boolean"},
    "delta": _WHOLE | _TEXT,
    "byte_stream_split": _FRACTIONS,
}
SORTABLE = _WHOLE | _TEXT | _FRACTIONS | {"decimal", "boolean"}


class Storage(Section):
    """Settings of the Parquet objects."""

    compression: Codec = Field("zstd", description="Codec of all columns.")
    compression_level: int | None = Field(None, description="Compression level of zstd; default: zstd's own.")
    column_compression: dict[str, Codec] = Field(
        {}, description="Other codecs for single columns, such as none for compressed values."
    )
    column_encoding: dict[str, ColumnEncoding] = Field(
        {},
        description="Encodings of single columns: dictionary, plain, delta (whole numbers, dates, timestamps, text) or "
        "byte_stream_split (float, double). Without one, a column has a dictionary if its values repeat. See docs/cost.md for "
        "the readers of delta and byte_stream_split.",
    )
    sort_by: tuple[str, ...] = Field(
        (),
        description="Columns that sort a file's rows before the grain does. Similar rows side by side make smaller files; "
        "filters by the grain's first column then skip fewer row groups.",
    )
    row_group_rows: int = Field(500_000, ge=1, description="Largest number of rows in one row group.")
    row_group_bytes: int = Field(
        128 << 20,
        ge=1,
        description="Plain bytes of rows at which a row group ends, so that wide rows do not fill the memory.",
    )
    max_partitions: int = Field(
        2_000, ge=1, description="Largest number of partitions in one run; a run with more stops."
    )
    layout: Literal["plain", "versioned"] = Field(
        "plain",
        description="plain: one object per partition at a fixed path. versioned: immutable objects of `target_bytes` "
        "in a folder beside the table's own. Readers of a versioned table need the catalog or the ledger; partition "
        "projection is not possible.",
    )
    target_bytes: int = Field(256 << 20, ge=1, description="Size at which a versioned partition starts another object.")


def storage_problems(contract: "Contract") -> Iterator[str]:
    """Yield a problem for each column that `storage` names and that is not in the files, or has no type for the setting."""
    storage, columns = contract.storage, contract.columns
    named: dict[str, Iterable[str]] = {
        "column_compression": storage.column_compression,
        "column_encoding": storage.column_encoding,
        "sort_by": storage.sort_by,
    }
    for field, names in named.items():
        if unknown := sorted(set(names) - set(columns)):
            yield f"storage.{field} names no column: {', '.join(unknown)}"
    for name, encoding in storage.column_encoding.items():
        if name in columns and (kind := columns[name].type.kind) not in ENCODABLE[encoding]:
            fitting = ", ".join(other for other, kinds in ENCODABLE.items() if kind in kinds) or "none"
            yield f"storage.column_encoding: `{name}` is {kind}, which has no `{encoding}`; possible: {fitting}"
    for name in storage.sort_by:
        if name in columns and columns[name].type.kind not in SORTABLE:
            yield f"storage.sort_by: `{name}` is {columns[name].type.kind}, which files are not sorted by"
    in_path = set(contract.identity_columns)
    if constant := sorted(in_path & {*storage.column_encoding, *storage.sort_by}):
        yield f"storage names columns that are only in the path of a partition: {', '.join(constant)}"
    if len(set(storage.sort_by)) < len(storage.sort_by):
        yield "storage.sort_by names a column twice"

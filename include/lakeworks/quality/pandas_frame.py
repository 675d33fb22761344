"""Staged rows as pandas frames for Great Expectations, with the columns that checks read."""

from typing import TYPE_CHECKING, Any

from lakeworks.contract import TableCheck
from lakeworks.quality.expectations import FLOAT_DIGITS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def columns_of(checks: list[TableCheck], rows: "pa.Table") -> "pa.Table":
    """The columns that some checks read."""
    named = {name for check in checks for name in check.columns}
    return rows.select([name for name in rows.schema.names if name in named])


def concatenated(pieces: list["pa.Table"]) -> "pa.Table":
    """Return a partition's rows, joined from its pieces."""
    import pyarrow as pa

    return pa.concat_tables(pieces, promote_options="permissive")


def to_pandas(table: "pa.Table") -> "pd.DataFrame":
    """Return the rows for GX in number types that it handles fast. Whole numbers stay whole beside nulls.

    Decimals of up to 15 digits, which a float keeps exactly, become floats: 20 times as fast as objects. Narrow numbers become
    wide: GX compares int64 and float64 as arrays, other types value by value (`column_values.between`, 1.24).
    """
    import pandas as pd
    import pyarrow as pa

    nullable: dict[pa.DataType, Any] = {}
    for index, item in enumerate(table.schema):
        if (wide := _wide(item.type)) is not None:
            table = table.set_column(index, item.name, table.column(index).cast(wide))
        kind = table.schema.field(index).type
        if pa.types.is_integer(kind) and table.column(index).null_count:
            nullable[kind] = pd.api.types.pandas_dtype(str(kind).replace("i", "I").replace("u", "U"))
    frame: pd.DataFrame = table.to_pandas(self_destruct=True, split_blocks=True, types_mapper=nullable.get)
    return frame


def _wide(kind: "pa.DataType") -> "pa.DataType | None":
    import pyarrow as pa

    if pa.types.is_decimal(kind):
        return pa.float64() if kind.precision <= FLOAT_DIGITS else None
    if pa.types.is_float32(kind):
        return pa.float64()
    narrow = pa.types.is_integer(kind) and kind.bit_width < 64
    return pa.int64() if narrow else None


def shape(names: list[str], rows: int, *, about_rows: bool) -> "pd.DataFrame":
    """Return the table's shape without values: its rows without columns, or its columns without rows."""
    import pandas as pd

    return pd.DataFrame(index=pd.RangeIndex(rows)) if about_rows else pd.DataFrame(columns=names)

"""Staged rows as pandas frames, for the expectations that Arrow does not compute."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakeworks.quality.audited_rows import compared_type

if TYPE_CHECKING:
    import pandas as pd


def to_pandas(table: pa.Table) -> "pd.DataFrame":
    """Return the rows for GX in number types that it handles fast. Whole numbers stay whole beside nulls."""
    import pandas as pd

    table = table.select(
        table.schema.names
    )  # `self_destruct` makes its table unusable, and the caller goes on with his
    nullable: dict[pa.DataType, Any] = {}
    for index, item in enumerate(table.schema):
        if (wide := compared_type(item.type)) != item.type:
            table = table.set_column(index, item.name, table.column(index).cast(wide))
        kind = table.schema.field(index).type
        if pa.types.is_integer(kind) and table.column(index).null_count:
            nullable[kind] = pd.api.types.pandas_dtype(str(kind).replace("i", "I").replace("u", "U"))
    frame: pd.DataFrame = table.to_pandas(self_destruct=True, split_blocks=True, types_mapper=nullable.get)
    return frame


def shape(names: list[str], rows: int, *, about_rows: bool) -> "pd.DataFrame":
    """Return the table's shape without values: its rows without columns, or its columns without rows."""
    import pandas as pd

    return pd.DataFrame(index=pd.RangeIndex(rows)) if about_rows else pd.DataFrame(columns=names)

"""Databases that serve a table's rows to applications."""

from typing import TYPE_CHECKING

from pydantic import Field

from lakeworks.contract.columns import Section

if TYPE_CHECKING:
    from lakeworks.contract.contract import Contract

# PostgreSQL cuts longer names silently, so that two may become one.
_MOST_NAME_BYTES = 63
PARTITION_COLUMN = "_partition"


class PostgresServing(Section):
    """A table of PostgreSQL that follows the table's publications, partition by partition."""

    schema_name: str | None = Field(None, description="Schema; default: `<layer>_<domain>`.", min_length=1)
    table_name: str | None = Field(None, description="Table; default: the table's own name.", min_length=1)
    include_personal: bool = Field(
        default=False, description="Serve personal columns too, and columns classified above internal."
    )


class Serving(Section):
    """Databases that serve the table."""

    postgres: PostgresServing = Field(description="PostgreSQL, of the deployment's LAKE_SERVING_URL.")


def check_serving(contract: "Contract") -> None:
    """Refuse names that PostgreSQL would truncate or confuse.

    Raises:
        ValueError: a name is too long, or taken.
    """
    if contract.serving is None:
        return
    served = contract.serving.postgres
    names = [
        served.schema_name or contract.table.database,
        served.table_name or contract.table.table,
        *contract.columns,
    ]
    for name in names:
        if len(name.encode()) > _MOST_NAME_BYTES:
            raise ValueError(
                f"serving.postgres: `{name}` has more than {_MOST_NAME_BYTES} bytes, PostgreSQL would cut it"
            )
    if PARTITION_COLUMN in contract.columns:
        raise ValueError(
            f"serving.postgres: a column `{PARTITION_COLUMN}` is taken: each row names its partition there"
        )
    if len({name.lower() for name in contract.columns}) < len(contract.columns):
        raise ValueError("serving.postgres: two columns differ in case only")
    if not served.include_personal and all(column.protected for column in contract.columns.values()):
        raise ValueError("serving.postgres: every column is personal or confidential, so no column would be served")

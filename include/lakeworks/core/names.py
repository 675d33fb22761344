"""Table names: `<layer>.<domain>.<table>` is folder, S3 prefix, Glue table, asset and CLI argument."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from lakeworks.errors import ContractError

LAYERS = ("bronze", "silver", "gold", "reference")
# Columns that name a row's fetch. They come from the landed object, so they change although the row did not.
LINEAGE_COLUMNS = ("_ingested_at", "_source_url", "_source_etag", "_run_id")
_SNAKE_CASE = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
_WORD = re.compile(_SNAKE_CASE)
# In the syntax of JSON schema, for a form's field.
TABLE_PATTERN = f"^({'|'.join(LAYERS)})\\.{_SNAKE_CASE}\\.{_SNAKE_CASE}$"


@dataclass(frozen=True, order=True)
class TableName:
    """A table's full name; `str()` gives `silver.transport.trips`."""

    layer: str
    domain: str
    table: str

    @classmethod
    def parse(cls, name: str) -> "TableName":
        """Read `<layer>.<domain>.<table>`.

        Raises:
            ContractError: the text has another shape or an unknown layer.
        """
        parts = name.split(".")
        if len(parts) != 3 or parts[0] not in LAYERS or not all(_WORD.fullmatch(part) for part in parts):
            raise ContractError(
                f"`{name}` is not a table name. A table is named <layer>.<domain>.<table> in snake_case, "
                f"with a layer of {', '.join(LAYERS)}, e.g. `silver.transport.trips`. List them: lakeworks tables"
            )
        return cls(*parts)

    def __str__(self) -> str:
        """Return the dotted name."""
        return f"{self.layer}.{self.domain}.{self.table}"

    @property
    def path(self) -> str:
        """The folder under `tables/` and the S3 prefix, without a trailing slash."""
        return f"{self.layer}/{self.domain}/{self.table}"

    @property
    def database(self) -> str:
        """The Glue database, which is also the schema in SQL: `silver_transport`."""
        return f"{self.layer}_{self.domain}"

    @property
    def sql(self) -> str:
        """The name as transforms write it: `silver_transport.trips`."""
        return f"{self.database}.{self.table}"

    @classmethod
    def from_sql(cls, database: str, table: str) -> "TableName":
        """Turn `silver_transport`, `trips` back into a name.

        Raises:
            ContractError: the database is not `<layer>_<domain>`.
        """
        layer, _, domain = database.partition("_")
        return cls.parse(f"{layer}.{domain}.{table}")


_LISTED = 20


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean …?` for the known name that is closest, else the list of known names."""
    names = list(known)
    by_lower = {one.lower(): one for one in names}
    if close := difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6):
        return f"Did you mean `{by_lower[close[0]]}`?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"Known: {', '.join(names[:_LISTED]) or 'none'}{more}."

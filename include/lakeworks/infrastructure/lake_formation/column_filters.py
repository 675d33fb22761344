"""Column filters: the columns of one table that one reader may see. A column that no filter names is hidden.

Filters name what is visible rather than what is not. A column that a run adds stays hidden until a bootstrap reads its
contract.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.bucket_names import OURS
from lakeworks.infrastructure.resource import Document, Resource


def filter_name(reader: str) -> str:
    """Return the name of a reader's filters."""
    return f"{OURS}{reader}"


def filter_target(account: str, database: str, table: str, reader: str) -> Document:
    """Return a reader's filter of a table as Lake Formation names it in grants."""
    of = {"TableCatalogId": account, "DatabaseName": database, "TableName": table, "Name": filter_name(reader)}
    return {"DataCellsFilter": of}


@dataclass(frozen=True, kw_only=True)
class ColumnFilter(Resource):
    """A reader's filter of a table. It is changed in place, so that no moment shows more than before and after."""

    kind: ClassVar[str] = "column filter"
    service: ClassVar[str] = "lakeformation"
    place: Document
    columns: tuple[str, ...]
    missing_table: str = ""

    def desired(self) -> Document:
        """Return the visible columns, of all rows."""
        return {**dict.fromkeys(sorted(self.columns), True), "rows": "all"}

    def read(self, client: Any) -> Document | None:
        """Return what is visible now."""
        found = client.get_data_cells_filter(**self.place)["DataCellsFilter"]
        rows = found.get("RowFilter", {}).get("FilterExpression", "all")
        if "ColumnWildcard" in found:
            return {"every column": True, "rows": rows}
        return {**dict.fromkeys(sorted(found.get("ColumnNames", [])), True), "rows": rows}

    def write(self, client: Any, target: Document) -> None:
        """Create the filter, or change its columns."""
        data = {**self.place, "RowFilter": {"AllRowsWildcard": {}}, "ColumnNames": sorted(self.columns)}
        try:
            client.create_data_cells_filter(TableData=data)
        except client.exceptions.AlreadyExistsException:
            client.update_data_cells_filter(TableData=data)

    def postponed_reason(self) -> str:
        """Return the table that no run has made yet."""
        return self.missing_table


@dataclass(frozen=True, kw_only=True)
class RetiredFilter(Resource):
    """A filter of a reader or table that left lake.yml. Its grants are taken back before."""

    kind: ClassVar[str] = "retired filter"
    service: ClassVar[str] = "lakeformation"
    place: Document

    def desired(self) -> Document:
        """Return nothing."""
        return {}

    def target(self, current: Document) -> Document:
        """Return nothing."""
        return {}

    def read(self, client: Any) -> Document | None:
        """Return that it is there."""
        client.get_data_cells_filter(**self.place)
        return {"Name": self.place["Name"]}

    def write(self, client: Any, target: Document) -> None:
        """Delete it."""
        client.delete_data_cells_filter(**self.place)

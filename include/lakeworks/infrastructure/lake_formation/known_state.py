"""State that a plan about Lake Formation depends on: the grants that are written down, and the tables that runs made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakeworks.aws_errors import is_nobody, translated
from lakeworks.contract import Contract
from lakeworks.errors import LakeError, LakeNotFound
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lake_formation.permissions import EVERY_TABLE
from lakeworks.infrastructure.lake_formation.record import Granted, GrantRecord

Columns = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class KnownState:
    """The record with its entries, and the columns of tables in Glue by database and table. Unread, it knows nothing."""

    record: GrantRecord = field(default_factory=lambda: GrantRecord(None, ""))
    granted: tuple[Granted, ...] = ()
    tables: Mapping[str, Columns] = field(default_factory=dict)
    is_read: bool = False

    def missing(self, database: str, table: str) -> str:
        """Return the reason to wait for a table; empty if it is there, or in a database that was not read."""
        if database not in self.tables or table in self.tables[database]:
            return ""
        return (
            f"`{database}.{table}` is not in the catalog: a run makes it with the first publication, or Lake Formation hides "
            "it from these credentials. Run the bootstrap again then"
        )


def read_state(s3: Any, glue: Any, bucket: str, databases: Iterable[str]) -> KnownState:
    """Read the record, and the tables of the databases. What cannot be read is reported by the setting that needs it.

    Raises:
        LakeAccessDenied, CredentialsExpired: the credentials are wrong, or have run out.
    """
    record = GrantRecord(s3, bucket)
    tables = {database: found for database in databases if (found := _tables(glue, database)) is not None}
    try:
        return KnownState(record, tuple(record.entries()), tables, is_read=True)
    except LakeError as error:
        if is_nobody(error):
            raise
        return KnownState(record, (), tables)


def databases_to_read(config: LakeConfig, contracts: Sequence[Contract]) -> list[str]:
    """Return the databases of whose tables a plan names some."""
    named = {grant.database for grant in config.grants if grant.table not in (None, EVERY_TABLE)}
    formation = config.lake_formation
    reads_columns = formation is not None and bool(formation.readers or formation.tags)
    return sorted(named | ({one.table.database for one in contracts} if reads_columns else set()))


def _tables(glue: Any, database: str) -> Columns | None:
    try:
        with translated("list the tables of", database):
            pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
            return {table["Name"]: _columns(table) for page in pages for table in page["TableList"]}
    except LakeNotFound:
        return {}  # bootstrap makes it
    except LakeError as error:
        if is_nobody(error):
            raise
        return None


def _columns(table: Mapping[str, Any]) -> tuple[str, ...]:
    columns = [*table.get("StorageDescriptor", {}).get("Columns", []), *table.get("PartitionKeys", [])]
    return tuple(column["Name"] for column in columns)

"""Readers: for each table a filter of the columns they may see, and the grants on it."""

from collections.abc import Iterator, Sequence

from lakeworks.contract import Contract
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.lake_formation.column_filters import ColumnFilter, RetiredFilter, filter_target
from lakeworks.infrastructure.lake_formation.column_visibility import tables_of, visible_columns
from lakeworks.infrastructure.lake_formation.config import Reader
from lakeworks.infrastructure.lake_formation.desired_grants import permission_grant
from lakeworks.infrastructure.lake_formation.grants import PermissionGrant
from lakeworks.infrastructure.lake_formation.known_state import KnownState
from lakeworks.infrastructure.lake_formation.permissions import database_target

Readable = ColumnFilter | PermissionGrant


def reader_resources(
    place: LakeLocation, readers: Sequence[Reader], contracts: Sequence[Contract], known: KnownState
) -> Iterator[Readable]:
    """Yield the filter of each table, then its grants. A table without a visible column gets none."""
    for reader in readers:
        for contract in tables_of(reader, contracts):
            yield from _of_table(place, reader, contract, known)
        for database in sorted({one.table.database for one in tables_of(reader, contracts)}):
            for principal in reader.principals:
                yield permission_grant(principal, database_target(database), ("DESCRIBE",), known)


def retired_filters(resources: Sequence[Readable], known: KnownState) -> Iterator[RetiredFilter]:
    """Yield filters whose grants are written down as ours, and which lake.yml no longer gives to a reader."""
    kept = {str(sorted(one.place.items())) for one in resources if isinstance(one, ColumnFilter)}
    gone = [of for entry in known.granted if (of := entry.target.get("DataCellsFilter"))]
    for key, of in sorted({str(sorted(of.items())): of for of in gone}.items()):
        if key not in kept:
            yield RetiredFilter(f"{of['Name']} of {of['DatabaseName']}.{of['TableName']}", place=of)


def _of_table(place: LakeLocation, reader: Reader, contract: Contract, known: KnownState) -> Iterator[Readable]:
    database, table = contract.table.database, contract.table.table
    there = known.tables.get(database, {}).get(table, (*contract.columns, *contract.partition_keys))
    columns = visible_columns(reader, contract, there)
    if not columns:
        return
    target = filter_target(place.account or "", database, table, reader.name)
    missing = known.missing(database, table)
    name = f"{database}.{table} for {reader.name}"
    yield ColumnFilter(name, place=target["DataCellsFilter"], columns=columns, missing_table=missing)
    for principal in reader.principals:
        yield permission_grant(principal, target, ("SELECT", "DESCRIBE"), known, missing)

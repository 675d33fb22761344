"""LF-tags from contracts: layer and domain of each database, classification of each table and column."""

from collections.abc import Iterator, Sequence

from lakeworks.contract import Contract
from lakeworks.contract.databases import databases_of
from lakeworks.contract.object_tags import CLASSES, class_of, classification_of
from lakeworks.infrastructure.lake_formation.known_state import KnownState
from lakeworks.infrastructure.lake_formation.lf_tags import CLASSIFICATION, AssignedTags, ColumnTags, LfTag
from lakeworks.infrastructure.lake_formation.permissions import database_target, table_target
from lakeworks.infrastructure.resource import Resource


def tag_resources(contracts: Sequence[Contract], known: KnownState) -> Iterator[Resource]:
    """Yield the tags, then what has them. A table has its highest classification before its columns have lower ones."""
    parts = {database: database.partition("_") for database in databases_of(contracts)}
    if not parts:
        return
    yield LfTag("layer", values=tuple({layer for layer, _, _ in parts.values()}))
    yield LfTag("domain", values=tuple({domain for _, _, domain in parts.values()}))
    yield LfTag(CLASSIFICATION, values=CLASSES)
    for database, (layer, _, domain) in parts.items():
        yield AssignedTags(database, tagged=database_target(database), tags={"layer": layer, "domain": domain})
    for contract in contracts:
        yield from _of_table(contract, known)


def _of_table(contract: Contract, known: KnownState) -> Iterator[Resource]:
    """Yield a table's tags. A column that a run adds inherits the highest classification until bootstrap reads its contract."""
    database, table = contract.table.database, contract.table.table
    name, missing = f"{database}.{table}", known.missing(database, table)
    of = table_target(database, table)
    tags = {CLASSIFICATION: classification_of([contract])}
    yield AssignedTags(name, tagged=of, tags=tags, missing_table=missing)
    there = known.tables.get(database, {}).get(table, tuple(contract.columns))
    if classes := {column: class_of(contract.columns[column]) for column in there if column in contract.columns}:
        yield ColumnTags(name, table=of["Table"], classes=classes, missing_table=missing)

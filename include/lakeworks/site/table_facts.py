"""Facts of the site: each table's contract, lineage, state, newest publications, and statistics of the newest rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import LakeError
from lakeworks.freshness.table_age import TableFreshness, freshness
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import RunRecord
from lakeworks.parquet.footer_statistics import FooterStatistic, read_statistics
from lakeworks.status.matrix import Matrix
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.table_status import status
from lakeworks.status.table_summary import newest_run
from lakeworks.transform.column_origins import Origin, column_lineage
from lakeworks.transform.sql import load_sql, upstream

NEWEST = 30


@dataclass(frozen=True)
class DocumentedTable:
    """One table. `unknown` says why its lineage is not known; `unread` why its lake's state is not."""

    contract: Contract
    sql: str
    upstreams: tuple[str, ...]
    origins: Mapping[str, tuple[Origin, ...]]
    unknown: str
    matrix: Matrix | None = None
    age: TableFreshness | None = None
    run: RunRecord | None = None
    newest: tuple[LedgerEntry, ...] = ()
    statistics: Mapping[str, FooterStatistic] | None = None
    unread: str = ""

    @property
    def rows(self) -> int:
        """Return the published rows."""
        return sum(cell.rows or 0 for cell in self.matrix.cells) if self.matrix else 0

    @property
    def bytes(self) -> int:
        """Return the published bytes."""
        return sum(cell.bytes or 0 for cell in self.matrix.cells) if self.matrix else 0

    @property
    def state(self) -> str:
        """Return the table's worst state that needs attention, else its freshness."""
        if self.unread or (self.matrix and self.matrix.fault):
            return "unreadable"
        worst = (
            next((state for state in self.matrix.counts if state not in ("withdrawn", "empty", "expired")), "")
            if self.matrix
            else ""
        )
        if worst in ("", "published") and self.age:
            return self.age.state
        return worst or "not read"


@dataclass(frozen=True)
class SiteFacts:
    """The lake as the site shows it. Without a lake, only what contracts say."""

    tables: tuple[DocumentedTable, ...]
    at: datetime
    wrong: tuple[str, ...] = ()
    bucket: str = ""

    @property
    def by_name(self) -> Mapping[str, DocumentedTable]:
        """Return the tables by name."""
        return {table.contract.name: table for table in self.tables}

    @property
    def domains(self) -> Mapping[str, Sequence[DocumentedTable]]:
        """Return the tables by domain."""
        grouped: dict[str, list[DocumentedTable]] = {}
        for table in self.tables:
            grouped.setdefault(table.contract.table.domain, []).append(table)
        return dict(sorted(grouped.items()))

    def users(self, name: str) -> Mapping[str, list[Origin]]:
        """Return the columns of other tables that are made of a table's columns, by column."""
        users: dict[str, list[Origin]] = {}
        for other in self.tables:
            for column, made_of in other.origins.items():
                for table, origin in made_of:
                    if table == name:
                        users.setdefault(origin, []).append((other.contract.name, column))
        return users


def read_site(lake: Lake | None, now: datetime) -> SiteFacts:
    """Read every table of the project. A wrong contract, or a table that cannot be read, does not stop the others.

    Raises:
        LakeError: the lake as a whole cannot be reached.
    """
    tables, wrong = list[DocumentedTable](), list[str]()
    index = PartitionIndex(lake) if lake else None
    for name in all_tables():
        try:
            facts = _of_contract(load_contract(name))
        except LakeError as error:
            wrong.append(str(error))
            continue
        tables.append(_with_state(lake, index, facts, now) if lake and index else facts)
    return SiteFacts(tuple(tables), now, tuple(wrong), lake.store.bucket if lake else "")


def _of_contract(contract: Contract) -> DocumentedTable:
    sql, origins, unknown = load_sql(contract) or "", dict[str, tuple[Origin, ...]](), ""
    try:
        origins = column_lineage(contract, sql, load_contract) if sql else {}
    except LakeError as error:
        unknown = str(error)
    return DocumentedTable(contract, sql, tuple(map(str, upstream(sql))) if sql else (), origins, unknown)


def _with_state(lake: Lake, index: PartitionIndex, facts: DocumentedTable, now: datetime) -> DocumentedTable:
    contract = facts.contract
    (matrix,) = status(lake, [contract], index=index)
    plain = (contract, facts.sql, facts.upstreams, facts.origins, facts.unknown)
    if matrix.fault:
        return DocumentedTable(*plain, matrix)
    live = [cell.partition for cell in matrix.cells if cell.publication and cell.rows is not None][::-1][:NEWEST]
    try:
        entries = lake.store.map(lambda partition: lake.ledger.live(contract.table, partition), live)
        newest = tuple(entry for entry in entries if entry)
        return DocumentedTable(
            *plain,
            matrix,
            next(freshness(lake, [contract], now, index), None),
            newest_run(index, contract),
            newest,
            read_statistics(lake.store, newest[:1]),
        )
    except LakeError as error:
        return DocumentedTable(*plain, matrix, unread=str(error))

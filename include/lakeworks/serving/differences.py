"""Differences between PostgreSQL and the ledger, by publication and number of rows or row by row."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.contract import Contract
from lakeworks.contract.serving import PARTITION_COLUMN
from lakeworks.core.partition import Partition
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.serving.database import explained
from lakeworks.serving.following import copy_rows
from lakeworks.serving.served_table import ServedTable, add_index, prepare

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class ServedPartition:
    """One partition on both sides; numbers are 0 on a side without it."""

    partition: Partition
    live: int
    served: int
    live_rows: int
    served_rows: int
    other_rows: int = 0

    @property
    def differs(self) -> bool:
        """Return True if PostgreSQL does not have the live rows."""
        return (self.live, self.live_rows, 0) != (self.served, self.served_rows, self.other_rows)


def compare(
    connection: "psycopg.Connection", lake: Lake, contract: Contract, *, deep: bool = False
) -> list[ServedPartition]:
    """Compare every partition that either side has. With `deep`, compare rows by value.

    Raises:
        ConfigError: the table is not served.
        ServingUnavailable, ServingRefused: PostgreSQL fails or refuses.
    """
    from psycopg import sql

    served = ServedTable.of(contract)
    with explained(f"`{contract.name}`"):
        prepare(connection, served)
        add_index(connection, served)
        noted: dict[str, int] = dict(
            connection.execute(
                sql.SQL("SELECT partition, publication FROM {} WHERE table_name = %s").format(served.publications),
                [contract.name],
            ).fetchall()
        )
        counted: dict[str, int] = dict(
            connection.execute(
                sql.SQL("SELECT {0}, count(*) FROM {1} GROUP BY {0}").format(
                    sql.Identifier(PARTITION_COLUMN), served.name
                )
            ).fetchall()
        )
    entries = {
        item.path: (item, lake.ledger.newest(contract.table, item)) for item in lake.ledger.numbers(contract.table)
    }
    partitions = []
    for path in sorted({*entries, *counted, *(path for path, number in noted.items() if number)}):
        partition, stored = entries.get(path, (Partition.parse(path), None))
        entry = stored.entry if stored else None
        other = 0
        if deep and entry is not None and entry.objects:
            with explained(f"`{contract.name}` {partition}"):
                other = _other_rows(connection, lake, contract, served, entry)
        partitions.append(
            ServedPartition(
                partition,
                entry.seq if entry else 0,
                noted.get(path, 0),
                entry.rows if entry else 0,
                counted.get(path, 0),
                other,
            )
        )
    return partitions


def _other_rows(
    connection: "psycopg.Connection", lake: Lake, contract: Contract, served: ServedTable, entry: LedgerEntry
) -> int:
    """Return the number of rows that only one side has. The lake's rows are copied into a temporary table to compare."""
    from psycopg import sql

    beside = sql.Identifier("lakeworks_compared")
    with connection.transaction():
        connection.execute(sql.SQL("CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP").format(beside, served.name))
        copy_rows(connection, lake, contract, (served, beside), entry)
        names = sql.SQL(", ").join(map(sql.Identifier, served.columns))
        theirs = sql.SQL("SELECT {} FROM {}").format(names, beside)
        ours = sql.SQL("SELECT {} FROM {} WHERE {} = {}").format(
            names, served.name, sql.Identifier(PARTITION_COLUMN), sql.Literal(entry.parsed.path)
        )
        (count,) = connection.execute(
            sql.SQL(
                "SELECT (SELECT count(*) FROM ({0} EXCEPT ALL {1}) a) + (SELECT count(*) FROM ({1} EXCEPT ALL {0}) b)"
            ).format(theirs, ours)
        ).fetchone() or (0,)
    return int(count)

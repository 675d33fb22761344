"""Following the ledger: one transaction per partition deletes its rows, copies the live publication's, records its number."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.contract import Contract
from lakeworks.contract.serving import PARTITION_COLUMN
from lakeworks.core.partition import Partition
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.parquet.dataset import open_dataset
from lakeworks.serving.binary_rows import encoded_rows
from lakeworks.serving.database import explained
from lakeworks.serving.served_table import ServedTable, add_index, prepare
from lakeworks.serving.text_rows import csv_rows

if TYPE_CHECKING:
    import psycopg

ServingOutcome = Literal["served", "removed", "unchanged", "newer is served", "never published"]


@dataclass(frozen=True)
class Followed:
    """The outcome of one partition."""

    partition: str
    outcome: ServingOutcome
    publication: int
    rows: int


def serve(  # noqa: PLR0913 - each is a choice of who serves
    connection: "psycopg.Connection",
    lake: Lake,
    contract: Contract,
    partitions: Iterable[Partition] | None = None,
    *,
    again: bool = False,
    rewrite: bool = False,
    progress: Callable[[int, int], object] = lambda *_: None,
) -> list[Followed]:
    """Bring partitions (default: all) to the live publication; with `again` also those that have it already.

    Raises:
        ConfigError: the table is not served.
        ServingUnavailable, ServingRefused: PostgreSQL fails or refuses; earlier partitions stay served, this one is unchanged.
    """
    served = ServedTable.of(contract)
    with explained(f"`{contract.name}`"):
        is_new = prepare(connection, served, rewrite=rewrite)
        known = {} if again else _served(connection, contract, served)
    taken = lake.ledger.numbers(contract.table)
    chosen = sorted(taken if partitions is None else partitions, key=lambda item: item.path)
    done = list[Followed]()
    for partition in chosen:
        number, rows = known.get(partition.path, (0, 0))
        if number and number == max(taken.get(partition, [0])):  # the listing alone shows that nothing is new
            done.append(Followed(str(partition), "unchanged", number, rows))
            continue
        with explained(f"`{contract.name}` {partition}"), connection.transaction():
            done.append(_follow(connection, lake, contract, (served, partition), again=again, is_new=is_new))
        progress(len(done), len(chosen))
    if is_new:
        with explained(f"`{contract.name}`"):
            add_index(connection, served)
    return done


def _served(connection: "psycopg.Connection", contract: Contract, served: ServedTable) -> dict[str, tuple[int, int]]:
    """Return the publication and the number of rows of each partition served in the current shape."""
    text = "SELECT partition, publication, rows FROM {publications} WHERE table_name = %s AND shape = %s"
    rows = _execute(connection, text, served, [contract.name, served.shape]).fetchall()
    return {path: (number, count) for path, number, count in rows}


def _follow(
    connection: "psycopg.Connection",
    lake: Lake,
    contract: Contract,
    what: tuple[ServedTable, Partition],
    *,
    again: bool,
    is_new: bool,
) -> Followed:
    served, partition = what
    place = [contract.name, partition.path]
    number, content, shape = _locked(connection, served, place)
    # Read after taking the lock: a process that waited for it must see the publication that is live now.
    stored = lake.ledger.newest(contract.table, partition)
    if stored is None:
        return Followed(str(partition), "never published", 0, 0)
    entry = stored.entry
    if number > entry.seq:
        return Followed(str(partition), "newer is served", number, entry.rows)
    if number == entry.seq and not again and shape == served.shape:
        return Followed(str(partition), "unchanged", number, entry.rows)
    same = number > 0 and content == entry.content and shape == served.shape and not again
    if not same:
        if number or not is_new:  # without the index, each would read the whole table
            _execute(connection, "DELETE FROM {table} WHERE {partition} = %s", served, [partition.path])
        if entry.objects:
            copy_rows(connection, lake, contract, (served, served.name), entry)
    _note(connection, served, place, entry)
    outcome: ServingOutcome = "unchanged" if same else "served" if entry.objects else "removed"
    return Followed(str(partition), outcome, entry.seq, entry.rows)


def _locked(connection: "psycopg.Connection", served: ServedTable, place: list[str]) -> tuple[int, str, str]:
    """Lock a partition's row until the transaction ends; insert the row if there is none."""
    _execute(
        connection,
        "INSERT INTO {publications} VALUES (%s, %s, 0, 0, '', '', now()) ON CONFLICT DO NOTHING",
        served,
        place,
    )
    rows = _execute(
        connection,
        "SELECT publication, content, shape FROM {publications} WHERE table_name = %s AND partition = %s FOR UPDATE",
        served,
        place,
    ).fetchone()
    return rows or (0, "", "")


def copy_rows(
    connection: "psycopg.Connection", lake: Lake, contract: Contract, into: tuple[ServedTable, Any], entry: LedgerEntry
) -> None:
    """Copy the rows of a publication, read at its pinned versions, into a table of the served shape."""
    from psycopg import sql

    served, target = into
    form, encode = ("binary", encoded_rows) if find_spec("pgpq") else ("csv, NULL ''", csv_rows)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT {})").format(
        target, sql.SQL(", ").join(map(sql.Identifier, [*served.columns, PARTITION_COLUMN])), sql.SQL(form)
    )
    rows = open_dataset(lake.store, contract, [entry]).scanner(columns=list(served.columns)).to_reader()
    pieces = encode(rows, served.columns, entry)
    with connection.cursor() as cursor, cursor.copy(statement) as copy, ThreadPoolExecutor(1) as encoder:
        following = encoder.submit(next, pieces, None)
        while (piece := following.result()) is not None:
            following = encoder.submit(next, pieces, None)  # encoded while PostgreSQL takes this one
            copy.write(piece)


def _note(connection: "psycopg.Connection", served: ServedTable, place: list[str], entry: LedgerEntry) -> None:
    _execute(
        connection,
        "UPDATE {publications} SET publication = %s, rows = %s, content = %s, shape = %s, served_at = now() "
        "WHERE table_name = %s AND partition = %s",
        served,
        [entry.seq, entry.rows, entry.content, served.shape, *place],
    )


def _execute(connection: "psycopg.Connection", text: str, served: ServedTable, values: list[Any]) -> Any:
    from psycopg import sql

    names = {
        "table": served.name,
        "publications": served.publications,
        "partition": sql.Identifier(PARTITION_COLUMN),
    }
    return connection.execute(sql.SQL(text).format(**names), values)

"""The PostgreSQL table, made and extended from the contract. It is never dropped or renamed, so grants and views stay."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.contract import Contract
from lakeworks.contract.serving import PARTITION_COLUMN
from lakeworks.errors import ConfigError, ServingRefused
from lakeworks.serving.served_types import served_columns

if TYPE_CHECKING:
    import psycopg

PUBLICATIONS = "lakeworks_publications"
# Types that hold every value of another type. A change to one rewrites the table under an exclusive lock.
_WIDER = {("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"), ("real", "double precision")}


@dataclass(frozen=True)
class ServedTable:
    """The PostgreSQL table that serves a contract's rows."""

    lake_table: str
    schema: str
    table: str
    columns: dict[str, str]

    @classmethod
    def of(cls, contract: Contract) -> "ServedTable":
        """Read it from the contract.

        Raises:
            ConfigError: the table is not served.
        """
        if contract.serving is None:
            raise ConfigError(
                f"`{contract.name}` is not served: its contract has no `serving`. Nothing was served. Add "
                "`serving: {postgres: {}}`."
            )
        declared = contract.serving.postgres
        return cls(
            contract.name,
            declared.schema_name or contract.table.database,
            declared.table_name or contract.table.table,
            served_columns(contract),
        )

    @property
    def name(self) -> Any:
        """Return the quoted name."""
        from psycopg import sql

        return sql.Identifier(self.schema, self.table)

    @property
    def publications(self) -> Any:
        """Return the quoted name of the table that records the served publication of each partition."""
        from psycopg import sql

        return sql.Identifier(self.schema, PUBLICATIONS)

    @property
    def shape(self) -> str:
        """Return the shape of the rows. The same content in another shape is served again."""
        return ", ".join(f"{name} {kind}" for name, kind in self.columns.items())


def prepare(connection: "psycopg.Connection", served: ServedTable, *, rewrite: bool = False) -> bool:
    """Create the table, or add the contract's new columns, in one transaction. Return True for a new table.

    A new table has no index yet: `add_index` makes it in half the time after the first rows.

    Raises:
        ServingRefused: a column has another type; the message says what a change costs.
    """
    from psycopg import sql

    with connection.transaction():
        _lock(connection, served)
        if _types(connection, served) is None:
            _create(connection, served)
            return True
        existing = _types(connection, served) or {}
        for name, kind in served.columns.items():
            if name not in existing:
                connection.execute(
                    sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(served.name, sql.Identifier(name), sql.SQL(kind))
                )
            elif existing[name] != _spelled(kind):
                _widen(connection, served, name, (existing[name], _spelled(kind)), rewrite=rewrite)
    add_index(connection, served)
    return False


def add_index(connection: "psycopg.Connection", served: ServedTable) -> None:
    """Create the index of the partitions, unless there is one. A first worker that was killed did not come to it.

    A table of another owner is left as it is: only its owner may index it.
    """
    from psycopg import sql

    with connection.transaction():
        _lock(connection, served)
        missing = connection.execute(
            "SELECT pg_has_role(relowner, 'USAGE') AND NOT EXISTS (SELECT FROM pg_index JOIN pg_attribute "
            "ON attrelid = indrelid AND attnum = indkey[0] WHERE indrelid = pg_class.oid AND attname = %s) "
            "FROM pg_class WHERE oid = to_regclass(%s)",
            [PARTITION_COLUMN, served.name.as_string(connection)],
        ).fetchone()
        if missing == (True,):
            statement = sql.SQL("CREATE INDEX ON {} ({})").format(served.name, sql.Identifier(PARTITION_COLUMN))
            connection.execute(statement)


def _lock(connection: "psycopg.Connection", served: ServedTable) -> None:
    """Let two workers change the table's shape one after the other."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"lakeworks {served.schema}.{served.table}"])


def _create(connection: "psycopg.Connection", served: ServedTable) -> None:
    from psycopg import sql

    columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in served.columns.items()]
    columns.append(sql.SQL("{} text NOT NULL").format(sql.Identifier(PARTITION_COLUMN)))
    for statement in (
        sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(served.schema)),
        sql.SQL("CREATE TABLE {} ({})").format(served.name, sql.SQL(", ").join(columns)),
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (table_name text, partition text, publication bigint NOT NULL, rows bigint "
            "NOT NULL, content text NOT NULL, shape text NOT NULL, served_at timestamptz NOT NULL, "
            "PRIMARY KEY (table_name, partition))"
        ).format(served.publications),
    ):
        connection.execute(statement)
    # Where a person dropped the table, the numbers of its rows are still there.
    forget = sql.SQL("DELETE FROM {} WHERE table_name = %s").format(served.publications)
    connection.execute(forget, [served.lake_table])


def _types(connection: "psycopg.Connection", served: ServedTable) -> dict[str, str] | None:
    """Return the existing columns with their types; None if there is no table."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid JOIN "
        "pg_namespace ON relnamespace = pg_namespace.oid "
        "WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped",
        [served.schema, served.table],
    ).fetchall()
    return dict(rows) if rows else None


def _spelled(kind: str) -> str:
    """Return a type in PostgreSQL's spelling."""
    base, array = kind.removesuffix("[]"), "[]" if kind.endswith("[]") else ""
    return ("timestamp without time zone" if base == "timestamp" else base) + array


def _widen(
    connection: "psycopg.Connection", served: ServedTable, name: str, kinds: tuple[str, str], *, rewrite: bool
) -> None:
    from psycopg import sql

    where = f"`{served.schema}.{served.table}`: `{name}` is {kinds[0]} in PostgreSQL and {kinds[1]} by the contract"
    if kinds not in _WIDER and not _is_wider_decimal(*kinds):
        raise ServingRefused(
            f"{where}. Nothing was changed. Rename the old table, serve again, then move grants and views."
        )
    if not rewrite:
        raise ServingRefused(
            f"{where}. Nothing was changed. The change rewrites the whole table and blocks its readers meanwhile. "
            "At a good time, serve the table with --rewrite."
        )
    connection.execute(
        sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {}").format(served.name, sql.Identifier(name), sql.SQL(kinds[1]))
    )


def _is_wider_decimal(old: str, new: str) -> bool:
    """Return True if the new decimal has all digits of the old one before and after the point: PostgreSQL rounds silently."""
    matches = [re.fullmatch(r"numeric\((\d+),(\d+)\)", kind) for kind in (old, new)]
    if not matches[0] or not matches[1]:
        return False
    (old_digits, old_scale), (digits, scale) = ((int(match[1]), int(match[2])) for match in matches if match)
    return scale >= old_scale and digits - scale >= old_digits - old_scale

"""DuckDB, in-process: runs a transform within a memory limit, sorts out broken and duplicate rows, streams the rest.

Every row the transform makes is accounted for: rows read = staged + quarantined + deduplicated.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from lakeworks.contract import Contract, RowRule
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.core.scratch import scratch_folder
from lakeworks.engines.build_result import BATCH_ROWS, BuildResult
from lakeworks.engines.build_sql import (
    SALT,
    affected_starts,
    duplicate_count,
    duplicates,
    duplicates_meet,
    inside_period,
    judged,
    ordered,
    quoted,
    typed_columns,
)
from lakeworks.engines.error_messages import explain, explained
from lakeworks.engines.group_apply import apply, gathered
from lakeworks.errors import ConfigError, RowBalanceError
from lakeworks.transform.group_functions import GroupFunction
from lakeworks.transform.sql import bind

# Rows may be wide: 100,000 of 2 kB are 200 MB in one piece, beside what the sort holds.
_STREAM_ROWS = 10_000


@dataclass
class DuckDbSession:
    """One connection and what is attached to it."""

    connection: duckdb.DuckDBPyConnection
    # A second connection to the same tables: the first one is busy while rows stream out of it.
    side: duckdb.DuckDBPyConnection
    rows: dict[str, int] = field(default_factory=dict)
    has_salt: bool = False

    def attach(
        self, name: TableName | str, relation: Any, rows: int | None = None, without: Collection[str] = ()
    ) -> None:
        """Make an Arrow dataset, table or reader readable as `<layer>_<domain>.<table>` (or under a plain name).

        `without` names columns that readers do not get.
        """
        plain = f"_{len(self.rows)}_{str(name).replace('.', '_')}"
        self.connection.register(plain, relation)
        target = quoted(name) if isinstance(name, str) else f"{quoted(name.database)}.{quoted(name.table)}"
        if isinstance(name, TableName):
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name.database)}")
        columns = f"* EXCLUDE ({', '.join(map(quoted, without))})" if without else "*"
        self.connection.execute(f"CREATE VIEW {target} AS SELECT {columns} FROM {quoted(plain)}")
        self.rows[str(name)] = -1 if rows is None else rows

    def confine(self) -> None:
        """Disable files, network, extensions and Python's variables for all later statements, and lock these settings."""
        for setting in (
            "enable_external_access = false",
            "python_enable_replacements = false",
            "lock_configuration = true",
        ):
            self.connection.execute(f"SET {setting}")

    def query(self, sql: str) -> pa.Table:
        """Run a read and return it whole.

        Raises:
            ContractError: the SQL is wrong.
        """
        with explained("The query"):
            return self.connection.sql(sql).to_arrow_table()

    def reader(self, sql: str, *, most: int | None = None, batch_rows: int = _STREAM_ROWS) -> pa.RecordBatchReader:
        """Run a read and return its rows batch by batch, in the engine's types; with `most`, only the first ones.

        Raises:
            ContractError: the SQL is wrong, or a value does not fit (also while rows are read).
        """
        with explained("The query"):
            rows = self.connection.sql(sql)
            stream = (rows if most is None else rows.limit(most)).to_arrow_reader(batch_rows)
        return pa.RecordBatchReader.from_batches(stream.schema, _explained(stream))

    def stream(self, sql: str, schema: pa.Schema) -> pa.RecordBatchReader:
        """Run a read and return its rows batch by batch, in the given types.

        Raises:
            ContractError: the SQL is wrong.
        """
        with explained("The query"):
            reader = self.connection.sql(sql).to_arrow_reader(_STREAM_ROWS)
        return pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in reader))

    def sort_keys(self, rows: pa.RecordBatch, order: Sequence[str]) -> pa.Array:
        """Return bytes for each row that sort as the engine sorts the rows by some expressions."""
        keys = ", ".join(f"{key}, 'ASC NULLS LAST'" for key in order)
        self.side.register("_unkeyed", rows)
        with explained("The sort"):
            keyed = self.side.execute(f"SELECT create_sort_key({keys}) AS key FROM _unkeyed").to_arrow_table()
        self.side.unregister("_unkeyed")
        return keyed["key"].combine_chunks()

    def memory_limit(self) -> int:
        """Return the engine's limit in bytes."""
        (limit,) = self._one_row("SELECT parse_formatted_bytes(current_setting('memory_limit'))")
        return int(limit)

    def affected_starts(self, contract: Contract, upstream: TableName) -> list[datetime | None]:
        """Return the starts of the partitions that rows of an attached upstream fall into; None for rows without a time.

        Raises:
            ContractError: `late_data.partition_time` does not run on the upstream.
        """
        with explained(f"`{contract.name}`, late_data.partition_time"):
            return [row[0] for row in self.connection.execute(affected_starts(contract, upstream.sql)).fetchall()]

    def build(
        self,
        contract: Contract,
        sql: str,
        rules: Sequence[RowRule],
        period: Period,
        function: GroupFunction | None = None,
    ) -> BuildResult:
        """Run a transform. The result has its rows sorted, with broken and duplicate rows separate.

        With a group function, the SQL selects its input, and only the period's rows of its output are used.

        Raises:
            ConfigError: the contract masks columns and the deployment has no salt for it.
            ContractError: transform or rules do not run on the attached inputs.
        """
        self._check_salt(contract)
        with explained(f"`{contract.name}` {period}"):
            if function:
                sql = self._by_group(contract, bind(sql, period), function)
            source, dropped = bind(judged(contract, sql, rules), period), 0
            meeting = bool(contract.grain and contract.deduplicate_by) and duplicates_meet(contract)
            if contract.grain and contract.deduplicate_by and not meeting:
                source, dropped = self._deduplicate(contract, rules, source)
            rows = self.connection.sql(ordered(contract, rules, source)).to_arrow_reader(BATCH_ROWS)
        check = partial(self._check_preserved, contract, period)
        return BuildResult(self.side, contract, rules, rows, check, meeting, dropped)

    def _deduplicate(self, contract: Contract, rules: Sequence[RowRule], source: str) -> tuple[str, int]:
        """Store all rows and find repeated grains. Return the relation to read, and how many rows it leaves out."""
        # The candidates' order means nothing yet, and keeping it costs memory; the sorted stream needs it kept.
        self.connection.execute("SET preserve_insertion_order = false")
        self.connection.execute(f"CREATE TABLE _candidates AS {source}")
        self.connection.execute("SET preserve_insertion_order = true")
        if not self._one_row(duplicate_count(contract, rules))[0]:
            return "FROM _candidates", 0
        self.connection.execute(duplicates(contract, rules))
        (dropped,) = self._one_row("SELECT count(*) FROM _duplicates")
        return "FROM _candidates ANTI JOIN _duplicates ON _candidates.rowid = _duplicates.row_id", dropped

    def _check_salt(self, contract: Contract) -> None:
        masked = [name for name, column in contract.columns.items() if column.masking]
        if masked and not self.has_salt:
            raise ConfigError(
                f"`{contract.name}` masks {', '.join(masked)}, and LAKE_PII_SALT is not set. Nothing was staged. Set "
                "it to a secret of at least 16 characters, and never change it. Another salt gives other hashes for "
                "the same person."
            )

    def _by_group(self, contract: Contract, sql: str, function: GroupFunction) -> str:
        """Store the function's rows of each group. Return the SQL that reads the period's rows."""
        self.connection.execute(f"CREATE TABLE _ungrouped AS {sql.rstrip().rstrip(';')}")
        self.connection.execute(f"CREATE TABLE _grouped ({typed_columns(contract)})")
        order = ", ".join(map(quoted, function.group_by))
        with self.connection.cursor() as reading:  # the same database: reading goes on while rows are inserted
            reader = reading.sql(f"SELECT * FROM _ungrouped ORDER BY {order}").to_arrow_reader(BATCH_ROWS)
            for rows in gathered(apply(reader, function, contract), BATCH_ROWS):
                self.connection.from_arrow(rows).insert_into("_grouped")
        self.connection.execute("DROP TABLE _ungrouped")
        return f"SELECT * FROM _grouped WHERE {inside_period(contract)}"

    def _one_row(self, sql: str) -> tuple[Any, ...]:
        row = self.connection.execute(sql).fetchone()
        assert row is not None  # noqa: S101 - aggregates always give a row
        return tuple(row)

    def _check_preserved(self, contract: Contract, period: Period, read: int) -> None:
        name = contract.preserves_rows
        if name is None:
            return
        expected = self.rows.get(name, -1)
        if expected < 0:
            (expected,) = self._one_row(f"SELECT count(*) FROM {TableName.parse(name).sql}")
        if read != expected:
            raise RowBalanceError(
                f"`{contract.name}` {period}: the transform returns {read} rows of the {expected} in `{name}`, but "
                "the contract has `preserves_rows`. Nothing was published. Look for a join that drops or multiplies "
                "rows."
            )


def _explained(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    with explained("The query"):
        yield from rows


@dataclass(frozen=True)
class DuckDbEngine:
    """Settings of the in-process engine."""

    memory_limit: str = "1GB"
    threads: int = 2
    scratch: Path = Path("/tmp/lakeworks")  # noqa: S108 - settings give the real one
    pii_salt: str | None = field(default=None, repr=False)

    @contextmanager
    def session(self) -> Iterator[DuckDbSession]:
        """Yield a connection that spills below scratch and leaves nothing there."""
        try:
            with (
                scratch_folder(self.scratch) as folder,
                duckdb.connect(
                    config={
                        "memory_limit": self.memory_limit,
                        "threads": self.threads,
                        "temp_directory": str(folder),
                        "autoinstall_known_extensions": False,
                        "autoload_known_extensions": False,
                    }
                ) as connection,
                connection.cursor() as side,
            ):
                # Text without an offset is UTC, whatever the machine's zone.
                connection.execute("SET TimeZone = 'UTC'")
                for one in (connection, side):
                    # After two seconds the engine would draw a bar on standard output, where `--json` writes.
                    one.execute("SET enable_progress_bar = false")
                if self.pii_salt:
                    connection.execute(f"SET VARIABLE {SALT} = ?", [self.pii_salt])
                yield DuckDbSession(connection, side, has_salt=bool(self.pii_salt))
        except duckdb.Error as error:
            raise explain(error, "The engine") from error

    @contextmanager
    def confined_session(self) -> Iterator[DuckDbSession]:
        """Yield a session for a person's query: it reads attached tables, without files, network, salt or settings."""
        with replace(self, pii_salt=None).session() as session:
            session.confine()
            yield session

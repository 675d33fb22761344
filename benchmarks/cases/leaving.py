"""What leaves the lake: a published month into PostgreSQL, into a CSV file, and as a snapshot of an Iceberg table."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Entry, Place
from benchmarks.cases.catalog import catalog_of

KINDS = {"symbol": "string", "at": "timestamp", "open": "double", "high": "double", "low": "double", "close": "double",
          "volume": "bigint"}  # fmt: skip
_POSTGRES = {"string": "text", "bigint": "bigint", "double": "double precision", "timestamp": "timestamp"}
_BATCH = 50_000


@dataclass(frozen=True)
class Published:
    """A lake with the published rows of one table."""

    lake: Any
    contract: Any
    entries: list[Any]


def lake_with(place: Place, table: Any) -> Any:
    """Return a lake on the place's S3 and Glue that knows one contract."""
    from lakeworks.engines.duckdb import DuckDbEngine
    from lakeworks.lake import Lake
    from lakeworks.s3.fast_client import FastS3Client
    from lakeworks.s3.object_store import ObjectStore

    store = ObjectStore(place.client(), place.bucket, fast_client=FastS3Client.of(place.client()))
    scratch = Path(place.scratch)
    known = Lake(store, catalog_of(place), DuckDbEngine("1GB", 2, scratch), scratch)
    return replace(known, contract=lambda _: table)


def published(place: Place, **contract: Any) -> Published:
    """Publish the bars as the pipeline does, with writer, ledger and Glue."""
    import pyarrow.parquet as pq

    from lakeworks.contract import Contract
    from lakeworks.core.partition import Period
    from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
    from lakeworks.parquet.partition_writer import PartitionedWriter
    from lakeworks.pipeline.publish_step import entry_for, publisher_of

    columns = {
        name: {"type": kind, "description": "", "required": name in ("symbol", "at")} for name, kind in KINDS.items()
    }
    table = Contract.model_validate(
        {
            "name": f"gold.bench.t{place.prefix.rpartition('/')[2]}", "version": "1.0.0", "description": "bench",
            "team": "bench",
            "grain": ["symbol", "at"], "columns": columns, "partition_by": ["month(at)"], **contract,
        }
    )  # fmt: skip
    lake = lake_with(place, table)
    store, scratch = lake.store, lake.scratch
    rows = pq.read_table(place.path("bars.parquet")).sort_by([("at", "ascending"), ("symbol", "ascending")])
    run = Run(id="bench", started_at=datetime(2026, 1, 1, tzinfo=UTC))
    record = RunRecord(
        table=table.name, period="2019-01", run=run, contract_version="1.0.0", schema_fingerprint="f", partitions=(),
        audit={"passed": True}, balance=RowBalance(read=rows.num_rows, staged=rows.num_rows),
    )  # fmt: skip
    staged = PartitionedWriter(store, table, record.prefix, Period.parse("2019-01"), scratch).write(
        rows.to_reader(100_000)
    )
    publisher = replace(publisher_of(lake, table), on_visible=lambda _: None)
    return Published(lake, table, publisher.publish([entry_for(table, record, item) for item in staged]))


def lakeworks_serve(place: Place) -> Callable[[], Any]:
    """`ServeOperator`'s path: the ledger asked, the table made, pinned versions read, one transaction a partition."""
    from lakeworks.serving.database import connected
    from lakeworks.serving.following import serve

    made = published(place, serving={"postgres": {}})

    def step() -> dict[str, Any]:
        with connected(place.postgres) as connection:
            return {"rows": sum(item.rows for item in serve(connection, made.lake, made.contract))}

    return step


def bare_copy(place: Place) -> Callable[[], Any]:
    """COPY of text that is ready in memory, by psycopg; no index, no partition's name."""
    text = _text(_bars(place))

    def step() -> dict[str, Any]:
        with _table(place) as (connection, name), connection.cursor() as cursor:
            with cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv, NULL '')") as copy:
                for piece in text:
                    copy.write(piece)
            return {"rows": cursor.rowcount}

    return step


def bare_binary(place: Place) -> Callable[[], Any]:
    """COPY of binary rows that are ready in memory, by psycopg; no index, no partition's name."""
    from pgpq import ArrowToPostgresBinaryEncoder

    rows = _bars(place)
    encoder = ArrowToPostgresBinaryEncoder(rows.schema)
    ready = [encoder.write_header(), *map(encoder.write_batch, rows.to_batches(_BATCH)), encoder.finish()]

    def step() -> dict[str, Any]:
        with _table(place) as (connection, name), connection.cursor() as cursor:
            with cursor.copy(f"COPY {name} FROM STDIN (FORMAT binary)") as copy:
                for piece in ready:
                    copy.write(piece)
            return {"rows": cursor.rowcount}

    return step


def pyarrow_copy(place: Place) -> Callable[[], Any]:
    """The object read whole by pyarrow, its rows as CSV by pyarrow, COPY by psycopg."""
    made = published(place)

    def step() -> dict[str, Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        (entry,) = made.entries
        body, _ = made.lake.store.get(entry.objects[0].key)
        with _table(place) as (connection, name), connection.cursor() as cursor:
            with cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv, NULL '')") as copy:
                for piece in _text(pq.read_table(pa.BufferReader(body))):
                    copy.write(piece)
            return {"rows": cursor.rowcount}

    return step


def row_by_row(place: Place) -> Callable[[], Any]:
    """`copy.write_row` of Python values, as psycopg's page shows."""
    rows = _bars(place)

    def step() -> dict[str, Any]:
        with _table(place) as (connection, name), connection.cursor() as cursor:
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                for batch in rows.to_batches(_BATCH):
                    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                        copy.write_row(row)
            return {"rows": cursor.rowcount}

    return step


def _bars(place: Place) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(place.path("bars.parquet")).select(list(KINDS))


def _text(rows: Any) -> Iterator[bytes]:
    from pyarrow import csv

    pieces = []
    for batch in rows.to_batches(_BATCH):
        out = BytesIO()
        csv.write_csv(batch, out, csv.WriteOptions(include_header=False))
        pieces.append(out.getvalue())
    return iter(pieces)


@contextmanager
def _table(place: Place) -> Iterator[tuple[Any, str]]:
    """A table of its own, committed at the end."""
    import psycopg

    name = f"t{place.prefix.rpartition('/')[2]}"
    columns = ", ".join(f"{column} {_POSTGRES[kind]}" for column, kind in KINDS.items())
    with psycopg.connect(place.postgres) as connection:
        connection.execute(f"CREATE TABLE {name} ({columns})")  # type: ignore[call-overload]
        yield connection, name


def lakeworks_export(place: Place) -> Callable[[], Any]:
    """`lakeworks export`: pinned versions, protected columns withheld, a part file and a rename."""
    from lakeworks.exports.encoding import Encoding
    from lakeworks.exports.table_export import Destination, export_table

    made = published(place)

    def step() -> dict[str, Any]:
        where = Destination(str(Path(place.scratch) / "out.csv"), Encoding("csv"), overwrite=True)
        return {"rows": export_table(made.lake, made.contract, made.entries, where).rows}

    return step


def duckdb_export(place: Place) -> Callable[[], Any]:
    """The live object fetched into a file, then `COPY (SELECT * FROM 'in.parquet') TO 'out.csv'`."""
    import duckdb

    made = published(place)
    connection = duckdb.connect(config={"threads": 2, "autoinstall_known_extensions": False})

    def step() -> dict[str, Any]:
        file = Path(place.scratch) / "in.parquet"
        file.write_bytes(made.lake.store.get(made.entries[0].objects[0].key)[0])
        done = connection.execute(f"COPY (SELECT * FROM '{file}') TO '{place.scratch}/out.csv' (FORMAT csv)")
        return {"rows": done.fetchone()[0]}  # type: ignore[index]

    return step


def pyarrow_export(place: Place) -> Callable[[], Any]:
    """`read_table` of the live object and `write_csv`."""
    made = published(place)

    def step() -> dict[str, Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq
        from pyarrow import csv

        body, _ = made.lake.store.get(made.entries[0].objects[0].key)
        rows = pq.read_table(pa.BufferReader(body))
        csv.write_csv(rows, f"{place.scratch}/out.csv")
        return {"rows": rows.num_rows}

    return step


def lakeworks_snapshot(place: Place) -> Callable[[], Any]:
    """A run's snapshot: the ledger asked, footers read, manifests written, Glue's pointer swapped."""
    from lakeworks.pipeline.iceberg_snapshots import IcebergSnapshots

    made = published(
        place, partition_by=["day(at)"], storage={"layout": "versioned"}, catalog={"iceberg": True}
    )  # fmt: skip

    def step() -> dict[str, Any]:
        return {"rows": len(IcebergSnapshots(made.lake, made.contract).show(made.entries))}

    return step


def add_files(place: Place) -> Callable[[], Any]:
    """pyiceberg's `add_files` of the same objects, partition values from the footers."""
    from pyiceberg.catalog.glue import GlueCatalog
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import DayTransform

    from benchmarks.case import KEYS, REGION
    from lakeworks.iceberg.schema import table_schema

    made = published(place, partition_by=["day(at)"], storage={"layout": "versioned"})
    options = {
        "s3.endpoint": place.endpoint, "s3.region": REGION, "s3.access-key-id": KEYS["aws_access_key_id"],
        "s3.secret-access-key": KEYS["aws_secret_access_key"],
    }  # fmt: skip
    catalog = GlueCatalog("bench", client=place.client("glue"), **options)
    location = f"{place.uri}/iceberg"
    schema = Schema(*table_schema(made.contract).fields)
    table = catalog.create_table(f"gold_bench.i{place.prefix.rpartition('/')[2]}", schema, location=location)
    with table.update_spec() as change:
        change.add_field("at", DayTransform(), "at_day")
    paths = [made.lake.store.uri(item.key) for entry in made.entries for item in entry.objects]

    def step() -> dict[str, Any]:
        table.add_files(paths)
        return {"rows": len(paths)}

    return step


CASES = [
    Case(
        "serving",
        "A published month into PostgreSQL",
        {
            "bare COPY of ready text": Entry(bare_copy, note="the floor: nothing is read, no index, no record"),
            "bare COPY of ready binary": Entry(bare_binary, note="encoded before by pgpq; no index, no record"),
            "pyarrow + COPY": Entry(pyarrow_copy, note="no index, no pinned version; a retry doubles the rows"),
            "lakeworks": Entry(lakeworks_serve, note="index, pinned versions, publication recorded, retries safe"),
            "psycopg write_row": Entry(row_by_row, note="rows in memory before; nothing else"),
        },
        "bars",
    ),
    Case(
        "export",
        "A published month as a CSV file",
        {
            "lakeworks": Entry(lakeworks_export, note="streamed, pinned versions, SHA-256, renamed when whole"),
            "pyarrow": Entry(pyarrow_export, note="whole table in memory; a half file where it dies"),
            "GET, then DuckDB COPY": Entry(duckdb_export, note="the live object, not pinned; a half file where it dies"),
        },
        "bars",
    ),
    Case(
        "iceberg",
        "20 published days as one Iceberg snapshot",
        {
            "lakeworks": Entry(lakeworks_snapshot, note="the table made, ledger asked, ends of the objects read"),
            "pyiceberg add_files": Entry(add_files, note="the table was there; adds only, replaces nothing"),
        },
        "bars",
    ),
]  # fmt: skip

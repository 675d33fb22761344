"""DuckDB as Athena's engine: reads the files of Glue's partitions, as strict as Trino where DuckDB is lenient.

Partitions are skipped by the conditions on partition columns alone, as Athena does; what is left counts as scanned bytes. Refused
as by Trino: a text compared with a date or number, an alias in WHERE or HAVING, a parameter outside WHERE, a wrong number of them.
"""

import gzip
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlglot
import trino_sql_validator
from sqlglot import exp
from sqlglot.tokens import TokenType

_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_LITERALS = (exp.Literal, exp.Cast, exp.Boolean, exp.Null, exp.Neg)


_UNLOAD = re.compile(
    r"UNLOAD \((?P<query>.*)\) TO '(?P<place>s3://[^']+/)' WITH \(format = 'PARQUET', compression = 'SNAPPY'\)",
    re.DOTALL,
)


class QueryFault(Exception):
    """A query that Trino would fail."""


@dataclass
class Answer:
    """Columns as `ColumnInfo`, rows as Athena prints them."""

    columns: list[dict[str, Any]]
    rows: list[list[str | None]]


@dataclass
class Read:
    """What a query reads of one table."""

    bytes: int
    rows: pa.Table
    columns: dict[str, str]


def syntax_fault(sql: str) -> str:
    """Return Trino's complaint about the text; empty if it parses. UNLOAD is Athena's own: its query is judged."""
    if sql.startswith("UNLOAD") and not _UNLOAD.fullmatch(sql):
        return "line 1:1: mismatched input 'UNLOAD'"
    found = trino_sql_validator.validate(queried(sql), jinja="reject")
    if found.valid:
        return ""
    error = found.error
    return f"line {error.line}:{error.column}: {error.message}" if error else "the text does not parse"


def queried(sql: str) -> str:
    """Return the query of an UNLOAD, and any other text as it is."""
    unload = _UNLOAD.fullmatch(sql)
    return unload["query"] if unload else sql


def is_read(sql: str) -> bool:
    return isinstance(sqlglot.parse_one(queried(sql), read="trino"), exp.Query)


class Engine:
    """Glue says what there is, S3 has the files."""

    def __init__(self, glue: Any, s3: Any) -> None:
        self.glue, self.s3 = glue, s3

    def reads(self, sql: str, parameters: list[str]) -> dict[tuple[str, str], Read]:
        """Return what the query scans, after partition pruning."""
        tree = _bound(queried(sql), parameters)
        own = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
        found: dict[tuple[str, str], Read] = {}
        for table in tree.find_all(exp.Table):
            if table.db or table.name not in own:
                twice = (table.db, table.name) in found
                found[table.db, table.name] = self._read(table, pruned=not twice)
        _check_as_trino(tree, {name: kind for read in found.values() for name, kind in read.columns.items()})
        return found

    def answer(self, sql: str, parameters: list[str], reads: dict[tuple[str, str], Read]) -> Answer:
        with _given(reads) as connection:
            try:
                done = connection.sql(_bound(sql, parameters).sql("duckdb"))
            except duckdb.Error as error:
                raise QueryFault(f"GENERIC_USER_ERROR: {' '.join(str(error).split())}") from error
            if done is None:
                return Answer([], [])
            columns = [_column(name, str(kind)) for name, kind in zip(done.columns, done.types, strict=True)]
            return Answer(columns, [[_text(value) for value in row] for row in done.fetchall()])

    def unload(self, sql: str, reads: dict[tuple[str, str], Read]) -> list[str]:
        """Write the rows into an empty folder and return the files' addresses. Files are not removed after a failure."""
        place = urlsplit(_UNLOAD.fullmatch(sql)["place"])  # type: ignore[index]
        prefix = unquote(place.path.lstrip("/"))
        if self.s3.list_objects_v2(Bucket=place.netloc, Prefix=prefix).get("KeyCount"):
            raise QueryFault(f"HIVE_PATH_ALREADY_EXISTS: Target directory {place.geturl()} already exists")
        rows = self.rows(queried(sql), reads)
        if lossy := [item.name for item in rows.schema if pa.types.is_timestamp(item.type)]:
            raise QueryFault(f"NOT_SUPPORTED: Unsupported Hive type: timestamp(6) of {lossy[0]}")
        addresses = []
        for number in range(0, len(rows), 3):
            body, key = io.BytesIO(), f"{prefix}2026_{number:05d}_x"
            pq.write_table(rows.slice(number, 3), body, compression="snappy")
            self.s3.put_object(Bucket=place.netloc, Key=key, Body=body.getvalue())
            addresses.append(f"s3://{place.netloc}/{key}")
        return addresses

    def rows(self, sql: str, reads: dict[tuple[str, str], Read]) -> pa.Table:
        with _given(reads) as connection:
            try:
                return connection.execute(sqlglot.transpile(sql, read="trino", write="duckdb")[0]).to_arrow_table()
            except duckdb.Error as error:
                raise QueryFault(f"GENERIC_USER_ERROR: {' '.join(str(error).split())}") from error

    def _read(self, table: exp.Table, *, pruned: bool) -> Read:
        where = f"{table.db}.{table.name}"
        try:
            found = self.glue.get_table(DatabaseName=table.db, Name=table.name)["Table"]
        except self.glue.exceptions.EntityNotFoundException as error:
            raise QueryFault(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{where}' does not exist") from error
        keys = [key["Name"] for key in found.get("PartitionKeys", [])]
        columns = {item["Name"]: item["Type"] for item in found["StorageDescriptor"]["Columns"]}
        pieces, size = [], 0
        for values, location in self._places(found, keys):
            if pruned and keys and not _wanted(table, dict(zip(keys, values, strict=True))):
                continue
            for body in self._files(location):
                rows, size = _deserialised(body, found["StorageDescriptor"]), size + len(body)
                for key, value in zip(keys, values, strict=True):
                    rows = rows.append_column(key, pa.array([value] * rows.num_rows, pa.string()))
                pieces.append(rows)
        if not pieces:
            empty = duckdb.sql(
                f"SELECT {', '.join(f'NULL::{_duck(kind)} AS {name}' for name, kind in columns.items())} WHERE false"
            ).to_arrow_table()
            pieces = [
                pa.table({**{n: empty[n] for n in empty.column_names}, **{k: pa.array([], pa.string()) for k in keys}})
            ]
        return Read(
            size, pa.concat_tables(pieces, promote_options="permissive"), {**columns, **dict.fromkeys(keys, "string")}
        )

    def _places(self, table: dict[str, Any], keys: list[str]) -> list[tuple[list[str], str]]:
        if not keys:
            return [([], table["StorageDescriptor"]["Location"])]
        pages = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=table["DatabaseName"], TableName=table["Name"]
        )
        return [(p["Values"], p["StorageDescriptor"]["Location"]) for page in pages for p in page["Partitions"]]

    def _files(self, location: str) -> list[bytes]:
        parts = urlsplit(location)
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=parts.netloc, Prefix=unquote(parts.path.lstrip("/"))
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return [
            self.s3.get_object(Bucket=parts.netloc, Key=key)["Body"].read()
            for key in keys
            if not key.rsplit("/", 1)[-1].startswith(("_", "."))
        ]


def _deserialised(body: bytes, descriptor: dict[str, Any]) -> pa.Table:
    """A file's rows by the table's SerDe: Parquet, a JSON document a line, or a line as one text."""
    serde = descriptor["SerdeInfo"]
    if serde["SerializationLibrary"].endswith("ParquetHiveSerDe"):
        return _in_milliseconds(pq.ParquetFile(io.BytesIO(body)).read())
    text = gzip.decompress(body).decode() if body.startswith(b"\x1f\x8b") else body.decode()
    lines = [line for line in text.split("\n") if line]
    columns = {item["Name"]: _duck(item["Type"]) for item in descriptor["Columns"]}
    if serde["SerializationLibrary"].endswith("LazySimpleSerDe"):
        values = [line.split(serde["Parameters"]["field.delim"])[: len(columns)] for line in lines]
        return pa.table({name: [row[at] for row in values] for at, name in enumerate(columns)})
    assert serde["SerializationLibrary"].endswith("openx.data.jsonserde.JsonSerDe"), serde
    documents = [{key.lower(): value for key, value in json.loads(line).items()} for line in lines]
    with duckdb.connect() as connection:
        connection.register("_lines", pa.table({"line": [json.dumps(document) for document in documents]}))
        members = ", ".join(_member(name, kind) for name, kind in columns.items())
        return connection.execute(f"SELECT {members} FROM _lines").to_arrow_table()


def _member(name: str, kind: str) -> str:
    path = f"line, '$.\"{name}\"'"
    text = kind in ("VARCHAR", "TEXT")
    return f"json_extract_string({path}) AS {name}" if text else f"CAST(json_extract({path}) AS {kind}) AS {name}"


def _in_milliseconds(rows: pa.Table) -> pa.Table:
    """Athena's Hive tables have timestamps of milliseconds, whatever the file has."""
    for number, item in enumerate(rows.schema):
        if pa.types.is_timestamp(item.type):
            cut = pc.floor_temporal(rows.column(number), unit="millisecond")
            rows = rows.set_column(number, item, cut.cast(item.type))
    return rows


def _bound(sql: str, parameters: list[str]) -> exp.Expression:
    """Return the query with its parameters in place."""
    tree = sqlglot.parse_one(sql, read="trino")
    places = list(tree.find_all(exp.Placeholder))
    if len(places) != len(parameters):
        raise QueryFault(
            f"INVALID_PARAMETER_USAGE: Incorrect number of parameters: expected {len(places)} but found {len(parameters)}"
        )
    for place in places:
        inside = place.find_ancestor(exp.Where, exp.Select)
        if not isinstance(inside, exp.Where):
            raise QueryFault("INVALID_PARAMETER_USAGE: a parameter may stand in WHERE only")
    for value in parameters:
        literal = sqlglot.parse_one(value, read="trino")
        if syntax_fault(f"SELECT {value}") or not isinstance(literal, _LITERALS):
            raise QueryFault(f"INVALID_PARAMETER_USAGE: {value} is no literal")
    if not parameters:
        return tree
    marks = [token for token in sqlglot.tokenize(sql, read="trino") if token.token_type is TokenType.PLACEHOLDER]
    filled = sql
    for mark, value in reversed(list(zip(marks, parameters, strict=True))):
        filled = filled[: mark.start] + value + filled[mark.end + 1 :]
    return sqlglot.parse_one(filled, read="trino")


def _wanted(table: exp.Table, values: dict[str, str]) -> bool:
    """Return whether the conditions on partition columns alone admit the partition."""
    select = table.find_ancestor(exp.Select)
    where = select.args.get("where") if select else None
    for condition in (
        where.this.flatten() if where and isinstance(where.this, exp.And) else [where.this] if where else []
    ):
        named = {column.name for column in condition.find_all(exp.Column)}
        if named and named <= set(values):
            bare = condition.copy()
            for column in list(bare.find_all(exp.Column)):
                column.set("table", None)
            given = ", ".join(f"'{value}' AS {key}" for key, value in values.items())
            if duckdb.sql(f"SELECT 1 FROM (SELECT {given}) WHERE {bare.sql('duckdb')}").fetchone() is None:
                return False
    return True


def _check_as_trino(tree: exp.Expression, kinds: dict[str, str]) -> None:
    for comparison in tree.find_all(*_COMPARED):
        sides = comparison.this, comparison.expression
        for column, value in (sides, sides[::-1]):
            if isinstance(column, exp.Column) and isinstance(value, exp.Literal):
                kind = kinds.get(column.name, "")
                texts = kind in ("string", "")
                if value.is_string and not texts:
                    raise QueryFault(f"TYPE_MISMATCH: Cannot apply operator: {kind} = varchar({len(value.this)})")
                if not value.is_string and kind in ("string", "date", "timestamp"):
                    raise QueryFault(f"TYPE_MISMATCH: Cannot apply operator: {kind} = integer")
    for select in tree.find_all(exp.Select):
        aliases = {item.alias for item in select.expressions if isinstance(item, exp.Alias)}
        for clause in filter(None, (select.args.get("where"), select.args.get("having"))):
            for column in clause.find_all(exp.Column):
                if column.name in aliases and column.name not in kinds and not _comes_from_below(select, column.name):
                    raise QueryFault(f"COLUMN_NOT_FOUND: Column '{column.name}' cannot be resolved")


def _comes_from_below(select: exp.Select, name: str) -> bool:
    """Return whether a CTE or subquery that the query reads has such a column."""
    root = select.root()
    inner = [cte.this for cte in root.find_all(exp.CTE)] + [item.this for item in select.find_all(exp.Subquery)]
    return any(name in query.named_selects for query in inner if query is not select)


def _duck(kind: str) -> str:
    return sqlglot.exp.DataType.build(kind.replace("string", "varchar"), dialect="hive").sql("duckdb")


def _column(name: str, kind: str) -> dict[str, Any]:
    """Return the `ColumnInfo` of a DuckDB type."""
    names = {"FLOAT": "float", "BLOB": "varbinary", "HUGEINT": "decimal(38,0)"}
    written = names.get(kind, kind.lower())
    precision, scale = 0, 0
    if written.startswith("decimal"):
        precision, scale = map(int, written[8:-1].split(","))
        written = "decimal"
    written = "array" if written.endswith("[]") else "row" if written.startswith("struct") else written
    return {
        "CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": written,
        "Precision": precision, "Scale": scale, "Nullable": "UNKNOWN", "CaseSensitive": written == "varchar",
    }  # fmt: skip


def _text(value: Any) -> str | None:
    """Return a value as Athena prints it: timestamps have milliseconds."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(
            str(value), str(value).replace("e+", "E").replace("e", "E")
        )
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, list):
        return f"[{', '.join(str(_text(item)) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_text(item)}" for key, item in value.items()) + "}"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


@contextmanager
def _given(reads: dict[tuple[str, str], Read]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB with the rows of each table under its database and name."""
    with duckdb.connect() as connection:
        for (database, name), read in reads.items():
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{database}"')
            connection.register("_given", read.rows)
            connection.execute(f'CREATE TABLE "{database}"."{name}" AS SELECT * FROM _given')
            connection.unregister("_given")
        yield connection

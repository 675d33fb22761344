"""Rows for COPY in PostgreSQL's binary form, which costs the server half of what it needs to parse text.

pgpq encodes them; JSON is made here. PostgreSQL does not convert in this form: each column must have the served type.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.contract.serving import PARTITION_COLUMN
from lakeworks.errors import ServingRefused
from lakeworks.formats.text.arrow_json import plain
from lakeworks.ledger.entry import LedgerEntry

if TYPE_CHECKING:
    from pgpq import ArrowToPostgresBinaryEncoder

# The encoder holds Python's lock for a piece, and the thread that writes to PostgreSQL waits meanwhile.
_ROWS = 20_000
_JSON = "jsonb"
# A NUL in JSON, and not a text of a backslash and `u0000`, whose backslash is doubled there.
_JSON_NUL = r"(^|[^\\])(\\\\)*\\u0000"


def encoded_rows(rows: pa.RecordBatchReader, kinds: dict[str, str], entry: LedgerEntry) -> Iterator[bytes]:
    """Yield the content of a COPY: the rows, each with the name of its partition.

    Raises:
        ServingRefused: PostgreSQL cannot hold a value, such as a text with a NUL.
    """
    schema = pa.schema(
        [pa.field(item.name, pa.string() if kinds[item.name] == _JSON else item.type) for item in rows.schema]
    ).append(pa.field(PARTITION_COLUMN, pa.string()))
    encoder, partition = _encoder(schema, kinds), pa.scalar(entry.parsed.path)
    yield encoder.write_header()
    for batch in rows:
        for start in range(0, batch.num_rows, _ROWS):
            piece = batch.slice(start, _ROWS)
            columns = [
                storable(column, kinds[name], f"{entry.where}: `{name}`")
                for name, column in zip(piece.schema.names, piece.columns, strict=True)
            ]
            whole = pa.RecordBatch.from_arrays([*columns, pa.repeat(partition, piece.num_rows)], schema=schema)
            try:
                encoded = encoder.write_batch(whole)
            except ValueError as error:
                raise ServingRefused(
                    f"{entry.where}: a value does not fit into PostgreSQL ({error}). Rows served earlier are unchanged. "
                    "Correct it in the transform, or do not serve the column."
                ) from error
            yield encoded
    yield encoder.finish()


def _encoder(schema: pa.Schema, kinds: dict[str, str]) -> "ArrowToPostgresBinaryEncoder":
    from pgpq import ArrowToPostgresBinaryEncoder
    from pgpq.encoders import StringEncoderBuilder
    from pgpq.schema import Jsonb

    return ArrowToPostgresBinaryEncoder.new_with_encoders(
        schema,
        {
            item.name: StringEncoderBuilder.new_with_output(item, Jsonb())
            if kinds.get(item.name) == _JSON
            else ArrowToPostgresBinaryEncoder.infer_encoder(item)
            for item in schema
        },
    )


def storable(column: pa.Array, kind: str, where: str) -> pa.Array:
    """Return the column with JSON in place of nested values; a text with a NUL is refused."""
    if kind == _JSON:
        values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in plain(column)]
        column = pa.array(values, pa.string())
        found = pc.match_substring_regex(column, _JSON_NUL)
    elif kind.startswith("text"):
        found = pc.match_substring(column.flatten() if kind == "text[]" else column, "\0")
    else:
        return column
    if pc.any(found).as_py():
        raise ServingRefused(
            f"{where} has a text with a NUL, which PostgreSQL cannot store. Rows served earlier are unchanged. "
            "Remove it in the transform (`replace(…, chr(0), '')`), or do not serve the column."
        )
    return column

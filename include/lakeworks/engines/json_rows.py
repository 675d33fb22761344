"""Parsed answers as one stream of Arrow batches: each answer's rows spill to scratch, their schemas are joined at the end.

Types are those of the values as they came (JSON has no schema): whole and real numbers together are real, any other mix is
text, lists and objects are their JSON text. Whether that fits the table is for `conform` to say.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.errors import MalformedSource


class SpilledRows:
    """The rows of many answers on disk; memory holds one answer at a time. `expected` are the columns if there is no row."""

    def __init__(self, name: str, scratch: Path, expected: pa.Schema | None = None) -> None:
        self.name = name
        self.rows = 0
        self._scratch = scratch
        self._expected = expected
        self._files: list[Path] = []
        self._fields: dict[str, pa.DataType] = {}

    @property
    def schema(self) -> pa.Schema:
        """Every column of any answer, in order of appearance."""
        return pa.schema(list(self._fields.items())) if self.rows else (self._expected or pa.schema([]))

    def add(self, rows: Iterable[Mapping[str, Any] | pa.RecordBatch], constants: Mapping[str, pa.Scalar]) -> None:
        """Take one answer's rows; `constants` are columns with the same value in each.

        Raises:
            MalformedSource: the rows are not those of one table.
        """
        try:
            table = _table(rows)
        except (pa.ArrowException, OverflowError) as error:
            raise MalformedSource(
                f"An answer in `{self.name}` does not make a table: {str(error).splitlines()[0]}. It stays in landing; "
                "nothing was staged."
            ) from error
        if not len(table):
            return
        for name, value in constants.items():
            table = table.append_column(name, pa.repeat(value, len(table)))
        for field in table.schema:
            self._fields[field.name] = _joined(self._fields.get(field.name, pa.null()), field.type)
        path = self._scratch / f"rows-{len(self._files):06d}.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        self._files.append(path)
        self.rows += len(table)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, answer by answer, in the joined schema."""
        schema = self.schema
        for path in self._files:
            with pa.memory_map(str(path)) as file:
                for batch in pa.ipc.open_file(file).read_all().to_batches():
                    columns = [
                        pc.cast(batch.column(field.name), field.type)
                        if field.name in batch.schema.names
                        else pa.nulls(len(batch), field.type)
                        for field in schema
                    ]
                    yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _table(rows: Iterable[Mapping[str, Any] | pa.RecordBatch]) -> pa.Table:
    batches, records = [], []
    for row in rows:
        if isinstance(row, pa.RecordBatch):
            batches.append(row)
        else:
            records.append(row)
    if batches:
        return pa.Table.from_batches(batches)
    names = dict.fromkeys(name for row in records for name in row)
    return pa.table({name: _column([row.get(name) for row in records]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and len(kinds) == 2:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds <= {dict, list} or len(kinds) > 1:
        return pa.array([None if value is None else _text(value) for value in values], pa.string() if kinds else None)
    try:
        return pa.array(values)
    except OverflowError:  # beyond 64 bits
        return pa.array([None if value is None else str(value) for value in values])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _joined(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if pa.types.is_null(one) or one == other:
        return other
    if pa.types.is_null(other):
        return one
    try:
        joined = pa.unify_schemas(
            [pa.schema([("column", one)]), pa.schema([("column", other)])], promote_options="permissive"
        )
    except pa.ArrowException:
        return pa.string()
    return joined.field(0).type

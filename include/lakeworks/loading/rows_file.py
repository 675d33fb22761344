"""Loading of Python rows (a DataFrame, Arrow, dictionaries) through a file: one call from a notebook or a script."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.contract import load_contract
from lakeworks.core.file_selection import LocalFile, Selection
from lakeworks.core.scratch import scratch_folder
from lakeworks.errors import ConfigError
from lakeworks.formats.failures import problem
from lakeworks.lake import Lake
from lakeworks.loading.period_load import check_destination, check_files, load_files
from lakeworks.loading.report import LoadReport


def load_rows(table: str, period: str, rows: Any, *, name: str = "rows", lake: Lake | None = None) -> LoadReport:
    """Land rows as a file of a period, then write, audit and publish it.

    `rows` are a pandas or polars DataFrame, anything else that speaks Arrow's stream protocol, or dictionaries. Their columns
    reach the contract's types without loss, or nothing is loaded. `name` tells this delivery apart from others of the
    period: rows under a name the period has take the place of those, all others stay. `lake` is that of the LAKE_*
    settings unless given.

    Raises:
        ConfigError: the rows have an unknown type, or values that a file cannot have.
        FileRefused: a row breaks the contract; names its number, column and rule.
        LakeError: whatever the steps raise; live data is as it was.
    """
    contract = (lake.contract if lake else load_contract)(table)
    key = check_destination(contract, period)
    used = lake or connected()
    with scratch_folder(used.scratch) as folder:
        file = write_rows(rows, folder, name)
        return load_files(used, contract, key, check_files(contract, Selection((file,), ())))


def connected() -> Lake:
    """Return the lake of the LAKE_* settings, with boto3's own credentials.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    import boto3

    from lakeworks.aws_errors import configured
    from lakeworks.settings import current_settings

    settings = current_settings()
    with configured():
        return Lake.connect(settings, boto3.Session())


def write_rows(rows: Any, folder: Path, name: str = "rows") -> LocalFile:
    """Write rows to a folder: typed rows as Parquet, dictionaries as JSON Lines, whose numbers the contract parses.

    Raises:
        ConfigError: see `load_rows`.
    """
    if not name or "/" in name or name.startswith((".", "_")):
        raise ConfigError(
            f"`{name}` is not a valid file name in the lake. Nothing was loaded. A name has no `/` and does not "
            "begin with `.` or `_`."
        )
    with _understood():
        reader = _arrow(rows)
        if reader is not None:
            path = folder / "rows.parquet"
            with pq.ParquetWriter(path, reader.schema) as file:
                for batch in reader:
                    file.write_batch(batch)
            return LocalFile(path, f"{name}.parquet")
        path = folder / "rows.jsonl"
        with path.open("w", encoding="utf-8") as lines:
            for number, row in enumerate(_dictionaries(rows), 1):
                lines.write(f"{_line(row, number)}\n")
    return LocalFile(path, f"{name}.jsonl")


def _arrow(rows: Any) -> pa.RecordBatchReader | None:
    if isinstance(rows, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(rows.schema, [rows])
    if isinstance(rows, pa.RecordBatchReader):
        return rows
    if type(rows).__module__.partition(".")[0] == "pandas" and hasattr(rows, "columns"):
        return pa.Table.from_pandas(rows, preserve_index=False).to_reader()
    if hasattr(rows, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(rows)
    return None


def _dictionaries(rows: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise ConfigError(
            f"Rows are {type(rows).__name__}. Nothing was loaded. Give a DataFrame, an Arrow table or a list of dictionaries."
        )
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise ConfigError(f"Row {number} is {type(row).__name__}, not a dictionary. Nothing was loaded.")
        yield row


def _line(row: Mapping[str, Any], number: int) -> str:
    try:
        return _object(row)
    except TypeError as error:
        raise ConfigError(f"Row {number}: {error}. Nothing was loaded. Give the rows as an Arrow table.") from error


def _object(row: Mapping[str, Any]) -> str:
    members = (f"{json.dumps(str(name), ensure_ascii=False)}: {_value(value)}" for name, value in row.items())
    return "{" + ", ".join(members) + "}"


def _value(value: Any) -> str:
    """Return a value as JSON without loss: a decimal as a number, a time as ISO 8601."""
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    value = value.item() if hasattr(value, "item") else value  # a scalar of NumPy
    if value is None or value != value:  # noqa: PLR0124 - NaN and NaT, by which pandas and NumPy say that a value is missing
        return "null"
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date | time | UUID):
        return json.dumps(value.isoformat() if not isinstance(value, UUID) else str(value))
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ConfigError(
            f"The rows cannot be written to a file: {problem(error)}. Nothing was loaded. Give each column one type, or the "
            "rows as a list of dictionaries."
        ) from error

"""A person's file as the sample of a data set: its columns, types that lose nothing, and one row."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from lakeworks.core.types import from_arrow
from lakeworks.errors import ConfigError
from lakeworks.formats.text.json_values import own_text
from lakeworks.landing.readable_file import ReadableFile

# Digits of a decimal that the sample does not show but that later rows may have.
_MORE_DIGITS = 6
_MOST_DIGITS = 38
# Rows that are looked at for digits.
_MOST_ROWS = 100_000
_PLAIN = re.compile(r"[+-]?0*(\d*)(?:\.(\d*))?")


@dataclass(frozen=True)
class Sample:
    """The columns of a data set with their types, and one row."""

    types: Mapping[str, str]
    row: Mapping[str, Any]


def read_sample(path: Path) -> Sample:
    """Return the columns of a CSV, JSON or Parquet file, with its first row.

    A number with a fraction is a decimal if the whole file writes it without an exponent: as a double it would lose digits.

    Raises:
        ConfigError: the file cannot be read, or has no row.
    """
    import duckdb

    try:
        with duckdb.connect() as connection:
            sample = connection.sql(f"SELECT * FROM {_quoted(path)} LIMIT 1").to_arrow_table()
            types = {field.name: str(from_arrow(field.type)) for field in sample.schema}
    except duckdb.Error as error:
        raise ConfigError(f"`{path}` cannot be read: {str(error).splitlines()[0]} Nothing was written.") from error
    if not len(sample):
        raise ConfigError(f"`{path}` has no row. Nothing was written.")
    exact = _decimals(path, types)
    return Sample(types | {name: kind for name, (kind, _) in exact.items()}, _row(sample.to_pylist()[0], exact))


def _row(row: Mapping[str, Any], exact: Mapping[str, tuple[str, str | None]]) -> dict[str, Any]:
    """Return the first row with its decimals as the file writes them."""
    return {**row, **{name: None if text is None else Decimal(text) for name, (_, text) in exact.items()}}


def _decimals(path: Path, types: Mapping[str, str]) -> dict[str, tuple[str, str | None]]:
    """Return the decimal type and the first text of each column whose fractions a text file writes as plain numbers."""
    names = [name for name, kind in types.items() if kind in ("double", "float") or kind.startswith("decimal")]
    if not names or path.suffix.lower() == ".parquet":
        return {}
    texts: dict[str, list[str | None]] = {name: [] for name in names}
    rows = 0
    for batch in ReadableFile(path, path.name).batches():
        for name in names:
            texts[name] += [own_text(_plain(value)) for value in batch.columns.get(name, ())]
        if (rows := rows + batch.rows) >= _MOST_ROWS:
            break
    kinds = {name: _decimal_of([text.strip() for text in values if text]) for name, values in texts.items()}
    return {name: (kind, texts[name][0] or None) for name, kind in kinds.items() if kind}


def _decimal_of(texts: Sequence[str]) -> str | None:
    """Return the decimal that holds every number exactly; None if one has an exponent, or they need too many digits."""
    matches = [_PLAIN.fullmatch(text) for text in texts]
    plain = [(len(match[1]), len(match[2] or "")) for match in matches if match]
    if not plain or len(plain) < len(texts):
        return None
    before, after = max(size for size, _ in plain), max(size for _, size in plain)
    if before + after > _MOST_DIGITS:
        return None
    return f"decimal({min(max(before + after + _MORE_DIGITS, 18), _MOST_DIGITS)},{after})"


def _plain(value: Any) -> Any:
    """Return a Python value of a column, which may be an Arrow array."""
    return value.as_py() if hasattr(value, "as_py") else value


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"

"""Export formats. Each writes batches to a stream in order, with bounded memory."""

import importlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from lakeworks.errors import ConfigError, ContractError

if TYPE_CHECKING:
    import pyarrow as pa

# Format -> the module whose `encode` writes it.
_MODULES = {
    "csv": "csv_rows", "csv.gz": "csv_rows", "jsonl": "json_rows", "jsonl.gz": "json_rows", "json.gz": "json_rows",
    "parquet": "column_files", "orc": "column_files", "avro": "avro_rows",
}  # fmt: skip
FORMATS = tuple(_MODULES)


@dataclass(frozen=True)
class Encoding:
    """A format, and whether text that a spreadsheet would run as a formula is made harmless."""

    format: str
    spreadsheet_safe: bool = False

    def __post_init__(self) -> None:
        """Refuse an impossible combination with a ConfigError."""
        if self.format not in FORMATS:
            raise ConfigError(f"`{self.format}` is no format. Nothing was exported. Formats: {', '.join(FORMATS)}")
        if self.spreadsheet_safe and not self.format.startswith("csv"):
            raise ConfigError("--spreadsheet-safe is only for csv. Nothing was exported.")


class Encode(Protocol):
    """Make a writer on a stream."""

    def __call__(
        self, stream: BinaryIO, schema: "pa.Schema", encoding: Encoding
    ) -> AbstractContextManager["BatchWriter"]:
        """Begin a file; its end is written when the context is left."""


class BatchWriter(Protocol):
    """Write one batch of rows."""

    def __call__(self, batch: "pa.RecordBatch") -> None:
        """Write the rows of a batch."""


def format_of(path: str) -> str:
    """Return the format that a file's name ends in.

    Raises:
        ConfigError: it ends in none.
    """
    formats = [name for name in FORMATS if path.lower().endswith(f".{name}")]
    if not formats:
        raise ConfigError(
            f"`{path}` has no ending of a known format. Nothing was exported. Endings: "
            f"{', '.join(f'.{name}' for name in FORMATS)}"
        )
    return max(formats, key=len)


def encoder(encoding: Encoding) -> Encode:
    """Return what writes a format."""
    module = importlib.import_module(f"{__package__}.{_MODULES[encoding.format]}")
    encode: Encode = module.encode
    return encode


def exported_schema(schema: "pa.Schema") -> "pa.Schema":
    """Return the types of exported rows: the contract's types, because every format has them.

    Raises:
        ContractError: a column has a type that no contract has.
    """
    import pyarrow as pa

    from lakeworks.core.types import from_arrow

    fields = []
    for field in schema:
        try:
            fields.append(pa.field(field.name, from_arrow(field.type).arrow))
        except ContractError as error:
            raise ContractError(f"Column `{field.name}`: {error} Nothing was exported.") from error
    if len({name.lower() for name in schema.names}) < len(schema):
        raise ContractError(
            f"Two columns have one name: {', '.join(schema.names)}. Nothing was exported. Name them with AS."
        )
    return pa.schema(fields)

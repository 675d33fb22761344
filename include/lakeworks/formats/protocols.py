"""What a format is, and which one reads a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from pydantic import BaseModel, ConfigDict

from lakeworks.formats.raw_batch import RawBatch


class FormatOptions(BaseModel):
    """How a data set's files are written; part of the contract's `source_options`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Format:
    """A format by name: the module below `lakeworks.formats` that reads it, and the endings of its files."""

    name: str
    module: str
    endings: tuple[str, ...]

    def read(self, stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
        """Read a file to its end, batch by batch. The stream can be read again from its start.

        Raises:
            ValueError: the file is broken; names the line, the row group or the byte.
        """
        reader: FormatReader = import_module(self.module)
        return reader.read(stream, options)


class FormatReader(Protocol):
    """The module of a format."""

    def read(self, stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
        """See `Format.read`."""


FORMATS: tuple[Format, ...] = (
    Format("csv", "lakeworks.formats.csv_file", (".csv",)),
    Format("json", "lakeworks.formats.json_file", (".json",)),
    Format("jsonl", "lakeworks.formats.json_lines", (".jsonl", ".ndjson")),
    Format("parquet", "lakeworks.formats.parquet_file", (".parquet",)),
)


@dataclass(frozen=True)
class FileName:
    """What a file's name says: its format and how it is compressed."""

    format: Format
    compression: str | None = None


@dataclass(frozen=True)
class _Endings:
    formats: Mapping[str, Format] = field(
        default_factory=lambda: {ending: item for item in FORMATS for ending in item.endings}
    )
    compressions: Mapping[str, str] = field(default_factory=lambda: {".gz": "gzip"})


_ENDINGS = _Endings()


def format_of(name: str) -> FileName:
    """Return the format of a file by its ending, in upper or lower case.

    Raises:
        ValueError: the ending is of no known format.
    """
    path = PurePosixPath(name.lower())
    compression = _ENDINGS.compressions.get(path.suffix)
    if compression:
        path = path.with_suffix("")
    found = _ENDINGS.formats.get(path.suffix)
    if found is None:
        known = ", ".join(ending for item in FORMATS for ending in item.endings)
        raise ValueError(f"`{path.suffix or path.name}` is none of {known}")
    return FileName(found, compression)

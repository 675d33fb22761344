"""Formats, and the choice of one by a file's name."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from lakeworks.formats.compression import plain, seekable
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch


@dataclass(frozen=True)
class Format:
    """A format by name: the module below `lakeworks.formats` that reads it, and the endings of its files."""

    name: str
    module: str
    endings: tuple[str, ...]
    function: str = "read"
    jumps: bool = False  # it seeks in its file, so a compressed file is unpacked first

    def read(self, stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
        """Read a file to its end, batch by batch. The stream can be read again from its start.

        Raises:
            ValueError: the file is broken; names the line, the row group or the byte.
        """
        read: ReadFormat = getattr(import_module(self.module), self.function)
        return read(stream, options)


class ReadFormat(Protocol):
    """The function of a format."""

    def __call__(self, stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
        """See `Format.read`."""


FORMATS: tuple[Format, ...] = (
    Format("csv", "lakeworks.formats.text.csv_file", (".csv",)),
    Format("tsv", "lakeworks.formats.text.csv_file", (".tsv", ".tab"), "read_tabs"),
    Format("json", "lakeworks.formats.text.json_file", (".json",)),
    Format("jsonl", "lakeworks.formats.text.json_lines", (".jsonl", ".ndjson")),
    Format("parquet", "lakeworks.formats.binary.parquet_file", (".parquet", ".pq"), jumps=True),
    Format("orc", "lakeworks.formats.binary.orc_file", (".orc",), jumps=True),
    Format("avro", "lakeworks.formats.binary.avro_file", (".avro",)),
    Format("excel", "lakeworks.formats.binary.excel_file", (".xlsx",), jumps=True),
    Format("binary", "lakeworks.formats.binary.binary_index", ()),
)
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}
_BY_ENDING = {ending: item for item in FORMATS for ending in item.endings}
_BY_NAME = {item.name: item for item in FORMATS}


@dataclass(frozen=True)
class FileName:
    """Format and compression of a file, by its name."""

    format: Format
    compression: str | None = None

    def read(self, stream: BinaryIO, options: FormatOptions | None = None) -> Iterator[RawBatch]:
        """Read a file as it lies on disk to its end; see `Format.read`."""
        unpacked = seekable if self.format.jumps else plain
        return self.format.read(unpacked(stream, self.compression), options or FormatOptions())


def format_of(name: str, options: FormatOptions | None = None) -> FileName:
    """Return the format of a file by its ending, in upper or lower case, or as the options say.

    Raises:
        ValueError: the ending is of no known format.
    """
    path = PurePosixPath(name.lower())
    requested = options.format if options else None
    if requested == "binary":  # it is kept as it is, whatever its ending
        return FileName(_BY_NAME["binary"])
    compression = COMPRESSIONS.get(path.suffix)
    ending = path.with_suffix("").suffix if compression else path.suffix
    chosen = _BY_NAME[requested] if requested else _BY_ENDING.get(ending)
    if chosen is None:
        packed = f", also with {', '.join(COMPRESSIONS)}"
        known = ", ".join(_BY_ENDING)
        raise ValueError(f"`{ending or path.name}` is none of {known}{packed}; `format` in source_options names one")
    return FileName(chosen, compression)

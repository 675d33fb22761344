"""Standard input as a file: it can be read only once, and a file is checked before it is sent."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import gettempdir
from typing import BinaryIO

from lakeworks.contract import Contract
from lakeworks.core.file_selection import LocalFile
from lakeworks.core.scratch import scratch_folder
from lakeworks.errors import ConfigError
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.protocols import FORMATS, format_of

STANDARD_INPUT = "-"


@contextmanager
def spooled(
    stream: BinaryIO, contract: Contract, format_: str | None, name: str | None, scratch: Path | None = None
) -> Iterator[LocalFile]:
    """Write a stream to the scratch folder, as a file of that format or name, and delete it at the end.

    Raises:
        ConfigError: its format is not given.
        ScratchUnavailable: the disk is full.
    """
    called = _name(contract, format_, name)
    with scratch_folder(scratch or Path(gettempdir()) / "lakeworks") as folder:
        path = folder / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        yield LocalFile(path, called)


def _name(contract: Contract, format_: str | None, name: str | None) -> str:
    options = FormatOptions.among(contract.source_options)
    endings = {item.name: item.endings[0] for item in FORMATS if item.endings}
    known = ", ".join(endings)
    if format_ is not None and format_ not in endings:
        raise ConfigError(f"There is no format `{format_}`. Nothing was loaded. Known: {known}.")
    if name is None and format_ is None and options.format not in endings:
        raise ConfigError(
            f"The format of standard input is not known. Give --format, one of {known}. Nothing was loaded."
        )
    called = name or f"stdin{endings[str(format_ or options.format)]}"
    if PurePosixPath(called).name != called or called.startswith((".", "_")):
        raise ConfigError(
            f"`{called}` is not a valid file name in the lake. Nothing was loaded. A name has no `/` and does not "
            "begin with `.` or `_`."
        )
    try:
        ending = format_of(called, options).format.name
    except ValueError as error:
        raise ConfigError(f"{error}. Nothing was loaded. Give --name an ending of the format.") from error
    if format_ not in (None, ending):
        raise ConfigError(
            f"`{called}` is {ending} by its ending, not {format_}. Nothing was loaded. Correct --format or --name."
        )
    return called

"""Files and responses as raw rows. An error in their bytes becomes an error that names them."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakeworks.errors import LakeError, MalformedSource, ScratchUnavailable
from lakeworks.formats.failures import problem
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.protocols import format_of
from lakeworks.formats.raw_batch import RawBatch


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn an exception of a format or a parser into an error of lakeworks.

    Raises:
        MalformedSource: the bytes are not what the format promises.
        ScratchUnavailable: the local disk is full.
    """
    try:
        yield
    except (LakeError, GeneratorExit):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise ScratchUnavailable(
                f"The scratch disk is full; lakeworks was reading `{name}`. Nothing was staged. Free space, or name "
                "another folder in LAKE_SCRATCH_DIR."
            ) from error
        raise MalformedSource(
            f"`{name}` cannot be read: {problem(error)}. Nothing was staged; live data is unchanged. The file "
            "stays in landing. Correct it at its source, then land the period again."
        ) from error


@dataclass(frozen=True)
class ReadableFile:
    """A file on disk as raw rows. The ending of `file_name`, or of `name`, gives its format; messages show `name`."""

    path: Path
    name: str
    constants: Mapping[str, Any] = field(default_factory=dict)
    options: FormatOptions = field(default_factory=FormatOptions)
    file_name: str = ""

    def batches(self) -> Iterator[RawBatch]:
        """Read it from the start.

        Raises:
            MalformedSource: it is damaged, or of no known format.
        """
        with reading(self.name), self.path.open("rb") as file:
            yield from format_of(self.file_name or self.name, self.options).read(file, self.options)

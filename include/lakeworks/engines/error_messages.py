"""Translation of the engine's errors: they name the table, the problem, and what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from lakeworks import errors
from lakeworks.errors import ConfigError, ContractError, LakeError, ScratchUnavailable


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Translate errors of the engine, also those that reach us through an Arrow stream.

    Raises:
        ContractError: SQL or contract are wrong.
        ConfigError: memory does not suffice.
        ScratchUnavailable: the disk is full.
        LakeError: an object could not be read. It is the error of the read itself, so that a transient one is retried.
    """
    try:
        yield
    except duckdb.Error as error:
        raise explain(error, what) from error
    except (pa.ArrowInvalid, OSError) as error:
        if "Error" not in str(error):
            raise
        raise explain(error, what) from error


def explain(error: Exception, what: str) -> LakeError:
    """Return the error to raise instead."""
    text = str(error).strip()
    if read := _read_error(text, what):
        return read
    if "No space left on device" in text or "Could not write all bytes" in text:
        return ScratchUnavailable(
            f"{what}: the scratch disk is full ({text.splitlines()[0][:200]}). Nothing was published. Free space, or name "
            "another folder in LAKE_SCRATCH_DIR. Airflow retries."
        )
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory Error" in text:
        return ConfigError(
            f"{what}: the transform needs more memory or disk: {text.splitlines()[0]}. Nothing was published. "
            "Raise LAKE_MEMORY_LIMIT, give LAKE_SCRATCH_DIR more disk, or run a shorter period."
        )
    if isinstance(error, duckdb.ConversionException):
        return ContractError(
            f"{what}: a value does not fit its type: {text}. Nothing was published. Use TRY_CAST, so that the row goes to "
            "quarantine, or widen the column in the contract."
        )
    return ContractError(f"{what}: {text}. Nothing was published. Correct the SQL or the contract.")


def _read_error(text: str, what: str) -> LakeError | None:
    """Return the lake's own error beneath one of the engine, which knows it only as the text of a Python traceback."""
    causes = re.findall(r"^lakeworks\.errors\.(\w+): (.+)$", text, re.MULTILINE)
    if not causes:
        return None
    name, message = causes[-1]
    kind = getattr(errors, name, None)
    return kind(f"{what}: {message}") if isinstance(kind, type) and issubclass(kind, LakeError) else None

"""The engine's errors in the words of the lake: what is wrong with which table, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from lakeworks.errors import ConfigError, ContractError


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Translate errors of the engine, also those that reach us through an Arrow stream.

    Raises:
        ContractError: SQL or contract are wrong.
        ConfigError: memory or disk do not suffice.
    """
    try:
        yield
    except duckdb.Error as error:
        raise explain(error, what) from error
    except (pa.ArrowInvalid, OSError) as error:
        if "Error" not in str(error):
            raise
        raise explain(error, what) from error


def explain(error: Exception, what: str) -> ContractError | ConfigError:
    """The error to raise instead."""
    text = str(error).strip()
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory Error" in text:
        return ConfigError(
            f"{what}: the transform does not fit: {text.splitlines()[0]}. Nothing was published. Raise LAKE_MEMORY_LIMIT, give "
            "LAKE_SCRATCH_DIR more disk, or run a shorter period."
        )
    if isinstance(error, duckdb.ConversionException):
        return ContractError(
            f"{what}: a value does not fit its type: {text}. Nothing was published. Use TRY_CAST, so that the row goes to "
            "quarantine, or widen the column in the contract."
        )
    return ContractError(f"{what}: {text}. Nothing was published. Correct the SQL or the contract.")

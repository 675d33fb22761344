"""Refusal of a file of another table: it has almost none of the contract's columns, whatever the policy."""

import re
from collections.abc import Collection, Sequence
from typing import Any

from lakeworks.contract import Contract
from lakeworks.errors import SchemaDrift
from lakeworks.formats.raw_batch import RawBatch

_DELIMITERS = {";": "`;`", "\t": "a tab", "|": "`|`", ",": "`,`"}


def check_belongs(
    contract: Contract, name: str, expected: Collection[str], unknown: Sequence[str], batch: RawBatch
) -> None:
    """Refuse a file whose columns are not the table's.

    `expected` are the contract's columns a file may bring; `unknown` those of the file that are not among them.

    Raises:
        SchemaDrift: too few of the columns arrived; names the likely cause.
    """
    arrived = len(batch.columns) - len(unknown)
    if not expected or not (batch.columns or batch.rows):
        return
    missing = [column for column in expected if column.lower() not in {spelling.lower() for spelling in batch.columns}]
    spaced = _spaced(missing, unknown)
    too_few = arrived == 0 or (2 * arrived < len(expected) and len(unknown) > arrived)
    if not spaced and not too_few:
        return
    raise SchemaDrift(
        f"`{contract.name}`: `{name}` has {arrived} of the {len(expected)} columns of the contract (not "
        f"{_listed(missing)}); its columns are {_listed(batch.columns)}. "
        f"{_cause(spaced, missing, unknown, batch)} Nothing was staged; live data is unchanged. The file "
        "stays in landing. Correct it, then drop or fetch it again."
    )


def _cause(spaced: Sequence[str], missing: Sequence[str], unknown: Sequence[str], batch: RawBatch) -> str:
    if spaced:
        return f"The names differ only by spaces or quotes ({_listed(spaced)}): correct the header."
    if len(batch.columns) == 1:
        (header,) = batch.columns
        for delimiter, shown in _DELIMITERS.items():
            if (
                len(set(map(_letters_only, header.split(delimiter))) & set(map(_letters_only, missing))) > 1
                or header.count(delimiter) > 1
            ):
                return f"The name of its only column contains {shown}. Check `delimiter`."
    if wrapper := next((column for column in unknown if _wraps(batch, column, missing)), None):
        return f"The rows seem to be inside `{wrapper}`. Drop the list itself, without the object around it."
    if not batch.columns:
        return "Its rows have no members."
    return "Is it another table's file?"


def _wraps(batch: RawBatch, column: str, missing: Sequence[str]) -> bool:
    inner: Any = next((item for item in batch.columns[column] if item is not None), None)
    inner = inner.as_py() if hasattr(inner, "as_py") else inner
    inner = next((item for item in inner if item), None) if isinstance(inner, list) else inner
    return isinstance(inner, dict) and bool(
        {_letters_only(str(key)) for key in inner} & {_letters_only(name) for name in missing}
    )


def _spaced(missing: Sequence[str], unknown: Sequence[str]) -> list[str]:
    letters = {_letters_only(name) for name in missing}
    return [name for name in unknown if _letters_only(name) in letters]


def _letters_only(name: str) -> str:
    return re.sub(r"[\s\"'\u00a0\ufeff\u200b]+", "", name).lower()


def _listed(names: Collection[str]) -> str:
    shown = [f"`{name[:60]}`" for name in list(names)[:8]]
    return f"{', '.join(shown) or 'no columns'}{' ...' if len(names) > 8 else ''}"

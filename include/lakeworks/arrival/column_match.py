"""A batch's columns by the contract's names, whatever their case."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.arrival.casting import new_members
from lakeworks.arrival.drift import DriftKind
from lakeworks.core.types import LakeType
from lakeworks.errors import SchemaDrift
from lakeworks.formats.raw_batch import RawBatch


@dataclass(frozen=True)
class Matched:
    """Values by the contract's names. `spelled` has the batch's own spelling, `extra` the columns with other names.

    `twice` are the rows whose JSON object has two members that differ only in case.
    """

    columns: Mapping[str, Any]
    spelled: Mapping[str, str]
    extra: Mapping[str, Any]
    twice: Mapping[str, Sequence[int]] = field(default_factory=dict)


def match(file: str, names: Collection[str], batch: RawBatch) -> Matched:
    """Return a batch's columns under the names of the contract.

    Raises:
        SchemaDrift: two columns of a format with columns differ only in case.
    """
    known = {name.lower(): name for name in names}
    alike: dict[str, list[str]] = {}
    for column in batch.columns:
        alike.setdefault(column.lower(), []).append(column)
    columns: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    extra: dict[str, Any] = {}
    twice: dict[str, list[int]] = {}
    for lowered, spellings in alike.items():
        values, places = _one_spelling(file, spellings, batch)
        if lowered in known:
            columns[known[lowered]] = values
            spelled[known[lowered]] = known[lowered] if known[lowered] in spellings else spellings[0]
        else:
            extra[spellings[0]] = values
        if places:
            twice[known.get(lowered, spellings[0])] = places
    return Matched(columns, spelled, extra, twice)


def _one_spelling(file: str, alike: Sequence[str], batch: RawBatch) -> tuple[Any, list[int]]:
    """Return the values of a column, or of the members of JSON objects that are spelled in several ways."""
    if len(alike) == 1:
        return batch.columns[alike[0]], []
    spellings = [batch.columns[name] for name in alike]
    if any(isinstance(values, pa.Array) for values in spellings):
        raise SchemaDrift(
            f"`{file}` has two columns that differ only in case: {', '.join(f'`{name}`' for name in alike)}. "
            "The file stays in landing; nothing was staged. Rename one of them."
        )
    rows = [[item for item in row if item is not None] for row in zip(*spellings, strict=True)]
    return [row[0] if row else None for row in rows], [place for place, row in enumerate(rows) if len(row) > 1]


def valid_places(values: Any) -> list[int]:
    """Return the rows that have a value."""
    if isinstance(values, pa.Array):
        places: list[int] = pc.indices_nonzero(pc.is_valid(values)).to_pylist()
        return places
    return [place for place, item in enumerate(values) if item is not None]


def differences(
    name: str, declared: LakeType, source: str, values: Any, *, is_text: bool
) -> Iterator[tuple[DriftKind, str]]:
    """Return what differs about a column that arrived: its spelling, and where the format has types, the type."""
    if isinstance(values, pa.Array) and not is_text:
        arrived = values.type
        same = arrived == declared.arrow or str(arrived).removeprefix("large_") == str(declared.arrow)
        if not same:
            yield "column" if pa.types.is_null(arrived) else "type", f"`{name}` came as {arrived}, kept as {declared}"
        # The raw response stays in landing, so the contract can add the member later.
        for member in new_members(arrived, declared.arrow):
            yield "column", f"`{name}.{member}` is new, kept in landing only"
    if source != name:
        yield "spelling", f"`{name}` is spelled `{source}`"

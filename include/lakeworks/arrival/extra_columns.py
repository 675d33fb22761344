"""Columns that arrive but are not in the contract. They have one type in all files, because the catalog lists one type.

Text and JSON files have no types, so such a column is text, whatever its values. Parquet's columns keep their
type. No extra column stops a run: a value that does not fit the published type stays in landing, and the run's record
notes it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lakeworks.arrival.casting import new_members
from lakeworks.arrival.drift import Drift, DriftKind
from lakeworks.arrival.text_values import UnfitError
from lakeworks.arrival.value_conversion import convert
from lakeworks.contract import Contract
from lakeworks.contract.evolution import wider
from lakeworks.core.lake_limits import NEW_COLUMNS, arriving_fault
from lakeworks.core.types import LakeType, from_arrow
from lakeworks.errors import ContractError, SchemaDrift
from lakeworks.formats.text.json_values import own_text, parse_json

_TEXT = LakeType("string")
_FREE = {b"lakeworks.free": b"1"}


@dataclass
class _Extra:
    name: str
    kept: LakeType


class ExtraColumns:
    """The columns outside the contract, by name in lower case; `published` gives their types in published files."""

    def __init__(
        self, contract: Contract, drift: Drift, published: Callable[[], Mapping[str, LakeType]], *, keeps: bool = True
    ) -> None:
        self._contract = contract
        self._drift = drift
        self._keeps = keeps
        self._published = published
        self._before: Mapping[str, LakeType] | None = None
        self._found: dict[str, _Extra] = {}

    @property
    def kept(self) -> tuple[tuple[str, LakeType], ...]:
        """Names and types of those that go into the files."""
        return tuple((item.name, item.kept) for item in self._found.values())

    def note(self, file: str, columns: Mapping[str, Any], *, is_text: bool) -> None:
        """Take notice of a file's columns: Arrow arrays, or lists of Python values.

        Raises:
            SchemaDrift: there are too many, or the policy does not admit one.
        """
        count = len(self._found.keys() | {name.lower() for name in columns})
        if count > NEW_COLUMNS:
            raise SchemaDrift(
                f"`{self._contract.name}`: {count} columns are not in the contract, the last in `{file}` (its first "
                f"is `{next(iter(columns))[:80]}`); {NEW_COLUMNS} are allowed in one delivery. It stays in landing; "
                "nothing was staged. Check that the file belongs to this table."
            )
        for name, values in columns.items():
            free = is_text or not isinstance(values, pa.Array)
            self._drift.note(file, list(self._settle(name, None if free else values.type, values)))

    def _settle(self, name: str, arrived: pa.DataType | None, values: Any) -> Iterator[tuple[DriftKind, str]]:
        if (arrived is not None and pa.types.is_null(arrived)) or (isinstance(values, list) and not any_value(values)):
            yield "column", f"`{name}` is new and has no value yet; kept in landing only"
            return
        known = self._found.get(name.lower())
        before = self._type_before(name)
        try:
            kind = from_arrow(arrived) if arrived is not None else before or _TEXT
        except ContractError as error:
            yield "column", f"`{name}` is new and kept in landing only: {error}"
            return
        if fault := arriving_fault(name, kind, self._contract.partition_keys):
            yield "column", f"`{name[:300]}` is new and {fault}; kept in landing only"
            return
        known_type = known.kept if known else before
        kept = wider(known_type, kind) if known_type else kind
        if self._keeps:
            self._found[name.lower()] = _Extra(known.name if known else name, kept)
        yield "column", f"`{name}` is new ({kept})"
        if before and before != kind:
            yield "type", f"`{name}` came as {kind}, kept as {kept}; published before as {before}"
        if arrived is not None:
            for member in new_members(arrived, kept.arrow):
                yield "column", f"`{name}.{member}` is new, kept in landing only"

    def _type_before(self, name: str) -> LakeType | None:
        if self._before is None:
            self._before = self._published()
        return self._before.get(name.lower())

    def carried(self, columns: Mapping[str, Any], *, is_text: bool) -> list[tuple[pa.Field, pa.Array]]:
        """Return the columns as a batch carries them until all types are known: own text where the format has no type."""
        carried_columns = []
        for name, values in columns.items():
            if name.lower() not in self._found:
                continue
            free = is_text or not isinstance(values, pa.Array)
            array = (
                values if isinstance(values, pa.Array) else pa.array([own_text(item) for item in values], pa.string())
            )
            carried_columns.append((pa.field(name.lower(), array.type, metadata=_FREE if free else None), array))
        return carried_columns

    def columns(self, batch: pa.RecordBatch, file: str) -> list[pa.Array]:
        """Return the kept columns of a batch in their final types; null where a value does not fit."""
        return [self._column(lowered, batch, file) for lowered in self._found]

    def _column(self, lowered: str, batch: pa.RecordBatch, file: str) -> pa.Array:
        extra = self._found[lowered]
        place = batch.schema.get_field_index(lowered)
        if place < 0:
            return pa.nulls(len(batch), extra.kept.arrow)
        values, free = batch.column(place), (batch.schema.field(place).metadata or {}) == _FREE
        if free and extra.kept.members:
            values = [_document(text) for text in values.to_pylist()]
        converted = convert(values, extra.kept.arrow, is_text=free)
        if converted.unfit:
            why = next(iter(converted.unfit.values()))
            says = f"`{extra.name}` has values that do not fit {extra.kept}, kept in landing only ({why}; in `{file}`)"
            self._drift.note(file, [("value", says)])
        return converted.values


def any_value(values: Sequence[Any]) -> bool:
    """Return whether a column of Python values has any."""
    return any(item is not None for item in values)


def _document(text: str | None) -> Any:
    try:
        return None if text is None else parse_json(text)
    except (ValueError, UnfitError):
        return text

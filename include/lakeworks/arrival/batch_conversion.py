"""Conversion of one batch of raw rows to the contract's columns. Extra columns wait until all types are known."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from lakeworks.arrival.column_match import Matched, differences, match, valid_places
from lakeworks.arrival.decimal_comma import is_number, with_points
from lakeworks.arrival.drift import Drift
from lakeworks.arrival.extra_columns import ExtraColumns
from lakeworks.arrival.rejected_rows import UNFIT, UNKNOWN, RejectedRows
from lakeworks.arrival.value_conversion import convert
from lakeworks.arrival.wrong_file import check_belongs
from lakeworks.contract import Contract
from lakeworks.errors import SchemaDrift
from lakeworks.formats.raw_batch import RawBatch

_WIDEN = "Widen the column in the contract if the source really changed, then run the partition again."
_OTHER_TYPE = (
    "Correct the file, or give the column a type that can hold the value (`string` holds every text). "
    "Then run the partition again."
)
Constants = Mapping[str, Any]
ReasonLists = dict[int, list[tuple[str, str]]]


class BatchConversion:
    """Convert the batches of many files by one contract. Note each difference once per file."""

    def __init__(
        self,
        contract: Contract,
        drift: Drift,
        extras: ExtraColumns,
        sorting: RejectedRows | None,
        *,
        rejects_unknown: bool = True,
    ) -> None:
        """Convert by a contract; `sorting` takes rows that do not belong, with `rejects_unknown` also by their columns."""
        self._contract = contract
        self._rejects_unknown = sorting is not None and rejects_unknown
        self._drift = drift
        self._extras = extras
        self._sorting = sorting
        self._file: str | None = None
        self._noted: set[str] = set()
        self._arrived: set[str] = set()
        self._schema = pa.schema([pa.field(name, column.type.arrow) for name, column in contract.columns.items()])

    def begin(self, file: str, constants: Constants, batch: RawBatch) -> None:
        """Note how the columns of a batch differ.

        Raises:
            SchemaDrift: the policy does not allow it, or the file belongs to another table.
        """
        is_first = file != self._file
        if is_first:
            self._file, self._noted = file, set()
        elif self._noted >= batch.columns.keys():
            return
        names = [name for name in self._contract.columns if name not in constants]
        matched = match(file, names, batch)
        if is_first:
            check_belongs(self._contract, file, names, list(matched.extra), batch)
        self._note(file, constants, matched, batch)
        self._noted |= batch.columns.keys()
        self._arrived |= matched.columns.keys()
        if is_first and not batch.rows:  # a column that is not in the header is in none of the rows
            self._drift.note(
                file, [("column", f"`{name}` did not arrive") for name in names if name not in matched.columns]
            )

    def _note(self, file: str, constants: Constants, matched: Matched, batch: RawBatch) -> None:
        fresh = {name for name, source in matched.spelled.items() if source not in self._noted}
        self._drift.note(
            file,
            [
                difference
                for name, values in matched.columns.items()
                if name in fresh
                for difference in differences(
                    name, self._contract.columns[name].type, matched.spelled[name], values, is_text=batch.is_text
                )
            ],
        )
        own = {name.lower() for name in constants}
        extra = {name: values for name, values in matched.extra.items() if name not in self._noted}
        ours = [name for name in extra if name.lower() in own]
        self._drift.note(
            file,
            [("column", f"`{name}` is the lake's own column; the file's is kept in landing only") for name in ours],
        )
        others = {name: values for name, values in extra.items() if name not in ours}
        self._extras.note(file, others, is_text=batch.is_text)

    def finish(self, file: str, constants: Constants) -> None:
        """Note the columns that no file brought."""
        names = [name for name in self._contract.columns if name not in constants and name not in self._arrived]
        self._drift.note(file, [("column", f"`{name}` did not arrive") for name in names])

    def convert(self, file: str, constants: Constants, batch: RawBatch) -> pa.RecordBatch:
        """Return the contract's columns, then the unconverted extra columns. Quarantined rows are left out.

        Raises:
            SchemaDrift: a value does not fit, and the policy does not quarantine rows.
        """
        matched = match(file, [name for name in self._contract.columns if name not in constants], batch)
        reasons: ReasonLists = {}
        columns = [self._column(file, field, constants, matched, batch, reasons) for field in self._schema]
        for name, places in matched.twice.items():
            for place in places:
                reasons.setdefault(place, []).append((UNFIT, f"`{name}` comes twice, in upper and lower case."))
        if self._sorting is None:
            if reasons:
                self._refuse(file, matched, batch, reasons)
            carried = self._extras.carried(matched.extra, is_text=batch.is_text)
            fields = [*self._schema, *(field for field, _ in carried)]
            arrays = [*columns, *(array for _, array in carried)]
            return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
        for name, values in matched.extra.items() if self._rejects_unknown else ():
            for place in valid_places(values):
                reasons.setdefault(place, []).append((UNKNOWN, f"`{name}` is not in the contract."))
        whole = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        if not reasons:
            return whole
        self._sorting.quarantine(batch, reasons)
        return whole.filter(pa.array([place not in reasons for place in range(batch.rows)]))

    def _column(
        self, file: str, field: pa.Field, constants: Constants, matched: Matched, batch: RawBatch, reasons: ReasonLists
    ) -> pa.Array:  # fmt: skip
        if field.name in constants:
            value = constants[field.name]
            return pa.repeat(value if isinstance(value, pa.Scalar) else pa.scalar(value, field.type), batch.rows).cast(
                field.type
            )
        if field.name not in matched.columns:
            return pa.nulls(batch.rows, field.type)
        values = matched.columns[field.name]
        if batch.decimal_comma and is_number(field.type):
            values = with_points(values)
        converted = convert(values, field.type, is_text=batch.is_text)
        for place, why in converted.unfit.items():
            reasons.setdefault(place, []).append((UNFIT, f"`{field.name}` does not fit {field.type}: {why}."))
        for path, places in converted.unknown.items():
            if not self._rejects_unknown:
                self._drift.note(file, [("column", f"`{field.name}.{path}` is new, kept in landing only")])
                continue
            for place in places:
                reasons.setdefault(place, []).append((UNKNOWN, f"`{field.name}.{path}` is not in the contract."))
        return converted.values

    def _refuse(self, file: str, matched: Matched, batch: RawBatch, reasons: ReasonLists) -> None:
        place = min(reasons)
        _, why = reasons[place][0]
        name = why.split("`")[1]
        source = matched.spelled.get(name, name)
        values = batch.columns.get(source)
        typed = isinstance(values, pa.Array) and not batch.is_text
        kind = f" is {values.type} and does not fit" if isinstance(values, pa.Array) and typed else " does not fit"
        more = f"; {len(reasons)} of {batch.rows} rows, counted from there" if len(reasons) > 1 else ""
        declared = self._schema.field(name).type if name in self._schema.names else "the contract"
        reason = why.removeprefix(f"`{name}` does not fit {declared}: ").rstrip(".")
        raise SchemaDrift(
            f"`{self._contract.name}`: column `{source}` of `{file}`, {batch.place(place)},{kind} {declared} "
            f"without loss ({reason}{more}). The file stays in landing; nothing was staged. "
            f"{_WIDEN if typed else _OTHER_TYPE}"
        )

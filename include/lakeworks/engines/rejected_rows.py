"""Policy `quarantine_unknown`: rows with a value in a column the contract does not know, or one that does not fit its type.

Such a row is kept as it arrived, as JSON text, with the rules it broke; the other rows go on. A column that is not in the
contract and holds nothing but nulls harms no row.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

UNKNOWN, UNFIT = "unknown_column", "unfit_value"
SCHEMA = pa.schema(
    [
        pa.field("_row", pa.string()),
        pa.field("_broken_rules", pa.list_(pa.string())),
        pa.field("_reason", pa.string()),
    ]
)


@dataclass
class RejectedRows:
    """Sorts rows out batch by batch, hands the bad ones to `keep`, and counts them."""

    keep: Callable[[pa.RecordBatch], None]
    rows: int = 0
    broken: Counter[str] = field(default_factory=Counter)

    def sort_out(
        self, batch: pa.RecordBatch, unknown: Sequence[str], wanted: Sequence[tuple[str, pa.DataType]],
        fits: Callable[[pa.Array, pa.DataType], bool],
    ) -> pa.RecordBatch:  # fmt: skip
        """Keep aside the rows that do not belong; returns the others, unknown columns and all."""
        reasons: dict[int, list[tuple[str, str]]] = {}
        for name in unknown:
            for place in pc.indices_nonzero(pc.is_valid(batch.column(name))).to_pylist():
                reasons.setdefault(place, []).append((UNKNOWN, f"`{name}` is not in the contract."))
        for name, kind in wanted:
            for place in _unfit(batch.column(name), kind, fits, 0):
                reasons.setdefault(place, []).append((UNFIT, f"`{name}` does not fit {kind}."))
        if not reasons:
            return batch
        places = sorted(reasons)
        self._set_aside(batch.take(pa.array(places)), [reasons[place] for place in places])
        mask = pa.array([place not in reasons for place in range(len(batch))])
        return batch.filter(mask)

    def _set_aside(self, rows: pa.RecordBatch, reasons: Sequence[Sequence[tuple[str, str]]]) -> None:
        texts = [json.dumps(row, default=str, ensure_ascii=False) for row in rows.to_pylist()]
        rules = [sorted({rule for rule, _ in found}) for found in reasons]
        says = [" ".join(text for _, text in found) for found in reasons]
        self.rows += len(rows)
        self.broken.update(rule for found in rules for rule in found)
        self.keep(
            pa.RecordBatch.from_arrays(
                [pa.array(texts), pa.array(rules, SCHEMA.field(1).type), pa.array(says)], schema=SCHEMA
            )
        )


def _unfit(column: pa.Array, kind: pa.DataType, fits: Callable[[pa.Array, pa.DataType], bool], start: int) -> list[int]:
    """Places of values that do not fit, by halving: a column that fits costs one look."""
    if not len(column) or fits(column, kind):
        return []
    if len(column) == 1:
        return [start]
    half = len(column) // 2
    return _unfit(column.slice(0, half), kind, fits, start) + _unfit(column.slice(half), kind, fits, start + half)

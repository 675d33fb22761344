"""Policy `quarantine_unknown`: rows with a value in a column the contract does not know, or one that does not fit its type.

The lake quarantines such a row as JSON text with the rules it broke and publishes the others. A column that is not in
the contract and holds nothing but nulls harms no row.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from lakeworks.formats.raw_batch import RawBatch
from lakeworks.formats.text.json_values import own_text

UNKNOWN, UNFIT = "unknown_column", "unfit_value"
SCHEMA = pa.schema(
    [
        pa.field("_row", pa.string()),
        pa.field("_broken_rules", pa.list_(pa.string())),
        pa.field("_reason", pa.string()),
    ]
)
# Reasons for rejected rows: rule and message, by position in the batch.
Reasons = Mapping[int, Sequence[tuple[str, str]]]


@dataclass
class RejectedRows:
    """Pass rejected rows to `keep`, and count them."""

    keep: Callable[[pa.RecordBatch], None]
    rows: int = 0
    broken: Counter[str] = field(default_factory=Counter)

    def quarantine(self, batch: RawBatch, reasons: Reasons) -> None:
        """Quarantine these rows of a batch."""
        places = sorted(reasons)
        texts = [own_text(batch.record(place)) for place in places]
        rules = [sorted({rule for rule, _ in reasons[place]}) for place in places]
        says = [" ".join(text for _, text in reasons[place]) for place in places]
        self.rows += len(places)
        self.broken.update(rule for names in rules for rule in names)
        self.keep(
            pa.RecordBatch.from_arrays(
                [pa.array(texts), pa.array(rules, SCHEMA.field(1).type), pa.array(says)], schema=SCHEMA
            )
        )

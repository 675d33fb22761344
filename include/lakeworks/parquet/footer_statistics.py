"""Statistics of columns as Parquet footers have them: nulls, smallest and largest value, bytes. No row is read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from lakeworks.errors import LiveChanged
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject
from lakeworks.s3.object_store import ObjectStore

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# A table without partitions may have many objects; each costs a request.
MOST_OBJECTS = 16
# pyarrow asks for as many bytes of the end at first.
_END_BYTES = 64 << 10


@dataclass(frozen=True)
class FooterStatistic:
    """One column over some objects. None: a writer left it out, as for lists, structs and long text."""

    rows: int = 0
    bytes: int = 0
    nulls: int | None = 0
    smallest: Any = None
    largest: Any = None

    @property
    def null_share(self) -> float | None:
        """Return the share of rows without a value."""
        return None if self.nulls is None or not self.rows else self.nulls / self.rows


def read_statistics(store: ObjectStore, entries: Iterable[LedgerEntry]) -> Mapping[str, FooterStatistic]:
    """Return the statistics of each column of some publications, from the footers of their first objects.

    Raises:
        LakeNotFound: a pinned version is gone.
        LiveChanged: an object is no Parquet file.
    """
    objects = list(islice((item for entry in entries for item in entry.objects), MOST_OBJECTS))
    totals: dict[str, FooterStatistic] = {}
    for columns in store.map(lambda item: object_statistics(store, item), objects):
        for name, part in columns.items():
            totals[name] = _sum(totals[name], part) if name in totals else part
    return totals


def object_statistics(store: ObjectStore, item: LiveObject) -> dict[str, FooterStatistic]:
    """Return the statistics of each column of one object. Only its end is read, as a rule in one request.

    Raises:
        LakeNotFound: the pinned version is gone.
        LiveChanged: it is no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    pinned = PinnedObject(store, item, ObjectCache(), whole_bytes=_END_BYTES)
    try:
        with pa.PythonFile(pinned, mode="r") as file:
            return _of_footer(pq.read_metadata(file))
    except pa.ArrowInvalid as error:
        raise LiveChanged(
            f"{store.uri(item.key)} is no Parquet file: {error}. Nothing was changed. Compare it with the ledger: "
            "lakeworks verify"
        ) from error


def _of_footer(footer: "pq.FileMetaData") -> dict[str, FooterStatistic]:
    columns: dict[str, FooterStatistic] = {}
    for group in (footer.row_group(number) for number in range(footer.num_row_groups)):
        for chunk in (group.column(number) for number in range(group.num_columns)):
            name, _, below = chunk.path_in_schema.partition(".")
            known = None if below else chunk.statistics
            ends = (known.min, known.max) if known and known.has_min_max else (None, None)
            nulls = known.null_count if known and known.has_null_count else None
            part = FooterStatistic(group.num_rows, chunk.total_compressed_size, nulls, *ends)
            columns[name] = _sum(columns[name], part, nested=bool(below)) if name in columns else part
    return columns


def _sum(one: FooterStatistic, other: FooterStatistic, *, nested: bool = False) -> FooterStatistic:
    """Add two parts of a column. The leaves of a nested column share its rows. An unknown end stays unknown."""
    smallest = [value for value in (one.smallest, other.smallest) if value is not None]
    largest = [value for value in (one.largest, other.largest) if value is not None]
    return FooterStatistic(
        rows=max(one.rows, other.rows) if nested else one.rows + other.rows,
        bytes=one.bytes + other.bytes,
        nulls=None if one.nulls is None or other.nulls is None else one.nulls + other.nulls,
        smallest=min(smallest) if _ends(one, other) else None,
        largest=max(largest) if _ends(one, other) else None,
    )


def _ends(*parts: FooterStatistic) -> bool:
    """Return True if the ends of all parts with values are known."""
    with_values = [part for part in parts if part.nulls is None or part.nulls < part.rows]
    return bool(with_values) and all(part.smallest is not None for part in with_values)

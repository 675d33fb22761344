"""Differences between two publications of a partition: rows by grain, schema, and each column's statistics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lakeworks.contract import Contract
from lakeworks.core.names import LINEAGE_COLUMNS
from lakeworks.core.partition import Partition
from lakeworks.engines.comparison import Statistic, compare_rows, statistics
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.parquet.dataset import open_objects


@dataclass(frozen=True)
class PublicationDiff:
    """Comparison of two publications. Columns are `(name, type before, type after)`; a missing type is None.

    Rows are compared without the columns of `left_out`: another fetch of the same row is the same row.
    """

    before: LedgerEntry
    after: LedgerEntry
    added: int
    removed: int
    changed: int
    only_lineage: int
    left_out: tuple[str, ...]
    columns: tuple[tuple[str, str | None, str | None], ...]
    statistics: tuple[tuple[Statistic | None, Statistic | None], ...]
    samples: tuple[dict[str, Any], ...]


def diff(
    lake: Lake, contract: Contract, partition: Partition, before: int | None = None, after: int | None = None
) -> PublicationDiff:
    """Compare publication `after` (default: the live one) with `before` (default: the one with other content before it).

    Raises:
        LakeNotFound: there is no such publication, or its object versions have expired.
    """
    history = lake.ledger.history(contract.table, partition)
    second = _find(history, contract, partition, after)
    first = _find(history, contract, partition, before, second)
    with lake.engine.session() as session:
        old, new = (open_objects(lake.store, entry.objects) for entry in (first, second))
        session.attach("before", old)
        session.attach("after", new)
        shared = [name for name in new.schema.names if name in old.schema.names]
        grain = [name for name in contract.grain if name in shared]
        lineage = [name for name in LINEAGE_COLUMNS if name in shared and name not in grain]
        rows = compare_rows(session, grain, [name for name in shared if name not in lineage], lineage)
        figures = [statistics(session, side, data.schema) for side, data in (("before", old), ("after", new))]
        names = list(dict.fromkeys([*old.schema.names, *new.schema.names]))
        types = [{field.name: str(field.type) for field in data.schema} for data in (old, new)]
    return PublicationDiff(
        before=first,
        after=second,
        added=rows.added,
        removed=rows.removed,
        changed=rows.changed,
        only_lineage=rows.only_lineage,
        left_out=tuple(lineage),
        columns=tuple((n, types[0].get(n), types[1].get(n)) for n in names if types[0].get(n) != types[1].get(n)),
        statistics=tuple(_pairs(names, *figures)),
        samples=rows.samples,
    )


def _find(
    history: list[LedgerEntry],
    contract: Contract,
    partition: Partition,
    seq: int | None,
    newer: LedgerEntry | None = None,
) -> LedgerEntry:
    published = [entry for entry in history if entry.state == "published" and entry.objects]
    other = [e for e in published if newer is None or (e.seq < newer.seq and e.content != newer.content)]
    chosen = [e for e in published if e.seq == seq] if seq else other
    if not chosen:
        numbers = ", ".join(str(entry.seq) for entry in published) or "none"
        lacking = f"publication {seq}" if seq else "earlier publication with other content"
        raise LakeNotFound(
            f"`{contract.name}` {partition}: there is no {lacking} to compare. Published with rows: {numbers}. "
            f"See: lakeworks ledger {contract.name} {partition}"
        )
    return chosen[-1]


def _pairs(
    names: list[str], before: dict[str, Statistic], after: dict[str, Statistic]
) -> Iterator[tuple[Statistic | None, Statistic | None]]:
    """Return the columns whose statistics differ."""
    for name in names:
        if before.get(name) != after.get(name):
            yield before.get(name), after.get(name)

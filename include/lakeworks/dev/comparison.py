"""Comparison of a dev lake with the live lake: each table that it built, by partition, row, column, and the SQL."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from lakeworks.branches.document import DevDocument
from lakeworks.contract import Contract
from lakeworks.core.names import LINEAGE_COLUMNS
from lakeworks.core.partition import Partition
from lakeworks.dev.promotable import Promotable
from lakeworks.engines.comparison import Statistic, changed_columns, compare_rows, statistics
from lakeworks.lake import Lake
from lakeworks.ledger.code_record import load_code_record
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.parquet.dataset import nothing, open_objects
from lakeworks.s3.dev_branch import parents_key


@dataclass(frozen=True)
class PartitionChange:
    """One partition: rows before (live) and after (dev lake), and the differences by grain."""

    partition: str
    before: int
    after: int
    added: int
    removed: int
    changed: int
    is_same: bool = False


@dataclass(frozen=True)
class TableChange:
    """One table. `columns` counts the changed rows by column; `figures` are the statistics of changed columns before, after.

    `side` is the word for what is compared with live: `dev`, or `staged`.
    """

    contract: Contract
    partitions: tuple[PartitionChange, ...]
    columns: Mapping[str, int]
    schema: tuple[tuple[str, str | None, str | None], ...]
    figures: tuple[tuple[Statistic | None, Statistic | None], ...]
    samples: tuple[dict[str, Any], ...]
    sql: str
    side: str = "dev"

    @property
    def totals(self) -> dict[str, int]:
        """Return the sums over all partitions."""
        names = ("before", "after", "added", "removed", "changed")
        return {name: sum(getattr(item, name) for item in self.partitions) for name in names}

    @property
    def same(self) -> int:
        """Return the number of partitions with the very bytes that are live."""
        return sum(item.is_same for item in self.partitions)


def compare(lake: Lake, document: DevDocument, contracts: Sequence[Contract]) -> Iterator[TableChange]:
    """Compare each table that the dev lake built with what is live now, upstream tables first."""
    built = Promotable(lake, document, contracts)
    for table, entries in built.entries.items():
        contract = lake.contract(table)
        pairs = {part: (_seen_from_dev(lake, contract, part), entry) for part, entry in sorted(entries.items())}
        yield TableComparison(built.dev, contract).of(pairs)


def _seen_from_dev(lake: Lake, contract: Contract, partition: Partition) -> LedgerEntry | None:
    """Return what is live now, with the keys by which the dev lake reads it."""
    entry = lake.ledger.live(contract.table, partition)
    if entry is None:
        return None
    objects = tuple(item.model_copy(update={"key": parents_key(item.key)}) for item in entry.objects)
    return entry.model_copy(update={"objects": objects})


@dataclass(frozen=True)
class TableComparison:
    """Comparison of publications of one table with what is live. `lake` reads the objects of both."""

    lake: Lake
    contract: Contract
    side: str = "dev"

    def of(self, pairs: Mapping[Partition, tuple[LedgerEntry | None, LedgerEntry]]) -> TableChange:
        """Compare each partition's live publication, if there is one, with the other one."""
        columns: Counter[str] = Counter()
        partitions, samples = [], list[dict[str, Any]]()
        for partition, (before, after) in pairs.items():
            change, by_column, rows = self._partition(partition, before, after)
            columns.update(by_column)
            samples += rows
            partitions.append(change)
        schema, figures = self._figures([pair for pair in pairs.values() if not _is_same(*pair)])
        return TableChange(
            contract=self.contract,
            partitions=tuple(partitions),
            columns=dict(columns.most_common()),
            schema=schema,
            figures=figures,
            samples=tuple(samples[:10]),
            sql=self._sql(next(iter(pairs.values()))),
            side=self.side,
        )

    def _partition(
        self, partition: Partition, before: LedgerEntry | None, after: LedgerEntry
    ) -> tuple[PartitionChange, Mapping[str, int], Sequence[dict[str, Any]]]:
        rows = before.rows if before else 0
        if _is_same(before, after):
            return PartitionChange(str(partition), rows, after.rows, 0, 0, 0, is_same=True), {}, ()
        if before is None or not after.objects:  # all rows came, or all went
            return PartitionChange(str(partition), rows, after.rows, after.rows, rows, 0), {}, ()
        with self.lake.engine.session() as session:
            old, new = (self._rows(entry) for entry in (before, after))
            session.attach("before", old)
            session.attach("after", new)
            shared = [name for name in new.schema.names if name in old.schema.names]
            grain = [name for name in self.contract.grain if name in shared]
            values = [name for name in shared if name not in LINEAGE_COLUMNS or name in grain]
            compared = compare_rows(session, grain, values)
            by_column = changed_columns(session, grain, values) if compared.changed else {}
        counts = PartitionChange(str(partition), rows, after.rows, compared.added, compared.removed, compared.changed)
        return counts, by_column, compared.samples

    def _rows(self, *entries: LedgerEntry | None) -> Any:
        objects = [item for entry in entries if entry for item in entry.objects]
        return open_objects(self.lake.store, objects) if objects else nothing(self.contract)

    def _figures(
        self, pairs: Sequence[tuple[LedgerEntry | None, LedgerEntry]]
    ) -> tuple[tuple[tuple[str, str | None, str | None], ...], tuple[tuple[Statistic | None, Statistic | None], ...]]:
        """Return the columns that came, went or changed their type, and the statistics that differ."""
        if not pairs:
            return (), ()
        sides = [self._rows(*(pair[number] for pair in pairs)) for number in (0, 1)]
        with self.lake.engine.session() as session:
            for name, rows in zip(("before", "after"), sides, strict=True):
                session.attach(name, rows)
            before, after = (
                statistics(session, name, rows.schema) for name, rows in zip(("before", "after"), sides, strict=True)
            )
        types = [{field.name: str(field.type) for field in rows.schema} for rows in sides]
        names = [name for name in dict.fromkeys([*types[0], *types[1]]) if name not in LINEAGE_COLUMNS]
        schema = tuple((n, types[0].get(n), types[1].get(n)) for n in names if types[0].get(n) != types[1].get(n))
        figures = tuple((before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n))
        return schema, figures

    def _sql(self, pair: tuple[LedgerEntry | None, LedgerEntry]) -> str:
        """Return the difference of the SQL that built both sides, as `diff -u` prints it."""
        codes = [entry.code if entry else "" for entry in pair]
        records = [load_code_record(self.lake.store, self.contract.table, code) if code else None for code in codes]
        old, new = ((record.sql if record else "").splitlines() for record in records)
        return "\n".join(unified_diff(old, new, "live", self.side, lineterm="", n=2))


def _is_same(before: LedgerEntry | None, after: LedgerEntry) -> bool:
    return before is not None and before.content == after.content

"""Search for the Parquet settings that make a table's files smallest: sort order, encodings, codec, each on the one before.

Every candidate is measured on a sample of the table's own rows. A step stays if it saves enough on top of the earlier ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lakeworks.contract import ColumnEncoding, Contract, Storage
from lakeworks.contract.parquet_settings import ENCODABLE, SORTABLE
from lakeworks.core.layout import owner_of
from lakeworks.cost.file_advice import STEP_SHARE, WORTH_USD, FileAdvice, Trial
from lakeworks.cost.file_trial import Measure, RowSample, take_sample
from lakeworks.cost.object_inventory import from_listing
from lakeworks.cost.proposal import CostEffect, Proposal, effects
from lakeworks.cost.report import ReportRequest
from lakeworks.lake import Lake
from lakeworks.prices import ObjectVersion

_FEW_VALUES = 0.05  # a column with fewer distinct values a row may lead the order
_LARGEST_COLUMNS = 4
_LEVELS = (3, 9)


def advise_files(lake: Lake, contract: Contract, ask: ReportRequest, worth_usd: float = WORTH_USD) -> FileAdvice:
    """Measure settings on a sample of the table, and price the best of them for all its current objects.

    Raises:
        LakeNotFound: the table has no published rows.
        ConfigError: a price is missing.
    """
    sample = take_sample(lake, contract)
    search = _Search(sample)
    search.run()
    ratio = search.best.bytes / search.present.bytes
    found = effects(_objects(lake, contract), Proposal(compression=ratio), ask.book, ask.region, ask.window.end)
    nothing = CostEffect(str(lake.tenant or ""), contract.table.layer, contract.name, 0, 0, 0, 0, 0.0, 0.0, 0.0)
    settings = _changes(contract.storage, search.storage)
    return FileAdvice(
        contract.name, len(sample.tables), sample.rows, tuple(search.trials), found[0] if found else nothing,
        1 - ratio, settings, worth_usd,
    )  # fmt: skip


class _Search:
    """Search for the smallest files, one kind of setting after the other. `storage` has the settings chosen so far."""

    def __init__(self, sample: RowSample) -> None:
        self.sample = sample
        self.kinds = {name: sample.contract.columns[name].type.kind for name in sample.names}
        self.storage = sample.contract.storage
        self.present = self.best = sample.measure(self.storage)
        self.trials = [self._trial("present", "as in the contract", self.present)]

    def run(self) -> None:
        """Choose an order, then encodings in that order, then a codec over both."""
        self._choose("sort_by", [{"sort_by": order} for order in self._orders()])
        self._choose("column_encoding", self._encodings())
        self._choose("compression", list(self._codecs()))

    def _choose(self, setting: str, candidates: list[dict[str, Any]]) -> None:
        """Measure candidates. Keep the smallest one if it saves enough."""
        chosen: tuple[Storage, Measure, int] | None = None
        for update in candidates:
            storage = self.storage.model_copy(update=update)
            measure = self.sample.measure(storage)
            self.trials.append(self._trial(setting, _words(update), measure))
            if chosen is None or measure.bytes < chosen[1].bytes:
                chosen = storage, measure, len(self.trials) - 1
        if chosen and self.best.bytes - chosen[1].bytes >= STEP_SHARE * self.best.bytes:
            self.storage, self.best, place = chosen
            self.trials[place] = replace(self.trials[place], chosen=True)

    def _orders(self) -> list[tuple[str, ...]]:
        """Return orders to try: a column of the grain first, columns of few values first, the largest columns first."""
        distinct = {name: share for name, share in self.sample.distinct().items() if self.kinds[name] in SORTABLE}
        varying = {name: share for name, share in distinct.items() if share * self.sample.rows > 1}
        few = sorted((name for name, share in varying.items() if share <= _FEW_VALUES), key=lambda name: varying[name])
        sizes = self.present.columns
        large = sorted(varying, key=lambda name: -sizes.get(name, 0))[:_LARGEST_COLUMNS]
        grain = [name for name in self.sample.contract.grain if name in varying]
        runs = [tuple(few[:count]) for count in range(1, min(len(few), 3) + 1)]
        tried: list[tuple[str, ...]] = [(), *((name,) for name in grain), *runs, *((name,) for name in large)]
        tried += [(*runs[0], name) for name in large if runs and name not in runs[0]]
        return [order for order in dict.fromkeys(tried) if order != self.storage.sort_by]

    def _encodings(self) -> list[dict[str, Any]]:
        """Return the encodings that make single columns smaller: each is measured for all columns at once."""
        least: dict[str, tuple[int, ColumnEncoding | None]] = {
            name: (size, None) for name, size in self.best.columns.items() if name in self.kinds
        }
        for encoding, kinds in ENCODABLE.items():
            fitting = {name: encoding for name, kind in self.kinds.items() if kind in kinds}
            if not fitting:
                continue
            sizes = self.sample.measure(self.storage.model_copy(update={"column_encoding": fitting})).columns
            for name in fitting:
                if least[name][0] - sizes[name] >= STEP_SHARE * self.best.bytes:
                    least[name] = (sizes[name], encoding)
        chosen = {name: encoding for name, (_, encoding) in least.items() if encoding}
        return [{"column_encoding": {**self.storage.column_encoding, **chosen}}] if chosen else []

    def _codecs(self) -> Iterator[dict[str, Any]]:
        used = self.storage.compression, self.storage.compression_level or _LEVELS[0]
        for level in _LEVELS:
            if ("zstd", level) != used:
                yield {"compression": "zstd", "compression_level": level}
        if used[0] != "snappy":
            yield {"compression": "snappy", "compression_level": None}

    def _trial(self, setting: str, value: str, measure: Measure) -> Trial:
        share = measure.bytes / self.present.bytes
        return Trial(setting, value, measure.bytes, share, measure.write_seconds, measure.read_seconds)


def _words(update: Mapping[str, Any]) -> str:
    if "sort_by" in update:
        return ", ".join(update["sort_by"]) or "the grain alone"
    if "column_encoding" in update:
        return ", ".join(f"{name}: {encoding}" for name, encoding in update["column_encoding"].items())
    return " ".join(str(part) for part in (update["compression"], update["compression_level"]) if part)


def _changes(before: Storage, after: Storage) -> dict[str, Any]:
    """Return the changed settings as a contract has them."""
    plain, earlier = after.model_dump(mode="json"), before.model_dump(mode="json")
    return {name: value for name, value in plain.items() if value != earlier[name]}


def _objects(lake: Lake, contract: Contract) -> list[ObjectVersion]:
    """Return the table's versions; its two folders begin with the same key."""
    listed = from_listing(lake.store, lake.store.keys.at(contract.table.path))
    wanted = contract.name, contract.table.layer
    return [item for item in listed if (owner_of(item.key).table, owner_of(item.key).area) == wanted]

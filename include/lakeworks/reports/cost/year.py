"""A year of a lake on paper: data arriving every day, rewritten, read and moved through classes, priced by the book.

Every day's arrivals are a cohort; what a cohort costs follows from the days it spends in each class. Nothing is drawn at random:
the same workload and practice always give the same bill, and every cent has a table and a reason.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lakeworks.errors import ConfigError
from lakeworks.prices import GIB, ClassPrices, PriceBook
from lakeworks.reports.cost.lifecycle import FOREVER, Lifecycle, Phase

DAYS = 365
_MONTHS_A_DAY = 12 / 365
_MB = 1 << 20


@dataclass(frozen=True)
class Flow:
    """A table's life: what arrives a day, how often a day is written again, how it is read.

    `reads` says how often a day each byte up to an age is read by jobs: `((7, 2.0), (365, 0.01))`.
    """

    table: str
    mb_per_day: float  # as snappy Parquet with default settings, which `Practice.bytes_factor` is relative to
    files_per_day: int
    rewrites: int = 0
    reads: tuple[tuple[int, float], ...] = ()

    @property
    def layer(self) -> str:
        """The first part of the name."""
        return self.table.partition(".")[0]


@dataclass(frozen=True)
class Practice:
    """How a lake is run: what files look like, and what the lifecycle does."""

    bytes_factor: float = 1.0
    files_per_day: int | None = None  # None: as they arrive
    lifecycle: Mapping[str, Lifecycle] = field(default_factory=dict)  # by layer
    old_versions_days: int = FOREVER
    leftovers_days: int = FOREVER  # staging and broken uploads
    leftovers_share: float = 0.03  # of the bytes written


@dataclass(frozen=True)
class Charge:
    """Money for one reason; US dollars a year."""

    table: str
    reason: str
    usd: float


@dataclass(frozen=True)
class _Cohort:
    """One day's arrivals of a table; `day` counts from the year's first, negative before it."""

    flow: Flow
    practice: Practice
    day: int

    @property
    def files(self) -> int:
        return min(self.practice.files_per_day or self.flow.files_per_day, self.flow.files_per_day)

    @property
    def file_bytes(self) -> float:
        return self.flow.mb_per_day * self.practice.bytes_factor * _MB / self.files


@dataclass(frozen=True)
class Year:
    """The simulator: a price book, a region, and how old the lake is when the year begins."""

    book: PriceBook
    region: str
    history_days: int = 730

    def bill(self, flows: Iterable[Flow], practice: Practice, before: Practice | None = None) -> list[Charge]:
        """The year's charges. `before` is how the lake was run until the year began; without it, as in the year.

        A changed practice moves old cohorts by its lifecycle on the first day, and pays for that; it rewrites none of them.

        Raises:
            ConfigError: a price is missing, or the lifecycle archives what jobs still read.
        """
        totals: dict[tuple[str, str], float] = {}
        for flow in flows:
            for day in range(-self.history_days, DAYS):
                written = practice if day >= 0 or before is None else before
                for charge in self._cohort(_Cohort(flow, written, day), practice):
                    key = (charge.table, charge.reason)
                    totals[key] = totals.get(key, 0.0) + charge.usd
        return [Charge(table, reason, usd) for (table, reason), usd in sorted(totals.items()) if usd]

    def _cohort(self, cohort: _Cohort, practice: Practice) -> Iterator[Charge]:
        lifecycle = practice.lifecycle.get(cohort.flow.layer, Lifecycle())
        phases = lifecycle.phases(int(cohort.file_bytes))
        switched = cohort.day < 0 and cohort.practice is not practice
        yield from self._live(cohort, phases, late=switched)
        yield from self._reads(cohort, phases)
        yield from self._waste(cohort, practice)
        if cohort.day >= 0:
            puts = cohort.files * (1 + cohort.flow.rewrites)
            yield Charge(cohort.flow.table, "requests", puts * self._price("STANDARD").put / 1000)

    def _live(self, cohort: _Cohort, phases: list[Phase], *, late: bool) -> Iterator[Charge]:
        """Storage in each class, moves and minimum durations, within the year."""
        table = cohort.flow.table
        for number, phase in enumerate(phases):
            start, end = max(cohort.day + phase.start, 0), min(cohort.day + phase.end, DAYS)
            name = phase.storage_class
            if end > start:
                usd = self._stored(name, cohort.file_bytes) * cohort.files * (end - start) * _MONTHS_A_DAY
                yield Charge(table, f"storage {name}", usd)
            moved = cohort.day + phase.start
            # A rule that is new on day 0 moves at once what is older, into the class its age calls for.
            catches_up = late and moved < 0 < cohort.day + phase.end
            if number and (0 <= moved < DAYS or catches_up):
                yield Charge(table, "transitions", cohort.files * self._price(name).transition / 1000)
            short = self.book.rules(name).minimum_days - (phase.end - phase.start)
            if short > 0 and 0 <= cohort.day + phase.end < DAYS:
                usd = self._stored(name, cohort.file_bytes) * cohort.files * short * _MONTHS_A_DAY
                yield Charge(table, "early deletion", usd)

    def _reads(self, cohort: _Cohort, phases: list[Phase]) -> Iterator[Charge]:
        table, previous = cohort.flow.table, 0
        for until, a_day in cohort.flow.reads:
            for phase in phases:
                ages = (max(previous, phase.start), min(until, phase.end))
                days = min(cohort.day + ages[1], DAYS) - max(cohort.day + ages[0], 0)
                if days <= 0 or ages[1] <= ages[0]:
                    continue
                if self.book.rules(phase.storage_class).archived:
                    raise ConfigError(
                        f"`{table}` is read {a_day} times a day at an age of {ages[0]} to {ages[1]} days, when the lifecycle "
                        f"has it in {phase.storage_class}, which cannot be read. Nothing was computed. Archive it later."
                    )
                price, times = self._price(phase.storage_class), days * a_day
                yield Charge(table, "requests", times * cohort.files * price.get / 1000)
                fetched = times * cohort.files * cohort.file_bytes / GIB
                yield Charge(table, "retrieval", fetched * price.retrieval)
            previous = until

    def _waste(self, cohort: _Cohort, practice: Practice) -> Iterator[Charge]:
        """Versions replaced by a rewrite, and what failed attempts left behind; both stay in STANDARD until they expire."""
        month = self._stored("STANDARD", cohort.file_bytes) * cohort.files * _MONTHS_A_DAY
        for nth in range(1, cohort.flow.rewrites + 1):
            days = _within_year(cohort.day + nth, practice.old_versions_days)
            yield Charge(cohort.flow.table, "old versions", month * days)
        written = practice.leftovers_share * (1 + cohort.flow.rewrites)
        days = _within_year(cohort.day, practice.leftovers_days)
        yield Charge(cohort.flow.table, "leftovers", month * written * days)

    def _stored(self, name: str, size: float) -> float:
        return self.book.stored_per_month(self.region, name, int(size))

    def _price(self, name: str) -> ClassPrices:
        return self.book.price(self.region, name)


def total(charges: Iterable[Charge]) -> float:
    """US dollars a year."""
    return sum(charge.usd for charge in charges)


@dataclass(frozen=True)
class Step:
    """One change on the way from the old practice to the new, and what it alone took off the bill."""

    name: str
    usd_after: float
    saved: float
    share: float


def waterfall(
    year: Year, flows: list[Flow], start: Practice, changes: Iterable[tuple[str, Mapping[str, object]]], *, switch: bool
) -> list[Step]:
    """The bill after each change on top of the ones before; `share` is of the first bill, so the shares add up.

    With `switch`, the lake was run by `start` until the year began, and only the year follows the new practice.
    """
    first = previous = total(year.bill(flows, start))
    steps, practice = [Step("as it was", first, 0.0, 0.0)], start
    for name, change in changes:
        practice = replace(practice, **change)  # type: ignore[arg-type]
        usd = total(year.bill(flows, practice, before=start if switch else None))
        steps.append(Step(name, usd, previous - usd, (previous - usd) / first))
        previous = usd
    return steps


def _within_year(start: int, days: int) -> int:
    return max(min(start + days, DAYS) - max(start, 0), 0)

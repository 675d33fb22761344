"""Simulation of a lake's cost in a year: data arrives every day, is rewritten, read and moved through storage classes.

Each day's arrivals are a cohort. A cohort's cost follows from its days in each class. Nothing is random: the same
workload and practice always give the same bill, and every cent has a table and a reason.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lakeworks.core.yaml_document import explained_file, read_yaml
from lakeworks.cost.lifecycle import FOREVER, Phase, StorageLife
from lakeworks.errors import ConfigError
from lakeworks.prices import GIB, ClassPrices, PriceBook

DAYS = 365
_MONTHS_A_DAY = 12 / 365
_MB = 1 << 20


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Flow(_Part):
    """A table's data flow: arrivals per day, rewrites of a day, and reads."""

    table: str
    mb_per_day: float = Field(gt=0, description="Original bytes, to which `bytes_factor` refers.")
    files_per_day: int = Field(ge=1)
    rewrites: int = Field(0, ge=0, description="Number of later publications of a day's data.")
    reads: tuple[tuple[int, float], ...] = Field((), description="Reads of each byte a day, by age.")

    @property
    def layer(self) -> str:
        """The first part of the name."""
        return self.table.partition(".")[0]


class SimulatedRule(_Part):
    """A layer's lifecycle: `{after_days: {90: GLACIER_IR}, expire_after_days: 365}`."""

    after_days: Mapping[int, str] = Field(default_factory=dict)
    expire_after_days: int | None = None

    @property
    def lifecycle(self) -> StorageLife:
        """The rule as cost sees it."""
        return StorageLife(tuple(sorted(self.after_days.items())), self.expire_after_days)


class Practice(_Part):
    """A scenario of a lake: its files and its lifecycle. A layer that is not named is left as it is."""

    bytes_factor: Mapping[str, float] = Field(default_factory=dict)
    files_per_day: Mapping[str, int] = Field(
        default_factory=dict, description="Largest number of files a day after merging."
    )
    lifecycle: Mapping[str, SimulatedRule] = Field(default_factory=dict)
    old_versions_days: int = Field(FOREVER, description="Days for which a replaced version is kept.")
    leftovers_days: int = Field(FOREVER, description="Days for which staging and unfinished uploads are kept.")
    leftovers_share: float = Field(
        0.03, description="Bytes that failed attempts leave, as a share of the bytes written."
    )


@dataclass(frozen=True)
class Charge:
    """Money for one reason; US dollars a year."""

    table: str
    reason: str
    usd: float


@dataclass(frozen=True)
class _Files:
    """One day's files of a flow under one practice, with their phases under its lifecycle."""

    flow: Flow
    files: int
    file_bytes: float
    phases: tuple[Phase, ...]
    month: Mapping[str, float]  # US dollars a month for all of them, by class


@dataclass(frozen=True)
class Year:
    """The simulator: a price book, a region, and the lake's age at the start of the year."""

    book: PriceBook
    region: str
    history_days: int = 730

    def bill(self, flows: Iterable[Flow], practice: Practice, before: Practice | None = None) -> list[Charge]:
        """Return the year's charges. `before` is how the lake ran until the year began; by default as in the year.

        A changed practice moves old cohorts by its lifecycle on the first day, at a cost. It rewrites none of them.

        Raises:
            ConfigError: a price is missing, or the lifecycle archives what jobs still read.
        """
        totals: dict[tuple[str, str], float] = {}
        for flow in flows:
            new = self._files(flow, practice, practice)
            old = new if before is None else self._files(flow, before, practice)
            for day in range(-self.history_days, DAYS):
                charges = self._day(new if day >= 0 else old, day, practice, late=before is not None and day < 0)
                for reason, usd in charges:
                    totals[flow.table, reason] = totals.get((flow.table, reason), 0.0) + usd
        return [Charge(table, reason, usd) for (table, reason), usd in sorted(totals.items()) if usd]

    def _files(self, flow: Flow, written: Practice, practice: Practice) -> _Files:
        files = min(written.files_per_day.get(flow.layer, FOREVER), flow.files_per_day)
        size = flow.mb_per_day * written.bytes_factor.get(flow.layer, 1.0) * _MB / files
        phases = tuple(practice.lifecycle.get(flow.layer, SimulatedRule()).lifecycle.phases(int(size)))
        names = {"STANDARD", *(phase.storage_class for phase in phases)}
        month = {name: self.book.stored_per_month(self.region, name, int(size)) * files for name in names}
        return _Files(flow, files, size, phases, month)

    def _day(self, files: _Files, day: int, practice: Practice, *, late: bool) -> Iterator[tuple[str, float]]:
        """Return the cost of one day's files in the year; `day` counts from its first, negative before it."""
        yield from self._life(files, day, late=late)
        yield from self._reads(files, day)
        yield from self._waste(files, day, practice)
        if day >= 0:
            yield "requests", files.files * (1 + files.flow.rewrites) * self._price("STANDARD").put / 1000

    def _life(self, files: _Files, day: int, *, late: bool) -> Iterator[tuple[str, float]]:
        """Yield storage in each class, transitions, and minimum durations charged after a transition."""
        for number, phase in enumerate(files.phases):
            name, start, end = phase.storage_class, day + phase.start, day + phase.end
            if late:  # the rules start on the first day: until then all objects were in STANDARD
                start = max(start, 0)
            if end <= 0 or start >= min(end, DAYS):
                continue
            days = min(end, DAYS) - max(start, 0)
            yield f"storage {name}", files.month[name] * days * _MONTHS_A_DAY
            if number and start >= 0:
                yield "transitions", files.files * self._price(name).transition / 1000
            short = self.book.rules(name).minimum_days - (end - start)
            if short > 0 and end < DAYS:
                yield "early deletion", files.month[name] * short * _MONTHS_A_DAY

    def _reads(self, files: _Files, day: int) -> Iterator[tuple[str, float]]:
        previous = 0
        for until, a_day in files.flow.reads:
            for phase in files.phases:
                first, last = max(previous, phase.start), min(until, phase.end)
                days = min(day + last, DAYS) - max(day + first, 0)
                if first >= last or days <= 0:
                    continue
                if self.book.rules(phase.storage_class).archived:
                    raise ConfigError(
                        f"`{files.flow.table}` is read {a_day} times a day at an age of {first} to {last} days. The lifecycle "
                        f"has it in {phase.storage_class} by then, which cannot be read. Nothing was computed. Archive it "
                        "later."
                    )
                price, times = self._price(phase.storage_class), days * a_day * files.files
                yield "requests", times * price.get / 1000
                yield "retrieval", times * files.file_bytes / GIB * price.retrieval
            previous = until

    def _waste(self, files: _Files, day: int, practice: Practice) -> Iterator[tuple[str, float]]:
        """Yield the cost of replaced versions and of failed attempts' leftovers; both stay in STANDARD."""
        daily = files.month["STANDARD"] * _MONTHS_A_DAY
        for nth in range(1, files.flow.rewrites + 1):
            yield "old versions", daily * _within_year(day + nth, practice.old_versions_days)
        written = practice.leftovers_share * (1 + files.flow.rewrites)
        yield "leftovers", daily * written * _within_year(day, practice.leftovers_days)

    def _price(self, name: str) -> ClassPrices:
        return self.book.price(self.region, name)


def total(charges: Iterable[Charge]) -> float:
    """Return US dollars a year."""
    return sum(charge.usd for charge in charges)


@dataclass(frozen=True)
class Step:
    """One change between the old practice and the new one, and its own saving."""

    name: str
    usd_after: float
    saved: float
    share: float


def waterfall(
    year: Year, flows: Sequence[Flow], start: Practice, changes: Mapping[str, Mapping[str, object]], *, switch: bool
) -> list[Step]:
    """Return the bill after each change, added to the ones before. `share` is of the first bill, so shares add up.

    With `switch`, the lake used the practice `start` until the year began. Only the year uses the new practice.
    """
    first = previous = total(year.bill(flows, start))
    steps, practice = [Step("as it was", first, 0.0, 0.0)], start
    for name, change in changes.items():
        practice = Practice.model_validate({**practice.model_dump(), **change})
        usd = total(year.bill(flows, practice, before=start if switch else None))
        steps.append(Step(name, usd, previous - usd, (previous - usd) / first))
        previous = usd
    return steps


def _within_year(start: int, days: int) -> int:
    return max(min(start + days, DAYS) - max(start, 0), 0)


class Scenario(_Part):
    """A file that describes a year: the flows, the lake's practice, and the changes to simulate in order."""

    description: str
    history_days: int = Field(730, ge=0)
    flows: tuple[Flow, ...]
    before: Practice = Practice()
    changes: Mapping[str, Mapping[str, Any]]


EXAMPLE = Path(__file__).parent / "example_year.yml"


def load_scenario(path: Path = EXAMPLE) -> Scenario:
    """Read a scenario.

    Raises:
        ConfigError: the file is missing, no YAML, or has a wrong field; names both.
    """
    with explained_file(f"The scenario `{path}`", "Nothing was computed."):
        return Scenario.model_validate(read_yaml(path))

"""Cost and saving of each move of objects to a colder class.

A move loses money if the object stays too short for the transition fee, or for the class's minimum duration or minimum
size. It also loses money if reading the object costs more than its storage saved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lakeworks.prices.book import GIB, PriceBook, RestorePrice

_DAYS_A_MONTH = 365 / 12
# How long `lakeworks restore` keeps a copy in STANDARD, which is billed beside the archived object.
RESTORED_DAYS = 7
# S3 leaves smaller objects where they are, whatever the rule (S3 user guide, "Constraints and considerations for transitions").
SMALLEST_MOVED = 131_072


@dataclass(frozen=True)
class Move:
    """A transition, days after the object was written."""

    days: int
    storage_class: str


@dataclass(frozen=True)
class Objects:
    """Number and size of the objects under a prefix; S3 does not move the `small` ones."""

    count: int
    size: int
    small: int = 0
    small_size: int = 0

    @property
    def moved(self) -> "Objects":
        """Return the objects that S3 moves."""
        return Objects(self.count - self.small, self.size - self.small_size)

    @property
    def mean(self) -> int:
        """Return the mean size in bytes."""
        return round(self.size / self.count) if self.count else 0


@dataclass(frozen=True)
class TieringVerdict:
    """One move's arithmetic in US dollars, for `objects` objects over the `days` they stay in the class."""

    move: Move
    previous: str
    objects: Objects
    days: int
    stay: float
    transition: float
    storage: float
    minimum_duration: float
    reads: float
    stay_reads: float
    break_even_reads: float | None
    restore_hours: float | None = None  # the wait before each read of an archived object; None for other classes

    @property
    def saving(self) -> float:
        """Return the saving; negative if the move loses money."""
        return self.stay + self.stay_reads - self.transition - self.storage - self.minimum_duration - self.reads

    def __str__(self) -> str:
        """Return the whole calculation on one line."""
        cost = self.transition + self.storage + self.minimum_duration + self.reads
        parts = [f"transition ${self.transition:,.4f}", f"storage ${self.storage:,.4f}"]
        parts += [f"minimum duration ${self.minimum_duration:,.4f}"] if self.minimum_duration else []
        parts += [f"reads ${self.reads:,.4f}"] if self.reads else []
        result = f"saves ${self.saving:,.4f}" if self.saving >= 0 else f"loses ${-self.saving:,.4f}"
        limit = (
            f"; pays while less than {self.break_even_reads:.0%} of it is read a month" if self.break_even_reads else ""
        )
        if self.restore_hours is not None and self.reads:
            limit += (
                f"; must be restored before every read: up to {self.restore_hours:g} h, then {RESTORED_DAYS} days of a copy "
                "in STANDARD"
            )
        return (
            f"{self.previous} -> {self.move.storage_class} at day {self.move.days}, {self.objects.count:,} objects of "
            f"{_size(self.objects.mean)} for {self.days} days: staying ${self.stay + self.stay_reads:,.4f}, "
            f"moving {' + '.join(parts)} = ${cost:,.4f}: {result}{limit}"
        )


def judge(
    book: PriceBook,
    region: str,
    moves: Sequence[Move],
    objects: Objects,
    *,
    life_days: int,
    reads_per_month: float = 0.0,
) -> list[TieringVerdict]:
    """Return the verdict on each move of a rule, compared with staying in the class before it.

    `objects` are those S3 would move (see `Objects.moved`). `life_days` is their age at deletion, or the horizon to compute.
    `reads_per_month` is the share of the bytes (and of the objects) read per month after the move.

    Raises:
        ConfigError: the price book lacks the region or a class.
    """
    return list(_verdicts(book, region, moves, objects, life_days, reads_per_month))


def _verdicts(
    book: PriceBook, region: str, moves: Sequence[Move], objects: Objects, life_days: int, reads: float
) -> Iterator[TieringVerdict]:
    previous = "STANDARD"
    ends = [move.days for move in moves[1:]] + [life_days]
    for move, end in zip(moves, ends, strict=True):
        days = max(end - move.days, 0)
        months, short = days / _DAYS_A_MONTH, max(book.rules(move.storage_class).minimum_days - days, 0)
        stored = objects.count * book.stored_per_month(region, move.storage_class, objects.mean)
        all_read = months * _read_once(book, region, move.storage_class, objects)
        stay_read = months * _read_once(book, region, previous, objects)
        stay = objects.count * book.stored_per_month(region, previous, objects.mean) * months
        transition = objects.count * book.price(region, move.storage_class).transition / 1000
        minimum = stored * short / _DAYS_A_MONTH
        unread = stay - transition - stored * months - minimum
        limit = unread / (all_read - stay_read) if unread > 0 and all_read > stay_read else None
        yield TieringVerdict(
            move,
            previous,
            objects,
            days,
            stay,
            transition,
            stored * months,
            minimum,
            reads * all_read,
            reads * stay_read,
            limit,
            _restore(book, region, move.storage_class)[1],
        )
        previous = move.storage_class


def _read_once(book: PriceBook, region: str, storage_class: str, objects: Objects) -> float:
    """Return the cost of reading every object once: requests, retrieval, and the restored copy of archived ones."""
    restore, hours = _restore(book, region, storage_class)
    copy = 0.0
    if hours is not None:
        month = objects.count * book.stored_per_month(region, "STANDARD", objects.mean)
        copy = month * RESTORED_DAYS / _DAYS_A_MONTH
    requests = objects.count * (book.price(region, storage_class).get + restore.request) / 1000
    return requests + objects.size / GIB * restore.retrieval + copy


def _restore(book: PriceBook, region: str, storage_class: str) -> tuple[RestorePrice, float | None]:
    """Return the price of reading a class back, and the hours of waiting; None for classes that are read at once.

    A bulk restore of GLACIER is free, but who reads regularly does not wait half a day: the standard tier is priced if the
    book has it.
    """
    rules = book.rules(storage_class)
    for tier in ("standard", "bulk") if rules.archived else ():
        price = book.restore_price(region, storage_class, tier)
        if price is not None and tier in rules.tiers:
            return price, rules.tiers[tier]
    price_of_class = book.price(region, storage_class)
    return RestorePrice(retrieval=price_of_class.retrieval, request=price_of_class.restore_request), None


def _size(count: int) -> str:
    for unit, factor in (("GB", GIB), ("MB", 1024**2), ("KB", 1024)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count} bytes"

"""Exclusions: ranges of a table that plans of changed code and backfills leave out, each with a person's reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import Field

from lakeworks.core.layout import exclusions_prefix
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import ConfigError, LakeNotFound, LostRace, PartitionKeyError
from lakeworks.ledger.named_documents import NamedDocument, NamedDocuments
from lakeworks.s3.object_store import ObjectStore

ALL = "all"
_ADVICE = "is not an exclusion: {problem}. Nothing was changed. See docs/plan.md"


class Exclusion(NamedDocument):
    """One excluded range of one table: no plan and no backfill builds it until it is lifted."""

    table: str
    first: str = Field("", description="First period; empty: the whole table.")
    last: str = Field("", description="Last period, included; empty: the whole table.")
    reason: str
    created_by: str = ""
    created_at: datetime

    @classmethod
    def of(cls, table: str, span: str, reason: str, by: str, now: datetime) -> "Exclusion":
        """Make one of a range as a person types it.

        Raises:
            PartitionKeyError: a key is no period, or the range runs backwards.
        """
        first, last = parse_range(span)
        name = _name(table, span)
        return cls(name=name, table=table, first=first, last=last, reason=reason, created_by=by, created_at=now)

    @property
    def range(self) -> str:
        """The range as a person types it."""
        return ALL if not self.first else self.first if self.first == self.last else f"{self.first}..{self.last}"

    @property
    def why(self) -> str:
        """The reason, with who excluded the range and when."""
        by = f" by {self.created_by}" if self.created_by else ""
        return f"{self.reason} (excluded{by} on {self.created_at:%Y-%m-%d})"

    def covers(self, period: Period | None) -> bool:
        """Return True if a period lies at least partly in the range. Only a whole table covers what has no time."""
        if not self.first:
            return True
        begin, end = Period.parse(self.first), Period.parse(self.last)
        return period is not None and period.start < end.end and period.end > begin.start

    def holds(self, partition: Partition, run_period: str) -> bool:
        """Return True if a partition, or the run that would build it again, lies at least partly in the range."""
        return self.covers(partition.period) or self.covers(Period.find(run_period))

    def as_dict(self) -> dict[str, Any]:
        """Return a row for people and programs."""
        created = f"{self.created_at:%Y-%m-%d %H:%M}"
        return {
            "table": self.table,
            "range": self.range,
            "reason": self.reason,
            "by": self.created_by,
            "created": created,
        }


@dataclass(frozen=True)
class ExclusionRegister:
    """The exclusions of a lake, or of a tenant's share of it: a document each, written if it is not there."""

    store: ObjectStore

    @property
    def documents(self) -> NamedDocuments[Exclusion]:
        """The documents as they are stored."""
        return NamedDocuments(self.store, exclusions_prefix(), Exclusion, _ADVICE)

    def add(self, exclusion: Exclusion) -> None:
        """Keep a new exclusion.

        Raises:
            ConfigError: the range is excluded already; the first reason stays.
        """
        try:
            self.documents.create(exclusion)
        except LostRace as error:
            raise ConfigError(
                f"{exclusion.table}:{exclusion.range} is excluded already. Nothing was changed. See: lakeworks plan exclusions"
            ) from error

    def lift(self, table: str, span: str) -> Exclusion:
        """Remove an exclusion and return it.

        Raises:
            LakeNotFound: there is none of this range.
            LostRace: another process changed it just now.
        """
        try:
            seen = self.documents.read(_name(table, span))
        except LakeNotFound as error:
            known = ", ".join(f"{item.table}:{item.range}" for item in self.all()) or "none"
            raise LakeNotFound(
                f"{table}:{span} is not excluded. Nothing was changed. Excluded ranges: {known}."
            ) from error
        self.documents.remove(seen)
        return seen.document

    def all(self) -> Iterator[Exclusion]:
        """Yield every exclusion, by table and range.

        Raises:
            LedgerCorrupt: one does not parse.
        """
        return (seen.document for seen in self.documents.all())


def _name(table: str, span: str) -> str:
    """Return the name of a range's document."""
    first, last = parse_range(span)
    return f"{table}/{first}_{last}" if first else f"{table}/{ALL}"


def parse_range(text: str) -> tuple[str, str]:
    """Read a range: `2019-01`, `2019-01..2019-06`, or `all` for a whole table, which gives two empty keys.

    Raises:
        PartitionKeyError: a key is no period, or the range runs backwards.
    """
    if text == ALL:
        return "", ""
    first, _, last = text.partition("..")
    begin, end = Period.parse(first), Period.parse(last or first)
    if end.end <= begin.start:
        raise PartitionKeyError(f"`{text}` runs backwards. Nothing was changed. Type the earlier period first.")
    return first, last or first


def parse_exclusion(text: str) -> tuple[str, str]:
    """Split `<table>:<range>`.

    Raises:
        ConfigError: it has no range.
    """
    table, colon, span = text.partition(":")
    if not (table and colon and span):
        raise ConfigError(
            f"`{text}` names no range. Nothing was changed. Type <table>:<range>, such as "
            "silver.transport.trips:2019-01..2019-06, or <table>:all."
        )
    return table, span

"""Applied plans: what a person started, with its estimate, so that it can be held against what the runs then took."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from pydantic import Field

from lakeworks.changes.costs import Estimate
from lakeworks.changes.plans import TablePlan
from lakeworks.core.layout import applied_plans
from lakeworks.errors import FencedError, LakeNotFound, LostRace
from lakeworks.ledger.document import Record
from lakeworks.ledger.named_documents import NamedDocument, NamedDocuments, SeenDocument
from lakeworks.s3.object_store import ObjectStore

# A process that starts a plan says so at least this often; if it does not, it is taken for dead.
ALIVE_FOR = timedelta(minutes=10)
_ADVICE = "is not an applied plan: {problem}. Nothing was changed. An earlier version of the object may be intact"
PlanState = Literal["starting", "started", "stopped"]


class AppliedTable(Record):
    """One table of an applied plan, and its estimate."""

    table: str
    periods: tuple[str, ...]
    partitions: int
    rows: int
    bytes: int
    seconds: float | None = None
    writes: int | None = None
    reads: int | None = None
    scanned: int = 0
    usd: float | None = None


class AppliedStage(Record):
    """The runs of one DAG."""

    dag: str
    tables: tuple[str, ...]
    periods: int
    backfill: str = Field("", description="Name of the backfill; empty: not started, or there was nothing to start.")


class AppliedPlan(NamedDocument):
    """The document. Its number makes it one more than the plan before: two people cannot write the same."""

    number: int
    fingerprint: str
    created_by: str = ""
    created_at: datetime
    seen_at: datetime = Field(description="Last sign of life of the process that starts it.")
    state: PlanState = "starting"
    requests: int = Field(0, description="Estimated requests to vendors.")
    tables: tuple[AppliedTable, ...]
    stages: tuple[AppliedStage, ...] = ()


StoredPlan = SeenDocument[AppliedPlan]


@dataclass(frozen=True)
class PlanRegister:
    """The applied plans of a lake, by number."""

    store: ObjectStore

    @property
    def documents(self) -> NamedDocuments[AppliedPlan]:
        """The documents as they are stored."""
        return NamedDocuments(self.store, applied_plans(), AppliedPlan, _ADVICE)

    def numbers(self) -> list[int]:
        """Return the numbers of all applied plans, in order."""
        return sorted(int(name) for name in self.documents.names() if name.isdecimal())

    def read(self, name: str) -> StoredPlan:
        """Return a plan by its number, or the `last` one.

        Raises:
            LakeNotFound: there is none.
            LedgerCorrupt: it does not parse.
        """
        numbers = self.numbers()
        number = numbers[-1] if name == "last" and numbers else int(name) if name.isdecimal() else 0
        if number not in numbers:
            there = f"{numbers[0]} to {numbers[-1]}" if numbers else "none"
            raise LakeNotFound(f"There is no applied plan `{name}`. Nothing was changed. Applied plans: {there}.")
        return self.documents.read(plan_name(number))

    def all(self) -> Iterator[AppliedPlan]:
        """Yield every applied plan, by number."""
        for number in self.numbers():
            yield self.read(str(number)).document

    def next_number(self) -> int:
        """Return the number of the next plan, if no one else is starting one.

        Raises:
            FencedError: another process is starting a plan right now.
        """
        numbers = self.numbers()
        if not numbers:
            return 1
        newest = self.read(str(numbers[-1])).document
        if newest.state == "starting" and self.store.now() < newest.seen_at + ALIVE_FOR:
            raise FencedError(
                f"Plan {newest.number} of {newest.created_by or 'another process'} is being started since "
                f"{newest.created_at:%Y-%m-%d %H:%M} UTC. Nothing was started. Look: lakeworks plan show {newest.number}; then "
                "plan again."
            )
        return newest.number + 1

    def create(self, plan: AppliedPlan) -> StoredPlan:
        """Write a new plan.

        Raises:
            FencedError: another person applied a plan since `next_number`; nothing was written.
        """
        try:
            return self.documents.create(plan)
        except LostRace as error:
            raise FencedError(
                f"Another person applied plan {plan.number} since this plan was made. Nothing was started. Look: "
                f"lakeworks plan show {plan.number}; then plan again."
            ) from error

    def replace(self, seen: StoredPlan, plan: AppliedPlan) -> StoredPlan:
        """Replace a plan that no one changed since it was read.

        Raises:
            LostRace: another process changed it; nothing was written.
        """
        return self.documents.replace(seen, plan)


def plan_fingerprint(plans: Sequence[TablePlan]) -> str:
    """Return a short hash of a plan: its tables, changes, and the publications that it would build again or leaves out."""
    lines = []
    for item in plans:
        changes = "; ".join(f"{change.kind} {change.column} {change.what}" for change in item.changes)
        lines.append(f"{item.contract.name} {item.contract.version} {changes}")
        lines += sorted(f"{part.path} {known.publication} {known.code}" for part, known in item.rebuilt.items())
        lines += sorted(f"excluded {part.path} {why}" for part, why in item.excluded.items())
    return sha256("\n".join(lines).encode()).hexdigest()[:12]


def applied_table(item: TablePlan, cost: Estimate) -> AppliedTable:
    """Return a planned table as its document keeps it."""
    return AppliedTable(
        table=item.contract.name,
        periods=tuple(map(str, item.periods)),
        partitions=cost.partitions,
        rows=cost.rows,
        bytes=cost.bytes,
        seconds=cost.seconds,
        writes=cost.writes,
        reads=cost.reads,
        scanned=cost.scanned,
        usd=cost.usd,
    )


def plan_name(number: int) -> str:
    """Return the name of a plan's document; names sort as numbers do."""
    return f"{number:08d}"

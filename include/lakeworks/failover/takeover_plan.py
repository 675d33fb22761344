"""Plan of a takeover: for every partition the newest publication that is whole here, and why no newer one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.failover.beginnings import Beginnings
from lakeworks.failover.delivered_entries import Delivered, DeliveredLedger
from lakeworks.failover.delivered_objects import DeliveredObjects
from lakeworks.failover.delivered_runs import DeliveredRuns, newest_run_numbers
from lakeworks.lake import Lake
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.placement import SEQUENCE
from lakeworks.ledger.run_numbers import RunNumbers
from lakeworks.s3.object_store import ObjectStore, StoredObject

TakeoverOutcome = Literal["newest", "older", "none"]


@dataclass
class PartitionChoice:
    """One partition: the publication that becomes live, and the newer numbers that do not."""

    partition: Partition
    chosen: Delivered | None = None
    passed: list[Delivered] = field(default_factory=list)
    behind: int = 0  # the newest publication of the primary, if it is newer than the chosen one

    @property
    def outcome(self) -> TakeoverOutcome:
        """Return `newest`, `older` where a newer publication is not usable here, or `none` where no publication is."""
        if self.chosen is None:
            return "none"
        return "older" if self.reasons or self.behind else "newest"

    @property
    def reasons(self) -> list[str]:
        """Return why each newer publication is not used."""
        return [f"publication {item.seq}: {item.reason}" for item in self.passed if item.reason]

    def as_row(self, table: str) -> dict[str, Any]:
        """Return a row for people and programs."""
        why = [*self.reasons, *([f"publication {self.behind} has not arrived"] if self.behind else [])]
        return {
            "table": table,
            "partition": str(self.partition),
            "outcome": self.outcome,
            "publication": self.chosen.seq if self.chosen else None,
            "rows": self.chosen.entry.rows if self.chosen and self.chosen.entry else 0,
            "why": "; ".join(why),
        }


@dataclass(frozen=True)
class TableChoices:
    """The plan for one table of one share: its partitions, stray objects, and run numbers."""

    contract: Contract
    partitions: Sequence[PartitionChoice]
    strays: Sequence[StoredObject]
    runs: RunNumbers
    tenant: str = ""

    @property
    def name(self) -> str:
        """Return the table's name, with its tenant."""
        return f"{self.tenant}/{self.contract.name}" if self.tenant else self.contract.name

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return a row per partition, and one for each object that no publication names."""
        strays = [
            {
                "table": self.name, "partition": "", "outcome": "stray", "publication": None, "rows": None,
                "why": f"`{item.key}` is of no publication that becomes live; it is removed, its version stays",
            }
            for item in self.strays
        ]  # fmt: skip
        return [*(item.as_row(self.name) for item in self.partitions), *strays]


def plan_table(
    lake: Lake, contract: Contract, takeovers: Sequence[int], primary: ObjectStore | None = None, *, deep: bool = False
) -> TableChoices:
    """Find what a takeover would make live in a table. Changes nothing.

    Args:
        lake: the lake at the bucket that would take over.
        contract: the table's contract.
        takeovers: the epochs so far that began with a takeover.
        primary: the present primary, if it answers: what it published and did not deliver is then known.
        deep: read and hash the bytes of every object.

    Raises:
        LakeNotFound: it cannot be decided, because the begin of an epoch is not known here.
    """
    numbers = lake.ledger.numbers(contract.table)
    stores = [lake.store, *([primary] if primary else [])]
    delivered = DeliveredLedger(
        lake.ledger, contract.table, Beginnings(stores, contract.table, takeovers), DeliveredObjects(lake.store, deep)
    )
    searches = [_Search(PartitionChoice(part), delivered.newest_first(part, taken)) for part, taken in numbers.items()]
    lake.store.map(_Search.advance, searches)
    runs = newest_run_numbers(lake.store, contract.table)
    _keep_runs_whole(lake, searches, DeliveredRuns(lake.store, runs, numbers, delivered.document))
    choices = [search.choice for search in searches]
    if primary:
        choices = _compared(choices, Ledger(primary), contract)
    tenant = str(lake.tenant) if lake.tenant else ""
    return TableChoices(contract, choices, list(_strays(lake, contract, choices)), runs, tenant)


@dataclass
class _Search:
    """The search through one partition's numbers."""

    choice: PartitionChoice
    numbers: Iterator[Delivered]

    def advance(self) -> None:
        """Go on to the next publication that is whole; without one, nothing is chosen."""
        self.choice.chosen = None
        for item in self.numbers:
            if item.standing == "complete":
                self.choice.chosen = item
                return
            self.choice.passed.append(item)


def _keep_runs_whole(lake: Lake, searches: Sequence[_Search], runs: DeliveredRuns) -> None:
    """Pass over the publications of runs that are not whole, until every run that is left is."""
    while True:
        chosen = {search.choice.partition: search.choice.chosen for search in searches}
        broken = []
        for search in searches:
            current = search.choice.chosen
            if current and current.entry and (reason := runs.missing(current.entry, chosen)):
                search.choice.passed.append(current.broken(reason))
                broken.append(search)
        if not broken:
            return
        lake.store.map(_Search.advance, broken)


def _compared(choices: Sequence[PartitionChoice], primary: Ledger, contract: Contract) -> list[PartitionChoice]:
    """Add what the primary has and did not deliver."""
    known = {item.partition: item for item in choices}
    for partition, numbers in primary.numbers(contract.table).items():
        choice = known.setdefault(partition, PartitionChoice(partition))
        have = choice.chosen.seq if choice.chosen else 0
        newer = [number for number in numbers if number > have]
        newest = primary.newest(contract.table, partition, newer) if newer else None
        choice.behind = newest.entry.seq if newest else 0
    return [known[partition] for partition in sorted(known, key=str)]


def _strays(lake: Lake, contract: Contract, choices: Sequence[PartitionChoice]) -> Iterator[StoredObject]:
    """Yield our objects at plain keys that no chosen publication names: readers of the plain path would read them."""
    chosen = [choice.chosen.entry for choice in choices if choice.chosen and choice.chosen.entry]
    named = {item.key for entry in chosen for item in entry.objects}
    for listed in lake.store.scan(f"{contract.table.path}/"):
        folder = listed.key.removeprefix(f"{contract.table.path}/")
        if listed.key not in named and listed.size and not folder.startswith("_"):
            head = lake.store.head(listed.key)
            if head and SEQUENCE in head.metadata:
                yield head

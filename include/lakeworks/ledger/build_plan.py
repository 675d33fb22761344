"""Plan of a build on another engine: the SQL in that engine's dialect, and the exact publications it reads.

The plan follows from ledger, contract and period alone. The same plan made again after the build therefore proves that the
engine read what is still live.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import Field

from lakeworks.core.layout import staging_prefix
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeError, LakeNotFound
from lakeworks.ledger.document import Record, StoredDocument
from lakeworks.ledger.entry import LiveObject
from lakeworks.ledger.run_record import Input, Run
from lakeworks.s3.object_store import ObjectStore

PLAN = "plan.json"
EngineName = Literal["spark", "athena"]


class PlannedPartition(Record):
    """One partition of an input: its publication, and the objects to read."""

    partition: str = Field(description="Hive path; empty for an unpartitioned table.")
    seq: int
    content: str
    schema_fingerprint: str = Field(description="Partitions with another one have files with other column types.")
    layout: Literal["plain", "versioned"]
    location: str = Field(description="Key prefix to which the catalog points.")
    objects: tuple[LiveObject, ...]

    @property
    def rows(self) -> int:
        """Rows over all objects."""
        return sum(item.rows for item in self.objects)

    @property
    def parsed(self) -> Partition:
        """The partition."""
        return Partition.parse(self.partition)


class PlannedInput(Record):
    """One table that the SQL reads."""

    name: str
    view: str = Field(description="The table's name in the SQL.")
    columns: dict[str, str] = Field(description="Columns of the contract with their Glue types.")
    path_columns: tuple[str, ...] = Field((), description="Columns whose values are only in the partition's path.")
    partitions: tuple[PlannedPartition, ...]

    @property
    def rows(self) -> int:
        """Rows over all partitions."""
        return sum(item.rows for item in self.partitions)

    def publications(self) -> tuple[Input, ...]:
        """Return the publications as a run's record names them."""
        return tuple(
            Input(name=self.name, partition=item.partition, seq=item.seq, content=item.content)
            for item in self.partitions
        )


class BuildPlan(StoredDocument):
    """One attempt's build of one period on another engine."""

    table: str
    period: str
    run: Run
    engine: EngineName
    sql: str = Field(description="One SELECT in the engine's dialect, with the period's values.")
    inputs: tuple[PlannedInput, ...]

    @property
    def prefix(self) -> str:
        """Return the prefix of everything that the attempt stages."""
        return staging_prefix(TableName.parse(self.table), Period.parse(self.period), self.run.key)

    @property
    def output(self) -> str:
        """Return the prefix of the rows that the engine writes."""
        return f"{self.prefix}built/"

    @property
    def key(self) -> str:
        """Return the key of the plan."""
        return f"{self.prefix}{PLAN}"

    @property
    def result_key(self) -> str:
        """Return the key of the engine's own account of what it wrote, for engines that write one."""
        return f"{self.prefix}built.json"

    @property
    def where(self) -> str:
        """Table and period for messages."""
        return f"`{self.table}` {self.period}"

    def reads_same(self, other: "BuildPlan") -> bool:
        """Return whether another plan has the same SQL over the same publications."""
        return (self.sql, self.inputs) == (other.sql, other.inputs)

    def save(self, store: ObjectStore) -> "BuildPlan":
        """Write it into the attempt's staging."""
        store.put(self.key, self.model_dump_json(indent=1).encode())
        return self

    @classmethod
    def load(cls, store: ObjectStore, prefix: str) -> "BuildPlan | None":
        """Read the plan of an attempt; None if it has none."""
        try:
            body, _ = store.get(f"{prefix}{PLAN}")
        except LakeNotFound:
            return None
        return cls.read(body, store.uri(f"{prefix}{PLAN}"), "is no plan: {problem}. Run the write step again.")


class BuiltFile(Record):
    """One file that an engine wrote."""

    name: str
    size: int | None = Field(None, description="None: the engine names its files only.")


class BuiltRows(Record):
    """Files that an engine wrote; `rows` is its own count, None if it gives none."""

    files: tuple[BuiltFile, ...]
    rows: int | None = None
    engine: str = Field(description="Name and version of the engine.")


@dataclass(frozen=True)
class BuildEnd:
    """The end of a build. Without an error the rows are there."""

    error: LakeError | None = None


class RemoteEngine(Protocol):
    """An engine outside this process: started, looked at until it ends, stopped if the wait ends early."""

    @property
    def name(self) -> EngineName:
        """Return the name as contracts write it."""

    @property
    def detached(self) -> bool:
        """Return False if the build runs on this machine and ends with the process that started it."""

    @property
    def keeps_microseconds(self) -> bool:
        """Return False if timestamps are read in milliseconds."""

    def start(self, plan: BuildPlan, store: ObjectStore) -> str:
        """Start the build of a saved plan and return its id. A repeated start of one attempt returns the same id."""

    def ended(self, build: str, plan: BuildPlan, store: ObjectStore) -> BuildEnd | None:
        """Return the end of a build; None while it runs."""

    def stop(self, build: str) -> None:
        """Stop a build. A build that has ended is no error."""

    def built(self, build: str, plan: BuildPlan, store: ObjectStore) -> BuiltRows:
        """Return the files that a build without an error wrote."""

"""Record of an attempt: written beside the staged files. The steps write, audit and publish pass it on by its key.

The same record, completed, becomes the run's entry in the ledger: row balance, inputs, audit.
"""

import hashlib
import logging
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from lakeworks.core.layout import run_key, safe_id, staging_prefix
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeNotFound, LedgerCorrupt
from lakeworks.ledger.document import Record, StoredDocument
from lakeworks.s3.listed.names import listed_etag
from lakeworks.s3.object_store import ObjectStore

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
# Added to the attempt's number if its publish step builds once more.
_REBUILT = 1000


class Run(Record):
    """A run of the scheduler or of the command line, and the number of its attempt."""

    id: str
    started_at: datetime = Field(description="Start of the run (not of the try); UTC.")
    attempt: int = Field(1, ge=1)

    @property
    def key(self) -> str:
        """A key part that no other attempt has."""
        return f"{safe_id(self.id)}.{self.attempt}"

    @classmethod
    def by_hand(cls, act: str, after: "Run", name: str = "") -> "Run":
        """Return a person's action on a run's publication: right after that run in the order of runs, whatever the clock.

        Without a name of its own it gets the time for people, and a random part, because two actions may have the same time.
        """
        name = name or f"{act}__{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        return cls(id=name, started_at=after.started_at + timedelta(microseconds=1))

    def again(self) -> "Run":
        """Return the same try for one more build, because an input changed before it was published."""
        return self.model_copy(update={"attempt": self.attempt + _REBUILT})

    @property
    def order(self) -> str:
        """Later runs sort after earlier ones, and later tries after earlier tries of the same run."""
        return f"{self.started_at:%Y-%m-%dT%H:%M:%S.%fZ}/{self.attempt:04d}"


class Input(Record):
    """A publication (or landing object) that was read."""

    name: str = Field(description="Table name or landing key.")
    partition: str = ""
    seq: int | None = None
    content: str = Field(description="Content hash of the input.")
    as_found: bool = Field(False, description="True if a later publication of it makes nothing stale.")


def inputs_fingerprint(publications: Iterable[tuple[str, str, int]]) -> str:
    """Return a short hash of the input publications (table, partition path, number); empty for none."""
    lines = sorted(f"{table}|{partition}|{number}" for table, partition, number in publications)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] if lines else ""


def followed_inputs(inputs: Iterable[Input]) -> str:
    """Return the hash of those inputs of a run whose later publications make its partitions stale."""
    return inputs_fingerprint(
        (item.name, item.partition, item.seq) for item in inputs if item.seq is not None and not item.as_found
    )


class StagedObject(Record):
    """One staged Parquet object."""

    key: str
    size: int
    sha256: str
    rows: int


class StagedPartition(Record):
    """A partition's staged objects, in order."""

    partition: str = Field(description="Hive path; empty for an unpartitioned table.")
    objects: tuple[StagedObject, ...]

    @property
    def rows(self) -> int:
        """Rows over all objects."""
        return sum(item.rows for item in self.objects)

    @property
    def content(self) -> str:
        """One hash for the partition's content: the objects' own, in order."""
        return "+".join(item.sha256 for item in self.objects)

    @property
    def parsed(self) -> Partition:
        """The partition."""
        return Partition.parse(self.partition)


class RowBalance(Record):
    """rows read = staged + quarantined + deduplicated."""

    read: int
    staged: int
    quarantined: int = 0
    deduplicated: int = 0
    broken: dict[str, int] = Field(default_factory=dict, description="Rows per broken rule; a row may break several.")


class ExtraColumn(Record):
    """A column that arrived without being in the contract and was kept."""

    name: str
    type: str


class ApprovalJudgement(Record):
    """The result of the contract's `approval` over staged rows: why they wait for a person, if they do."""

    reasons: tuple[str, ...] = ()
    live: dict[str, int] = Field(
        description="The publication of each partition that they were compared with (0: none)."
    )


class RunRecord(StoredDocument):
    """One attempt's staged output."""

    table: str
    period: str
    run: Run
    contract_version: str
    schema_fingerprint: str
    balance: RowBalance
    partitions: tuple[StagedPartition, ...]
    touched: dict[str, int] | None = Field(
        None,
        description="Partitions that a run with `late_data` rebuilt, empty ones too. Each has the publication that was "
        "live before its inputs were read (0: none). None: the run owns the partitions of its period.",
    )
    quarantine: StagedObject | None = None
    quarantined_in: dict[str, int] | None = Field(
        None,
        description="Quarantined rows of each partition that has any. Rows that name no partition of the run are in none. "
        "None: an older release did not count them.",
    )
    inputs: tuple[Input, ...] = ()
    code: str = Field("", description="Fingerprint of the code that built it; empty in records of older releases.")
    engine: str = Field("", description="Release of lakeworks and of the engine that built it, for people.")
    seconds: dict[str, float] = Field(
        default_factory=dict, description="Seconds of the steps write, audit and publish."
    )
    requests: dict[str, int] = Field(
        default_factory=dict,
        description="Requests of these steps to S3: `writes` priced as PUT, `reads` priced as GET.",
    )
    drift: tuple[str, ...] = ()
    extra_columns: tuple[ExtraColumn, ...] = ()
    audit: dict[str, Any] | None = Field(None, description="Summary; without a passed audit nothing is published.")
    judged: ApprovalJudgement | None = Field(
        None, description="The judgement by the contract's `approval`; None before it."
    )
    outcome: dict[str, int] | None = Field(None, description="Partitions per state, once published.")
    created: int = Field(0, description="Partitions that had no publication before.")

    @property
    def parsed_table(self) -> TableName:
        """The table's name."""
        return TableName.parse(self.table)

    @property
    def parsed_period(self) -> Period:
        """The run's period."""
        return Period.parse(self.period)

    @property
    def prefix(self) -> str:
        """Return the prefix of the attempt's files."""
        return staging_prefix(self.parsed_table, self.parsed_period, self.run.key)

    @property
    def key(self) -> str:
        """Return the key of the record beside the staged files."""
        return f"{self.prefix}{MANIFEST}"

    @property
    def run_key(self) -> str:
        """Return the key of the run's record once it is published."""
        return run_key(self.parsed_table, self.parsed_period, self.run.key)

    @property
    def bytes(self) -> int:
        """Bytes over all staged objects."""
        return sum(item.size for partition in self.partitions for item in partition.objects)

    def save(self, store: ObjectStore) -> "RunRecord":
        """Write it beside the staged files."""
        store.put(self.key, self.model_dump_json(indent=1).encode())
        return self


def load_run_record(store: ObjectStore, key: str) -> RunRecord:
    """Read a manifest, or the run record that a published one became.

    Raises:
        LakeNotFound: it was deleted: its attempt was published or cleaned up.
        LedgerCorrupt: it does not parse.
    """
    listed = listed_etag(key)
    try:
        body, etag = store.get_listed(key, listed)
    except LakeNotFound as error:
        raise LakeNotFound(
            f"Nothing is staged at `{store.uri(key)}`: that attempt was published or cleaned up. Live data is "
            "unchanged. Run the write step again."
        ) from error
    if listed:
        store.memory.keep(key, etag, body)
    return RunRecord.read(body, store.uri(key), "is not a manifest: {problem}. Run the write step again.")


def readable_records(store: ObjectStore, keys: Iterable[str]) -> list[RunRecord]:
    """Read run records. Leave out unreadable ones with a warning, so that they stop no other run."""

    def read(key: str) -> RunRecord | None:
        try:
            return load_run_record(store, key)
        except (LedgerCorrupt, LakeNotFound) as error:
            log.warning("A run record is left out: %s", error)
            return None

    return [record for record in store.map(read, keys) if record]

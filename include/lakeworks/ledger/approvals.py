"""Requests for a person's approval, one document for each attempt that waits or waited. The first decision stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field

from lakeworks.core.layout import approval_key, approvals_prefix
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound, LostRace
from lakeworks.ledger.document import StoredDocument
from lakeworks.ledger.entry import ApprovedBy
from lakeworks.ledger.run_record import ApprovalJudgement, Run, RunRecord
from lakeworks.s3.object_store import ObjectStore, Target

# overtaken: another run published since, or the run itself was started again.
ApprovalState = Literal["waiting", "approved", "refused", "overtaken"]
_ADVICE = "is not a request for approval: {problem}. Nothing was published. Remove it, and start the run again: it asks again."
_ATTEMPTS = 5


class ApprovalRequest(StoredDocument):
    """One attempt whose staged rows need a person's approval."""

    table: str
    period: str
    run: Run
    state: ApprovalState = "waiting"
    judged: ApprovalJudgement
    staging: str = Field(description="Prefix of the staged files.")
    page: str = Field("", description="Key of the page that compares them with the live rows.")
    task: Mapping[str, str] = Field(
        default_factory=dict, description="The task that asks: `dag_id`, `run_id`, `task_id`, `map_index`."
    )
    asked_at: datetime
    until: datetime = Field(description="Time after which no answer counts as a refusal.")
    by: str = Field("", description="The person who decided; empty if time decided.")
    at: datetime | None = None
    note: str = ""

    @property
    def key(self) -> str:
        """Return its key."""
        return approval_key(TableName.parse(self.table), self.period, self.run.key)

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Return the staged partitions."""
        return tuple(Partition.parse(path) for path in self.judged.live)

    @property
    def approved_by(self) -> ApprovedBy:
        """Return the approval as the publication records it."""
        return ApprovedBy(by=self.by, at=self.at or self.asked_at, note=self.note, reasons=self.judged.reasons)

    def waits(self, now: datetime) -> bool:
        """Return True if an answer still counts."""
        return self.state == "waiting" and now < self.until


@dataclass(frozen=True)
class Verdict:
    """The answer to a request."""

    state: ApprovalState
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True)
class ApprovalRegister:
    """The requests of a lake."""

    store: ObjectStore

    def of_table(self, table: TableName) -> list[ApprovalRequest]:
        """Return every request of a table, the oldest first.

        Raises:
            LedgerCorrupt: one does not parse.
        """
        keys = [item.key for item in self.store.scan(approvals_prefix(table))]
        found = self.store.map(lambda key: self._load(key), keys)
        return sorted((stored[0] for stored in found if stored), key=lambda request: request.asked_at)

    def find(self, manifest: RunRecord) -> ApprovalRequest | None:
        """Return an attempt's request; None if it never asked."""
        return self.at(manifest.parsed_table, manifest.period, manifest.run.key)

    def at(self, table: TableName, period: str, attempt: str) -> ApprovalRequest | None:
        """Return the request of an attempt by the parts of its key; None if it never asked."""
        stored = self._load(approval_key(table, period, attempt))
        return stored[0] if stored else None

    def ask(self, request: ApprovalRequest) -> ApprovalRequest:
        """Store a request. A repeated step finds the first one, decided or not."""
        try:
            self.store.put(Target(request.key, if_absent=True), _body(request))
        except LostRace:
            stored = self._load(request.key)
            if stored is None:
                raise
            return stored[0]
        return request

    def decide(self, request: ApprovalRequest, verdict: Verdict) -> ApprovalRequest:
        """Record a verdict and return the request; the first verdict stays. An approved request can still be overtaken.

        Raises:
            LostRace: others kept writing the document.
        """
        for _ in range(_ATTEMPTS):
            stored = self._load(request.key)
            if stored is None:
                break
            current, etag = stored
            if current.state != "waiting" and not (current.state == "approved" and verdict.state == "overtaken"):
                return current
            update = {"state": verdict.state, "by": verdict.by, "at": verdict.at, "note": verdict.note}
            decided = current.model_copy(update={"state": "overtaken"} if current.state == "approved" else update)
            try:
                self.store.put(Target(request.key, if_match=etag), _body(decided))
            except LostRace:
                continue
            return decided
        raise LostRace(
            f"`{self.store.uri(request.key)}`: the decision could not be recorded, because other processes kept changing or "
            "removed the document. Nothing was published. The next attempt looks again."
        )

    def _load(self, key: str) -> tuple[ApprovalRequest, str] | None:
        try:
            body, stored = self.store.get(key)
        except LakeNotFound:
            return None
        return ApprovalRequest.read(body, self.store.uri(key), _ADVICE), stored.etag


def _body(request: ApprovalRequest) -> bytes:
    return request.model_dump_json(indent=1).encode()

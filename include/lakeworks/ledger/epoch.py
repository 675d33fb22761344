"""The epoch of a lake: one document says which bucket may publish. A failover begins the next epoch in another bucket.

A writer reads the document before it takes a number in the ledger and once more after that. A takeover writes the
document first and reads the ledger after that. So one of the two always sees the other: either the takeover finds the
writer's number and abandons it, or the writer finds the new epoch and gives its number up (docs/adr/0038).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field

from lakeworks.core.layout import epoch_key
from lakeworks.errors import LakeNotFound, NotPrimary
from lakeworks.ledger.document import StoredDocument
from lakeworks.s3.object_store import ObjectStore, Target

FIRST = 1
_ADVICE = (
    "is not the document of the lake's epoch: {problem}. Nothing was published. An earlier version of the object may be "
    "intact; see docs/failover.md"
)
EpochState = Literal["primary", "taking over", "handed over"]


class EpochDocument(StoredDocument):
    """The bucket that may publish. S3 replication copies the document, so a copy of the lake knows that it is one."""

    epoch: int = Field(FIRST, ge=1)
    bucket: str = Field(description="The primary: the only bucket that may publish.")
    region: str
    state: EpochState = "primary"
    since: datetime = Field(description="Begin of the epoch; UTC.")
    previous: str = Field("", description="The primary of the epoch before; empty in the first epoch.")
    previous_region: str = ""
    takeovers: tuple[int, ...] = Field(
        (), description="Epochs that began with a takeover; each has a record of the publications it began with."
    )

    @property
    def primary(self) -> str:
        """Return the primary for messages."""
        return f"`s3://{self.bucket}` ({self.region})"


@dataclass(frozen=True)
class EpochRegister:
    """The document of one share of a lake: the owner's or a tenant's."""

    store: ObjectStore

    def load(self) -> tuple[EpochDocument | None, str]:
        """Return the document and its ETag; None in a lake that never had one.

        Raises:
            LedgerCorrupt: it does not parse.
        """
        try:
            body, stored = self.store.get(epoch_key())
        except LakeNotFound:
            return None, ""
        return EpochDocument.read(body, self.store.uri(epoch_key()), _ADVICE), stored.etag

    def replace(self, document: EpochDocument, etag: str) -> str:
        """Write the document over the one that was read (or over none), and return its ETag.

        Raises:
            LostRace: another process changed it meanwhile.
        """
        target = Target(epoch_key(), if_match=etag) if etag else Target(epoch_key(), if_absent=True)
        return self.store.put(target, document.model_dump_json(indent=1).encode()).etag

    def require(self, begun_in: int | None = None) -> int:
        """Return the epoch in which this bucket publishes.

        Args:
            begun_in: the epoch in which a publication began; it must still last.

        Raises:
            NotPrimary: another bucket is the primary, or the epoch has ended.
        """
        document, _ = self.load()
        if document is None:
            return FIRST
        if document.bucket != self.store.bucket or document.state != "primary":
            raise NotPrimary(f"{self._reason(document)} Nothing was published. {_advice(document, self.store.bucket)}")
        if begun_in not in (None, document.epoch):
            raise NotPrimary(
                f"`s3://{self.store.bucket}` began epoch {document.epoch} ({document.since:%Y-%m-%d %H:%M} UTC) after this "
                f"process began to publish in epoch {begun_in}. Nothing was published. Start the run again."
            )
        return document.epoch

    def _reason(self, document: EpochDocument) -> str:
        if document.bucket != self.store.bucket:
            return (
                f"`s3://{self.store.bucket}` is a copy of the lake, or its former primary: {document.primary} is the primary "
                f"of epoch {document.epoch}, since {document.since:%Y-%m-%d %H:%M} UTC."
            )
        if document.state == "handed over":
            return f"`s3://{self.store.bucket}` was handed over: it publishes nothing until a bucket takes over."
        return f"`s3://{self.store.bucket}` is being taken over (epoch {document.epoch}), and that is not complete."


def _advice(document: EpochDocument, own: str) -> str:
    if document.bucket != own:
        return "Set LAKE_BUCKET to the primary. If the primary is lost, run here: lakeworks failover plan"
    if document.state == "handed over":
        return "Take over in the other bucket: lakeworks failover apply. Or take it back: lakeworks failover hand-over --undo"
    return "Complete it: lakeworks failover apply"

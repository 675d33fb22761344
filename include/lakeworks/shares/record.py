"""Records of shares: one object each, written before the address is shown. It never contains the address or its signature."""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from lakeworks.core.layout import SHARES
from lakeworks.ledger.document import Record, StoredDocument
from lakeworks.s3.object_store import ObjectStore, Target

_ADVICE = "is no record of a share: {problem}. Nothing was changed. Look at the object's earlier versions."


class SharedObject(Record):
    """One object and its shared version."""

    key: str
    version_id: str | None = None
    size: int | None = None
    sha256: str | None = None


class ShareRecord(StoredDocument):
    """One share."""

    id: str
    kind: str = Field(description="`download` of objects, or `upload` into the inbox.")
    objects: tuple[SharedObject, ...]
    table: str = ""
    partition: str = ""
    publication: int | None = None
    to: str = Field("", description="Recipient, as typed.")
    signed_by: str = Field(description="Access key id of the credentials; the key that can be disabled.")
    created_at: datetime
    until: datetime
    allowed: bool = Field(default=False, description="Personal or confidential columns were shared on purpose.")

    @property
    def key(self) -> str:
        """Return the record's key; records sort by time."""
        return f"{SHARES}/{self.created_at:%Y/%m}/{self.created_at:%Y%m%dT%H%M%S}-{self.id}.json"


def new_id() -> str:
    """Return a name that no other share has."""
    return uuid.uuid4().hex[:12]


def store_record(store: ObjectStore, record: ShareRecord) -> None:
    """Write a record. It never replaces another one.

    Raises:
        LostRace: a record of this name exists.
    """
    body = json.dumps(record.model_dump(mode="json"), indent=1).encode()
    store.put(Target(record.key, if_absent=True), body)


def records(store: ObjectStore) -> Iterator[ShareRecord]:
    """Yield every share, oldest first.

    Raises:
        LedgerCorrupt: a record does not parse.
    """
    for item in store.scan(f"{SHARES}/"):
        body, _ = store.get(item.key)
        yield ShareRecord.read(body, store.uri(item.key), _ADVICE)

"""Register of tenants: one small object each, changed by conditional writes only."""

from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from lakeworks.core.layout import REGISTRY, registry_key
from lakeworks.core.tenant import Tenant
from lakeworks.errors import LakeNotFound, LedgerCorrupt, LostRace
from lakeworks.ledger.document import Record
from lakeworks.s3.object_store import ObjectStore, Target


class TenantRecord(Record):
    """The record of a tenant. A removed tenant keeps its record, because its data may still exist."""

    id: str
    owner: str = Field("", description="Contact: a team or an address.")
    state: Literal["active", "removed"] = "active"
    since: datetime = Field(description="Time of the last change of state; UTC.")


class TenantRegistry:
    """The register of one lake. It lies outside every tenant's prefixes."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def all(self) -> list[TenantRecord]:
        """Return every tenant ever registered, by id."""
        keys = [item.key for item in self.store.scan(REGISTRY)]
        return [record for record, _ in self.store.map(self._load, keys)]

    def get(self, tenant: Tenant) -> TenantRecord | None:
        """Return a tenant's record; None if it was never registered."""
        try:
            return self._load(registry_key(tenant))[0]
        except LakeNotFound:
            return None

    def save(self, record: TenantRecord) -> bool:
        """Register a tenant or change its record. Return whether anything changed (the date alone is no change).

        Raises:
            LostRace: another writer registers or changes the tenant at this moment; nothing was written.
        """
        key, body = registry_key(Tenant(record.id)), record.model_dump_json(indent=1).encode()
        try:
            tenants, etag = self._load(key)
        except LakeNotFound:
            self._put(Target(key, if_absent=True), body)
            return True
        if tenants.model_copy(update={"since": record.since}) == record:
            return False
        self._put(Target(key, if_match=etag), body)
        return True

    def _put(self, target: Target, body: bytes) -> None:
        try:
            self.store.put(target, body)
        except LostRace as error:
            raise LostRace(
                f"`{self.store.uri(target.key)}`: another writer is changing this tenant. Nothing was written; run again."
            ) from error

    def _load(self, key: str) -> tuple[TenantRecord, str]:
        body, stored = self.store.get(key)
        try:
            return TenantRecord.model_validate_json(body), stored.etag
        except ValidationError as error:
            raise LedgerCorrupt(
                f"`{self.store.uri(key)}` is not a tenant's record: {error.errors()[0]['msg']}. Nothing was changed. "
                "An earlier version of the object may be intact; restore it."
            ) from error

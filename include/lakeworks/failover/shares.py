"""The shares of a lake: the owner's and every tenant's. Each has its own document of the epoch."""

from collections.abc import Iterable

from lakeworks.core.layout import epoch_key
from lakeworks.core.tenant import Tenant
from lakeworks.errors import LakeError, LostRace
from lakeworks.lake import Lake
from lakeworks.ledger.epoch import EpochDocument, EpochRegister
from lakeworks.s3.object_store import ObjectStore
from lakeworks.tenants.registry import TenantRegistry


def shares_of(lake: Lake) -> list[Lake]:
    """Return the lake and its tenants' shares; those of removed tenants, too, because their data may be there."""
    tenants = [Tenant(record.id) for record in TenantRegistry(lake.store).all()]
    return [lake, *(lake.for_tenant(tenant) for tenant in tenants)]


def problem_of(store: ObjectStore) -> LakeError | None:
    """Return why a bucket cannot be read; None if it can. A bucket that denies answers: it is not lost."""
    try:
        next(iter(store.scan(epoch_key())), None)
    except LakeError as error:
        return error
    return None


def write_epoch(shares: Iterable[Lake], document: EpochDocument) -> None:
    """Write the document into every share that does not know this epoch's state yet.

    Raises:
        LostRace: a bucket knows a later epoch: another takeover was faster.
    """
    for share in shares:
        register = EpochRegister(share.store)
        known, etag = register.load()
        if known and known.epoch > document.epoch:
            raise LostRace(
                f"`s3://{share.store.bucket}` knows epoch {known.epoch} with primary {known.primary}. Another takeover was "
                "faster. Nothing was changed. Look at it: lakeworks failover plan"
            )
        if known != document:
            register.replace(document, etag)

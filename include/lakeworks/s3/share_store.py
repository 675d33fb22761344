"""Stores of a tenant's share or a dev lake, with the clients of the whole lake's store."""

from lakeworks.core.tenant import Tenant
from lakeworks.s3.dev_branch import DevBranch
from lakeworks.s3.object_store import ObjectStore


def store_with_keys(old: ObjectStore, tenant: Tenant | None, dev: DevBranch | None = None) -> ObjectStore:
    """Return a store with the same clients for other keys."""
    return ObjectStore(
        old.client,
        old.bucket,
        old.threads,
        layers=old.layers.by_layer,
        tenant=tenant,
        dev=dev,
        fast_client=old.fast_client,
        transfer=old.transfer,
    )

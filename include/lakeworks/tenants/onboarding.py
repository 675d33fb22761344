"""Onboarding and removal of tenants: register, databases and policy. Data is never deleted here."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lakeworks.contract import all_tables, load_contract
from lakeworks.contract.databases import databases_of
from lakeworks.core.clock import utc_now
from lakeworks.core.layout import TENANT_AREAS, policy_key
from lakeworks.core.tenant import Tenant, database_of
from lakeworks.errors import LakeNotFound, TenantHasData
from lakeworks.lake import Lake
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.tenants.iam_policy import tenant_policy
from lakeworks.tenants.registry import TenantRecord, TenantRegistry

TenantOutcome = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True)
class TenantChange:
    """The outcome for one thing that a tenant needs."""

    setting: str
    outcome: TenantOutcome
    detail: str = ""


@dataclass(frozen=True)
class AreaUse:
    """A tenant's objects in one area."""

    area: str
    objects: int
    bytes: int


def add(
    lake: Lake, tenant: Tenant, owner: str, address: LakeAddress, *, clock: Callable[[], datetime] = utc_now
) -> list[TenantChange]:
    """Register a tenant, create its databases and write its policy. A second run completes or corrects what differs.

    The databases follow from the tables' contracts, so run it again after a domain was added.

    Raises:
        LostRace: another process registers the same tenant at this moment; run again.
    """
    owners_lake, own = lake.for_tenant(None), lake.for_tenant(tenant)
    registry = TenantRegistry(owners_lake.store)
    known = registry.get(tenant) is not None
    changed = registry.save(TenantRecord(id=str(tenant), owner=owner, since=clock()))
    changes = [TenantChange("tenant", _outcome(known=known, changed=changed), str(tenant))]
    for name in (database_of(tenant, item) for item in databases_of(load_contract(table) for table in all_tables())):
        created = own.catalog.ensure_database(name, f"lakeworks tenant {tenant}")
        changes.append(TenantChange(f"database {name}", "created" if created else "unchanged"))
    changes.append(_write_policy(owners_lake, tenant, address))
    return changes


def remove(lake: Lake, tenant: Tenant, *, keep_data: bool = False, clock: Callable[[], datetime] = utc_now) -> bool:
    """Mark a tenant as removed; its data, databases and role stay. Return whether anything changed.

    Raises:
        LakeNotFound: there is no such tenant.
        TenantHasData: objects still exist and `keep_data` was not given; nothing was changed.
    """
    registry = TenantRegistry(lake.for_tenant(None).store)
    record = registry.get(tenant)
    if record is None:
        raise LakeNotFound(f"There is no tenant `{tenant}`. Nothing was changed. Known ones: lakeworks tenant list")
    used = data_of(lake, tenant)
    if used and not keep_data:
        areas = ", ".join(f"{use.area}/ {use.objects}" for use in used)
        raise TenantHasData(
            f"Tenant `{tenant}` still has {sum(use.objects for use in used)} objects ({areas}). Nothing was "
            "changed. Move or delete them first (Lakeworks deletes no tenant's data), or remove the tenant and "
            f"keep the data: lakeworks tenant remove {tenant} --keep-data. In both cases, delete its IAM role "
            "yourself."
        )
    return registry.save(record.model_copy(update={"state": "removed", "since": clock()}))


def data_of(lake: Lake, tenant: Tenant) -> list[AreaUse]:
    """Return a tenant's objects by area; areas without objects are left out."""
    store = lake.for_tenant(tenant).store
    objects = []
    for area in TENANT_AREAS:
        sizes = [item.size for item in store.scan(f"{area}/")]
        if sizes:
            objects.append(AreaUse(area, len(sizes), sum(sizes)))
    return objects


def _write_policy(lake: Lake, tenant: Tenant, address: LakeAddress) -> TenantChange:
    key = policy_key(tenant)
    body = json.dumps(tenant_policy(tenant, address), indent=2).encode()
    try:
        before: bytes | None = lake.store.get(key)[0]
    except LakeNotFound:
        before = None
    if before != body:
        lake.store.put(key, body)
    return TenantChange("policy", _outcome(known=before is not None, changed=before != body), lake.store.uri(key))


def _outcome(*, known: bool, changed: bool) -> TenantOutcome:
    if not changed:
        return "unchanged"
    return "updated" if known else "created"

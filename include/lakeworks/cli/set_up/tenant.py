"""`lakeworks tenant`: add, list and remove tenants; show a tenant's policy and what it allows."""

import json
import sys
from typing import Annotated

import typer

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import connect, own_account
from lakeworks.cli.output import emit
from lakeworks.cli.progress import track, waiting
from lakeworks.core.tenant import Tenant
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.settings import current_settings
from lakeworks.tenants import onboarding as tenants
from lakeworks.tenants.iam_policy import LIST_ACTIONS, tenant_policy
from lakeworks.tenants.iam_simulation import Request, decide
from lakeworks.tenants.registry import TenantRegistry

TenantId = Annotated[str, typer.Argument(help="tenant id, e.g. acme", show_default=False)]
AccountOption = Annotated[
    str | None, typer.Option(help="AWS account of the Glue catalog; default: the credentials' own")
]


def add_tenant(
    tenant: TenantId,
    owner: Annotated[str, typer.Option(help="contact: a team or an address")] = "",
    account: AccountOption = None,
    as_json: AsJson = False,
) -> None:
    """Register a tenant with its databases and IAM policy.

    Run it again to complete or correct.
    """
    checked = Tenant(tenant)
    with waiting(f"Adding {checked}"):
        changes = tenants.add(connect(), checked, owner, _address(account))
    emit([vars(change) for change in changes], as_json=as_json, title=f"Tenant {checked}")


def list_tenants(
    sizes: Annotated[bool, typer.Option("--sizes", help="count objects and bytes too (lists every object)")] = False,
    as_json: AsJson = False,
) -> None:
    """List the tenants."""
    lake = connect().for_tenant(None)
    rows = []
    with waiting("Listing tenants"):
        records = list(TenantRegistry(lake.store).all())
    for record in track(records, "Counting objects of") if sizes else records:
        row = record.model_dump(mode="json")
        if sizes:
            used = tenants.data_of(lake, Tenant(record.id))
            row |= {"objects": sum(use.objects for use in used), "bytes": sum(use.bytes for use in used)}
        rows.append(row)
    emit(rows, as_json=as_json, title="Tenants")


def remove_tenant(
    tenant: TenantId,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="remove a tenant that has data; the data stays")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a tenant from the list.

    Refused while the tenant has data. Deletes no data.
    """
    with waiting(f"Removing {tenant}"):
        changed = tenants.remove(connect(), Tenant(tenant), keep_data=keep_data)
    emit([{"tenant": tenant, "outcome": "removed" if changed else "was removed before"}], as_json=as_json)


def print_policy(tenant: TenantId, account: AccountOption = None) -> None:
    """Print the tenant's IAM policy as JSON."""
    sys.stdout.write(json.dumps(tenant_policy(Tenant(tenant), _address(account)), indent=2) + "\n")


def check_access(
    tenant: TenantId,
    action: Annotated[str, typer.Argument(help="s3:GetObject, s3:ListBucket, glue:GetTable …", show_default=False)],
    target: Annotated[
        str, typer.Argument(help="a key, the prefix of a listing, or table/<database>/<table>", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Show if a tenant's policy allows an action.

    Follows IAM's own rules.
    """
    address = _address("000000000000")
    request = Request(action, address.object_arn(target))
    if action in LIST_ACTIONS:
        request = Request(action, address.bucket_arn(target), {"s3:prefix": target})
    elif action.startswith(("glue:", "athena:")):
        request = Request(action, address.arn(action.partition(":")[0], target))
    decision = decide(tenant_policy(Tenant(tenant), address), request)
    emit([{"tenant": tenant, "action": action, "target": target, "decision": decision}], as_json=as_json)


def _address(account: str | None) -> LakeAddress:
    return LakeAddress.of(current_settings(), account or own_account())

"""`lakeworks policy`: least-privilege IAM policies, by purpose."""

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer

from lakeworks.cli.connection import own_account
from lakeworks.cli.output import say
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import load_config
from lakeworks.permissions.aws_call import Purpose
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.permissions.policy_document import policy_documents
from lakeworks.permissions.policy_scope import PolicyScope
from lakeworks.settings import current_settings
from lakeworks.tenants.iam_policy import tenant_policy

_TENANT = "tenant"
# Typer completes and checks the words of an enumeration.
PolicyPurpose = StrEnum("PolicyPurpose", [(item.name, item.value) for item in Purpose] + [("TENANT", _TENANT)])  # type: ignore[misc]


def print_policy(
    purpose: Annotated[PolicyPurpose, typer.Option("--for", show_default=False, help="Role that gets the policy.")],
    tenant: Annotated[str | None, typer.Option(help="The tenant, for `--for tenant`.")] = None,
    work_group: Annotated[
        str | None,
        typer.Option(
            "--work-group",
            help="Athena work group of lake.yml, for `--for athena` and `read`; default: the lake's own.",
        ),
    ] = None,
    with_athena: Annotated[
        bool,
        typer.Option("--with-athena", help="Add what building tables with `engine: athena` needs, for `--for run`."),
    ] = False,
    account: Annotated[str | None, typer.Option(help="AWS account of the lake; default: the credentials' own.")] = None,
) -> None:
    """Print the IAM policy that a role needs, as JSON.

    A policy larger than IAM takes is a JSON list of policies, and the role needs all of them.
    """
    settings = current_settings()
    if with_athena and purpose.value != Purpose.RUN.value:
        raise ConfigError(
            f"`--with-athena` is for `--for run`, not for `{purpose}`. Nothing was written. Leave it out."
        )
    address = LakeAddress.of(settings, account or own_account())
    if purpose == _TENANT:
        if not (tenant or settings.tenant):
            raise ConfigError("`--for tenant` needs a tenant. Nothing was written. Name it: --tenant acme")
        documents = [tenant_policy(Tenant(tenant or settings.tenant or ""), address)]
    else:
        config = load_config(settings.config_file)
        if with_athena and config.athena is None:
            raise ConfigError(
                "lake.yml declares no Athena work group (`athena: null`). Nothing was written. Declare one."
            )
        scope = PolicyScope(address, config, config.encryption.kms_key_id or settings.kms_key_id, work_group)
        documents = policy_documents(Purpose(purpose), scope, *([Purpose.ATHENA] if with_athena else []))
    if len(documents) > 1:
        say(f"{len(documents)} policies: IAM takes no larger ones. Attach all of them.", to_stderr=True)
    sys.stdout.write(json.dumps(documents if len(documents) > 1 else documents[0], indent=2) + "\n")

"""Onboarding of a tenant: register, databases, policy."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakeworks_airflow.connections import connect_lake, lake_address
from lakeworks_airflow.operators.base import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class TenantOnboardingOperator(StepOperator):
    """Register a tenant, create its Glue databases and write its IAM policy to the bucket. A second run completes or corrects.

    :param tenant: the tenant's id, e.g. `acme`. (templated)
    :param contact: whom to ask about it: a team or an address. (templated)
    """

    template_fields: Sequence[str] = ("tenant", "contact")

    def __init__(self, *, tenant: str, contact: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant = tenant
        self.contact = contact

    def step(self, context: "Context") -> list[dict[str, str]]:
        """Return the outcome for the registration, every database and the policy."""
        from lakeworks.core.tenant import Tenant
        from lakeworks.tenants import onboarding as tenants

        changes = tenants.add(connect_lake(), Tenant(self.tenant), self.contact, lake_address())
        for change in changes:
            log.info("%s: %s %s", change.setting, change.outcome, change.detail)
        return [vars(change) for change in changes]

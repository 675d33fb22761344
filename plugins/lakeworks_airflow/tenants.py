"""Taking a tenant in: register, databases, policy."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import TerminalError
from lakeworks_airflow.connections import connect_lake, lake_address

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class TenantOnboardingOperator(BaseOperator):
    """Register a tenant, create its Glue databases and write its IAM policy to the bucket; again to complete or correct.

    :param tenant: the tenant's id, e.g. `acme`. (templated)
    :param contact: whom to ask about it: a team or an address. (templated)
    """

    template_fields: Sequence[str] = ("tenant", "contact")
    ui_color = "#e8f4f2"

    def __init__(self, *, tenant: str, contact: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant = tenant
        self.contact = contact

    def execute(self, context: "Context") -> list[dict[str, str]]:
        """Return what became of the registration, every database and the policy."""
        from lakeworks.core.tenant import Tenant
        from lakeworks.tenants import onboarding as tenants

        try:
            changes = tenants.add(connect_lake(), Tenant(self.tenant), self.contact, lake_address())
        except TerminalError as error:
            raise AirflowFailException(str(error)) from error
        for change in changes:
            log.info("%s: %s %s", change.setting, change.outcome, change.detail)
        return [vars(change) for change in changes]

"""Buttons on a task in the Airflow UI: links to its data and the audit's report."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from lakeworks.core.layout import day_pages_prefix, tenant_key
from lakeworks.core.names import TableName
from lakeworks.core.tenant import Tenant

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator


class DataLink(BaseOperatorLink):
    """Link to the table's folder in the bucket."""

    name = "Data"

    def get_link(self, operator: "BaseOperator", *, ti_key: Any) -> str:
        """Return the console page of the table's prefix."""
        table: Any = operator
        return object_url(own_key(table, f"{TableName.parse(table.table).path}/"), listing=True)


class AuditReportLink(BaseOperatorLink):
    """Link to the audit's Data Docs page."""

    name = "Audit report"

    def get_link(self, operator: "BaseOperator", *, ti_key: Any) -> str:
        """Return the page of the last audited period; the folder of all pages if the period is unknown."""
        return _page_of_period(operator, ".html")


class DayPageLink(BaseOperatorLink):
    """Link to the pages about the domain's days: the lake page's list; a tenant's folder in the bucket."""

    name = "Pages of the days"

    def get_link(self, operator: "BaseOperator", *, ti_key: Any) -> str:
        """Return the address of their list."""
        page: Any = operator
        if page.tenant:  # the lake page shows the owner's own tables
            return object_url(own_key(page, day_pages_prefix(page.domain)), listing=True)
        return f"/lake/days/{quote(page.domain)}"


class ApprovalPageLink(BaseOperatorLink):
    """Link to the page that compares staged rows with what is live."""

    name = "Approval page"

    def get_link(self, operator: "BaseOperator", *, ti_key: Any) -> str:
        """Return the page of the last period; the folder of all pages if the period is unknown."""
        return _page_of_period(operator, ".approval.html")


def _page_of_period(operator: Any, ending: str) -> str:
    """Return the address of the last staged period's page; of the folder of all pages if the period is unknown."""
    keys = operator.staged if isinstance(operator.staged, list) else []
    if not keys:
        return object_url(own_key(operator, f"_audits/{TableName.parse(operator.table).path}/"), listing=True)
    folder = keys[-1].removeprefix("_staging/").removesuffix("/manifest.json")
    return object_url(own_key(operator, f"_audits/{folder}{ending}"), listing=False)


def own_key(operator: Any, key: str) -> str:
    """Return the key in the bucket, with the level of the operator's tenant."""
    tenant = getattr(operator, "tenant", None)
    return tenant_key(Tenant(tenant) if tenant else None, key)


def object_url(key: str, *, listing: bool) -> str:
    """Return the page of a key: in the AWS console, or at the endpoint of a local emulator."""
    import os

    from lakeworks.settings import current_settings

    settings = current_settings()
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return f"{endpoint}/{settings.bucket}" + (f"?prefix={quote(key)}" if listing else f"/{quote(key)}")
    page = "buckets" if listing else "object"
    return f"https://{settings.region}.console.aws.amazon.com/s3/{page}/{settings.bucket}?prefix={quote(key)}"

"""Onboard a tenant: fill in the form, and the run registers the tenant and makes its Glue databases and its IAM policy.

Then attach the policy to the tenant's role; the path is in the task's log. Add the Airflow connection `aws_<tenant>` that
assumes the role, and name the tenant in `LAKE_TENANTS`. A second run completes or corrects; it deletes nothing.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from lakeworks_airflow import TenantOnboardingOperator

ID = "Lower-case letters and digits in words joined by single hyphens, 2 to 31 characters: acme, acme-emea."


@dag(
    schedule=None,
    is_paused_upon_creation=False,
    catchup=False,
    max_active_runs=1,
    params={
        "tenant": Param(
            None,
            type="string",
            pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
            minLength=2,
            maxLength=31,
            title="Tenant",
            description=ID,
            examples=["acme"],
        ),
        "owner": Param(
            "",
            type="string",
            pattern=r"^[^\r\n]*$",
            maxLength=200,
            title="Owner",
            description="Contact: a team or an address, in one line.",
            examples=["data@acme.example"],
        ),
    },
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["lake", "tenants"],
)
def tenant_onboarding():
    TenantOnboardingOperator(task_id="add", tenant="{{ params.tenant }}", contact="{{ params.owner }}")


tenant_onboarding()

"""Warm imports: load the heavy libraries once in the process that forks task processes.

Importing Great Expectations, pandas and DuckDB costs a task 3 to 6 s of CPU. Reading botocore's descriptions of S3 and
Glue costs almost one more. A fork inherits them without cost. Call it from
`airflow_local_settings.py`, which every Airflow component imports; only the forking ones (scheduler with LocalExecutor,
Celery worker) pay. Importing starts no threads, so forking afterwards is safe.
"""

import sys
from importlib import import_module

_FORKING = {"scheduler", "celery"}
_HEAVY = (
    "airflow.providers.amazon.aws.hooks.base_aws",
    "airflow.providers.standard.triggers.temporal",
    "lakeworks.maintenance.catalog_repair",
    "lakeworks.maintenance.verification",
    "lakeworks.pipeline.audit_step",
    "lakeworks.pipeline.fetch_step",
    "lakeworks.pipeline.publish_step",
    "lakeworks.pipeline.write_step",
    "lakeworks.quality.arrow_validation",
    "lakeworks.quality.audit_page",
    "lakeworks.sources.vendors.nyc_tlc",
    "openlineage.client.event_v2",
    "openlineage.client.facet_v2",
    "sqlglot.lineage",
)


def preload() -> bool:
    """Import the libraries that tasks need, if this process forks tasks. Return whether it did."""
    if not _FORKING.intersection(sys.argv[1:3]):
        return False
    for module in _HEAVY:
        import_module(module)
    from lakeworks.quality.audit_page import page_template
    from lakeworks.quality.pandas_validation import great_expectations
    from lakeworks_airflow.aws_account import service_descriptions

    great_expectations()
    page_template()
    service_descriptions()
    return True

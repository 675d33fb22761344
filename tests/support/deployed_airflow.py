"""A deployment's environment for Airflow's own commands: a metadata database in a file, the lake and its vendors on this machine."""

import json
from pathlib import Path

from lakeworks.lake import Lake
from lakeworks_local.stack.environment import aws_environment, base_environment, source_connections


def airflow_deployment(home: Path, project: Path, lake: Lake, aws: str, replay: str) -> dict[str, str]:
    """Return the variables; `aws` and `replay` are addresses, and Airflow keeps its database in `home`."""
    extra = {"endpoint_url": aws, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "testtest", "extra": extra}
    return {
        **base_environment(),
        **aws_environment(aws),
        **source_connections(replay),
        "LAKE_PROJECT": str(project),
        "LAKE_BUCKET": lake.store.bucket,
        "LAKE_PII_SALT": "no one is in the sample data",
        "LAKE_SCRATCH_DIR": str(lake.scratch),
        "LAKE_ENV_FILE": "off",
        "LAKE_LINEAGE_URL": "off",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__OPENLINEAGE__DISABLED": "True",
    }

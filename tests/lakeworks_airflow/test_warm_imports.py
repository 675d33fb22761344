"""What a process that forks tasks does before: everything tasks need is there, and no thread that a fork would lose."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration
CHECK = """
import sys, threading
sys.argv = ["airflow", "scheduler"]
from lakeworks_airflow.warm_imports import preload
assert preload()
assert threading.active_count() == 1, threading.enumerate()
from lakeworks_airflow.aws_account import service_descriptions
loader = service_descriptions()
import json
json.loads = None  # nothing is parsed again for a client
import boto3
session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
session._session.register_component("data_loader", loader)
session.client("s3"), session.client("glue")
for name in ("great_expectations", "duckdb", "sqlglot.lineage", "openlineage.client"):
    assert name in sys.modules, name
"""


def test_tasks_find_everything_loaded_and_no_thread_is_lost() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

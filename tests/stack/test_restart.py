"""up -> down -> up on one folder: everything is still there. And nothing of the stack listens beyond this machine."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import boto3
import psutil
import pytest

from lakeworks_local.stack.api import AirflowApi
from lakeworks_local.stack.environment import BUCKET, LOGIN
from lakeworks_local.stack.process import StackError
from lakeworks_local.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
AIRFLOW = str(Path(sys.executable).parent / "airflow")


def airflow(stack: Stack, *arguments: str) -> str:
    done = subprocess.run([AIRFLOW, *arguments], env=stack.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def listening() -> set[str]:
    """The addresses the stack's processes listen on."""
    mine = psutil.Process().children(recursive=True)
    found = []
    for process in mine:
        with suppress(psutil.NoSuchProcess):  # the dag-processor's children come and go
            found += process.net_connections("inet")
    return {item.laddr.ip for item in found if item.status == psutil.CONN_LISTEN}


def test_a_folder_survives_down_and_up(tmp_path: Path) -> None:
    folder = tmp_path / "my state & more"
    first = Stack(folder)
    first.start(fresh=False)
    try:
        assert first.addresses is not None
        assert listening() == {"127.0.0.1"}
        secret = ["--conn-type", "http", "--conn-host", "example.com", "--conn-password", "s3cret"]
        airflow(first, "connections", "add", "mine", *secret)
        api = AirflowApi(first.addresses.airflow, LOGIN).connect()
        api.wait_for_dag("lake_bootstrap")
        run = api.trigger("lake_bootstrap")
        s3 = boto3.client(
            "s3", endpoint_url=first.addresses.aws, aws_access_key_id="test", aws_secret_access_key="test"
        )
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="kept", Body=b"rows")
    finally:
        first.stop()
    assert first.running() == []

    second = Stack(folder)
    second.start(fresh=False)
    try:
        assert second.addresses is not None
        assert "s3cret" in airflow(second, "connections", "get", "mine", "-o", "json"), "the same Fernet key opens it"
        assert run in {
            item["dag_run_id"] for item in AirflowApi(second.addresses.airflow, LOGIN).connect().runs("lake_bootstrap")
        }
        s3 = boto3.client(
            "s3", endpoint_url=second.addresses.aws, aws_access_key_id="test", aws_secret_access_key="test"
        )
        assert s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"rows"
        scheduler = next(item for item in second.services if item.name == "airflow-scheduler")
        scheduler.process.kill()
        scheduler.process.wait()
        with pytest.raises(StackError, match="airflow-scheduler ended"):
            second.check()
    finally:
        second.stop()
    assert second.running() == []
    left = [
        item.info
        for item in psutil.process_iter(["pid", "cmdline"])
        if str(folder) in " ".join(item.info["cmdline"] or [])
    ]
    assert left == []

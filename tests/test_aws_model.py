"""Requests are held against AWS's models by `tests/support/aws_model.py`: what it finds, and what it lets through."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import get_session

from tests.support.aws_model import faults, recorded


def found(service: str, operation: str, **params: Any) -> list[str]:
    shape = get_session().get_service_model(service).operation_model(operation).input_shape
    return [*faults(params, shape)]


def table(comment: str) -> dict[str, Any]:
    columns = [{"Name": "id", "Type": "bigint", "Comment": comment}]
    return {"DatabaseName": "d", "TableInput": {"Name": "t", "StorageDescriptor": {"Columns": columns}}}


def test_lengths_are_bytes() -> None:
    assert found("glue", "CreateTable", **table("a" * 255)) == []
    assert found("glue", "CreateTable", **table("ü" * 200)) == [
        ".TableInput.StorageDescriptor.Columns[].Comment has 400, more than 255"
    ]


def test_values_ranges_patterns_and_missing_members_are_found() -> None:
    assert found("s3", "PutBucketVersioning", Bucket="b", VersioningConfiguration={"Status": "On"}) == [
        ".VersioningConfiguration.Status is 'On', which is none of its values"
    ]
    assert found("kinesis", "GetRecords", ShardIterator="x", Limit=10_001) == [".Limit has 10001, more than 10000"]
    assert "does not match" in str(found("kinesis", "DescribeStreamConsumer", ConsumerARN="x"))
    assert found("glue", "GetTable", DatabaseName="d") == [" lacks Name"]


REFUSED = ["glue.CreateTable.TableInput.StorageDescriptor.Columns[].Comment has 400, more than 255"]


def call_nobody() -> None:
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    glue: Any = boto3.client("glue", region_name="us-east-1", endpoint_url="http://127.0.0.1:9", config=config, **keys)  # type: ignore[call-overload]
    with pytest.raises(BotoCoreError):
        glue.create_table(**table("ü" * 200))


def test_a_client_that_checks_nothing_is_watched_too() -> None:
    call_nobody()
    assert recorded() == REFUSED
    assert recorded() == []


def test_processes_of_a_test_are_watched_too() -> None:
    code = "from tests.test_aws_model import call_nobody; call_nobody()"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
    assert recorded() == REFUSED


def test_a_process_without_botocore_stays_without_it() -> None:
    code = "import sys; print([name for name in sys.modules if name.startswith(('botocore', 'importlib.metadata'))])"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "[]\n"

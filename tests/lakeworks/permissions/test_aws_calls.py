"""The table of calls and the code say the same: no call without a row, no row without a call, no error without the action."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.session import get_session

from lakeworks.aws_errors import lake_error
from lakeworks.permissions.aws_call import AwsCall, On
from lakeworks.permissions.aws_calls import UNGRANTED, every_call
from lakeworks.permissions.lake_resources import RESOURCES
from lakeworks.permissions.stream_calls import DELIVERY_ACTIONS

ROOT = Path(__file__).resolve().parents[3]
SERVICES = (
    "athena", "budgets", "ce", "cloudfront", "cloudwatch", "dynamodb", "emr-serverless", "firehose", "glue", "iam", "kinesis", "kms", "lakeformation", "s3",
    "secretsmanager", "sns", "sqs", "sts",
)  # fmt: skip
# Names that objects of ours have too: they are calls of AWS only on what is named like a client.
COMMON = {
    "query",
    "list_tables",
    "scan",
    "sign",
    "verify",
    "get_session",
    "get_connection",
    "publish",
    "get_item",
    "put_item",
    "get_secret_value",
}
CLIENTS = {"client", "_client", *SERVICES}


@cache
def operations() -> dict[str, list[str]]:
    """`service.Operation` by the name of boto3's method."""
    found = defaultdict(list)
    for service in SERVICES:
        for operation in get_session().get_service_model(service).operation_names:
            found[xform_name(operation)].append(f"{service}.{operation}")
    return found


def methods(tree: ast.AST) -> Iterator[str]:
    """Names of boto3's methods in a module: as attributes, and as names of paginators and presigned calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in operations():
            receiver = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr not in COMMON or receiver in CLIENTS:
                yield node.attr
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get_paginator", "generate_presigned_url"):  # fmt: skip
            yield from (item.value for item in node.args if isinstance(item, ast.Constant))


@cache
def call_sites() -> dict[str, list[str]]:
    """Where the code calls each method."""
    found = defaultdict(list)
    for folder in ("include/lakeworks", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for method in methods(ast.parse(path.read_text())):
                found[method].append(str(path.relative_to(ROOT)))
    return found


KNOWN = {call.operation for call in every_call()} | set(UNGRANTED)


def test_every_call_of_the_code_has_a_row() -> None:
    """Add it to `include/lakeworks/permissions/aws_calls.py`: policies would lack its permission."""
    missing = {method: places for method, places in call_sites().items() if not KNOWN & set(operations()[method])}
    assert missing == {}


def test_every_row_is_a_call_of_the_code() -> None:
    """A row that no code needs would grant too much."""
    assert {name for name in KNOWN if xform_name(name.partition(".")[2]) not in call_sites()} == set()


def test_a_new_call_is_seen() -> None:
    source = "s3.get_paginator('list_parts'); self.client.query(x); table.query(y); client.put_bucket_acl(Bucket=b)"
    assert sorted(methods(ast.parse(source))) == ["list_parts", "put_bucket_acl", "query"]


def test_every_kind_of_resource_has_arns_and_is_used() -> None:
    assert set(RESOURCES) == set(On) == {call.on for call in every_call()} | set(DELIVERY_ACTIONS)


# Without it S3 leaves the number of tags out of its answer and refuses nothing.
SILENT = ("s3.HeadObject", "Tagging")


def named() -> Iterator[tuple[str, str]]:
    for call in every_call():
        service = call.operation.partition(".")[0]
        for action in call.actions:
            silent = call.operation == SILENT[0] and action.endswith(SILENT[1])
            if action.startswith(f"{service}:") and not silent:
                yield call.operation, action


@pytest.mark.parametrize(("operation", "action"), sorted(set(named())))
def test_a_refusal_names_the_action_to_grant(operation: str, action: str) -> None:
    details = {"Error": {"Code": "AccessDenied", "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    error = lake_error(ClientError(details, operation.partition(".")[2]), "call", "x")  # type: ignore[arg-type]
    assert action.partition(":")[2] in str(error)


def of(operation: str) -> list[AwsCall]:
    return [call for call in every_call() if call.operation == operation]


def test_the_table_is_read_as_it_is_written() -> None:
    assert [call.actions for call in of("sqs.DeleteMessageBatch")] == [("sqs:DeleteMessage",)]
    assert {call.actions for call in of("glue.DeletePartition")} == {("glue:DeletePartition",)}

"""One permission taken away at a time, on ministack with policies enforced: the check that needs it fails and names it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lakeworks.doctor.examination import Deployment
from tests.conftest import running_ministack
from tests.lakeworks.doctor.conftest import AWS, Make, client, diagnoses, states

ROOT = ("test", "test")
Denied = Callable[..., Deployment]


@pytest.fixture(scope="module")
def guarded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_ministack(tmp_path_factory.mktemp("guarded"), policies=True) as url:
        yield url


def signed(service: str, url: str, user: tuple[str, str]) -> Any:
    return client(service, url, aws_access_key_id=user[0], aws_secret_access_key=user[1])


@pytest.fixture
def denied(deployment: Make, guarded_url: str, request: pytest.FixtureRequest) -> Denied:
    """Makes a deployment whose user may do everything but the named actions."""

    def make(*actions: str) -> Deployment:
        iam, name = signed("iam", guarded_url, ROOT), f"user-{abs(hash(request.node.name))}"
        allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        refused = [{"Effect": "Deny", "Action": list(actions), "Resource": "*"}] if actions else []
        policy = {"Version": "2012-10-17", "Statement": [allowed, *refused]}
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        keys = iam.create_access_key(UserName=name)["AccessKey"]
        user = (keys["AccessKeyId"], keys["SecretAccessKey"])
        return deployment(
            guarded_url, root=ROOT, clients=lambda service, region=None: signed(service, guarded_url, user)
        )

    return make


@pytest.mark.parametrize(
    ("action", "check"),
    [
        ("s3:PutObject", "read and write"),
        ("s3:GetObjectVersion", "read and write"),
        ("s3:GetBucketVersioning", "versioning"),
        ("glue:CreateTable", "catalog"),
        ("glue:GetTable", "catalog"),
        ("glue:DeleteTable", "catalog"),
        ("athena:StartQueryExecution", "athena"),
    ],
)
def test_a_missing_permission_is_found_by_its_check(denied: Denied, action: str, check: str) -> None:
    found = diagnoses(denied(action))[check]
    named = action.partition(":")[2].replace("GetObjectVersion", "GetObject")
    assert (found.state, named in found.detail) == ("failure", True), found
    assert "policy --for doctor" in found.remedy or check in ("athena", "versioning")


def test_who_may_everything_is_well(denied: Denied, guarded_url: str) -> None:
    found = states(diagnoses(denied()))
    assert {name for name, state in found.items() if state != "ok"} == {"airflow"}


def test_without_the_right_to_delete_versions_the_object_is_hidden_and_the_line_says_so(denied: Denied) -> None:
    found = diagnoses(denied("s3:DeleteObjectVersion"))["read and write"]
    assert (found.state, "its version stays until lifecycle removes it" in found.detail) == ("ok", True)


def test_refused_credentials_are_one_failure_and_spare_the_rest(deployment: Make, guarded_url: str) -> None:
    def unknown(service: str, region: str | None = None) -> Any:
        return signed(service, guarded_url, ("AKIAUNKNOWN", "wrong"))

    found = diagnoses(deployment(guarded_url, root=ROOT, clients=unknown))
    assert (found["credentials"].state, "aws sso login" in found["credentials"].remedy) == ("failure", True), found
    assert {found[name].state for name in AWS} == {"skipped"}
    assert found["scratch"].state == "ok"

"""Sessions that run out while a task works: the next attempt has new credentials."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakeworks.aws_errors import is_nobody, lake_error
from lakeworks.errors import LakeAccessDenied, TransientError


def refused(code: str) -> Any:
    details: Any = {"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    return lake_error(ClientError(details, "PutObject"), "write", "s3://lake/x")


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
def test_a_session_that_ran_out_is_tried_again(code: str) -> None:
    error = refused(code)
    assert isinstance(error, TransientError)
    assert is_nobody(error), "a run over many resources ends at once: every further call would fail alike"
    assert "Airflow tries again with new credentials" in str(error)


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_wrong_credentials_are_not(code: str) -> None:
    assert isinstance(refused(code), LakeAccessDenied)

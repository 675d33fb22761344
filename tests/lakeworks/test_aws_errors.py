"""Sessions that run out while a task works: the next attempt has new credentials."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakeworks.aws_errors import is_nobody, lake_error
from lakeworks.errors import LakeAccessDenied, TransientError


def refused(code: str, message: str = "x") -> Any:
    details: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 403}}
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


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        ("SignatureDoesNotMatch", "Signature expired: 20261129T090000Z is now earlier than 20261129T114500Z"),
        (
            "InvalidSignatureException",
            "Signature not yet current: 20261129T150000Z is still later than 20261129T120500Z",
        ),
    ],
)
def test_a_wrong_clock_is_named_and_no_permission(code: str, message: str) -> None:
    error = refused(code, message)
    assert isinstance(error, TransientError), "another worker has another clock"
    assert "Synchronize the clock" in str(error)
    assert "denied" not in str(error)

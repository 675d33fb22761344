"""Which errors of AWS are tried again: sessions that run out, clocks, throttling; and which are not."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lakeworks.aws_errors import is_nobody, lake_error, translated
from lakeworks.errors import LakeAccessDenied, LakeUnavailable, RequestRefused, TransientError


def refused(code: str, message: str = "x", status: int = 403) -> Any:
    details: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
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


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("InvalidRequest", 400, "Correct what the message names"),
        ("MalformedXML", 400, "Correct what the message names"),
        ("EntityTooLarge", 400, "Correct what the message names"),
        ("KeyTooLongError", 400, "Correct what the message names"),
        ("ValidationException", 400, "Correct what the message names"),
        ("InvalidInputException", 400, "Correct what the message names"),
        ("ResourceNumberLimitExceededException", 400, "quota of the account"),
        ("GlueEncryptionException", 400, "Look at the KMS key"),
        ("KMS.DisabledException", 400, "Look at the KMS key"),
    ],
)
def test_a_refusal_of_the_request_itself_is_not_retried(code: str, status: int, says: str) -> None:
    """They were taken for outages: Airflow tried each of them again for half an hour."""
    error = refused(code, status=status)
    assert isinstance(error, RequestRefused)
    assert not is_nobody(error), "the next request may be another one"
    assert says in str(error)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SlowDown", 503),
        ("ThrottlingException", 400),
        ("Throttling", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("LimitExceededException", 400),  # Kinesis: calls a second
        ("RequestTimeout", 400),
        ("BadDigest", 400),
        ("ConcurrentModificationException", 400),
        ("AlreadyExistsException", 400),
        ("TransactionCanceledException", 400),
        ("OperationAborted", 409),
        ("429", 429),
        ("400", 400),  # an answer to HEAD has no body, and so no code
        ('{"__type": "EntityNotFoundException", "mes', 400),  # cut off on its way
        ("InternalError", 500),
        ("FederationSourceException", 0),
    ],
)
def test_what_passes_by_itself_is_retried(code: str, status: int) -> None:
    assert isinstance(refused(code, status=status), LakeUnavailable)


@pytest.mark.refused_by_aws
def test_a_request_that_is_not_sent_is_not_retried() -> None:
    """botocore checks parameters itself: the same request would be wrong again."""
    s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with (
        pytest.raises(RequestRefused, match="Could not read `x`.*Nothing was sent.*Correct what the message names"),
        translated("read", "x"),
    ):
        s3.get_object(Bucket="", Key="")

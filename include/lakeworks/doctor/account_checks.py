"""Checks of clock, credentials and region."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from lakeworks.aws_errors import is_nobody, translated
from lakeworks.doctor.health_check import Diagnosis
from lakeworks.errors import LakeError

_REFUSED_SECONDS = 15 * 60  # AWS refuses signatures that are so far from its own time
_NOTED_SECONDS = 60


def clock(s3: Any, bucket: str, now: Callable[[], datetime]) -> Diagnosis:
    """Compare this machine's clock with S3's; a refusal has S3's time too."""
    date = _server_date(s3, bucket)
    if date is None:
        return Diagnosis("skipped", "no answer with a date; see `credentials`")
    skew = (now() - parsedate_to_datetime(date).astimezone(UTC)).total_seconds()
    if abs(skew) < _NOTED_SECONDS:
        return Diagnosis("ok", f"within {abs(skew):.0f} s of S3's")
    detail = f"{abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} S3's clock"
    if abs(skew) < _REFUSED_SECONDS:
        return Diagnosis("warning", detail, "Synchronize the clock (chrony, systemd-timesyncd): AWS admits 15 minutes.")
    return Diagnosis(
        "failure", f"{detail}; AWS refuses every request", "Synchronize the clock (chrony, systemd-timesyncd)."
    )


def _server_date(s3: Any, bucket: str) -> str | None:
    try:
        answer = s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        answer = error.response
    except BotoCoreError:
        return None
    date: str | None = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return date


def account_of(sts: Any) -> tuple[str, str]:
    """Return the account and the ARN of the caller.

    Raises:
        LakeAccessDenied, CredentialsExpired: AWS does not know these credentials.
        LakeError: there is no STS to ask.
    """
    with translated("ask whose credentials these are", "STS"):
        identity = sts.get_caller_identity()
    return str(identity["Account"]), str(identity["Arn"])


def credentials(sts: Any) -> Diagnosis:
    """Show whose credentials these are. An endpoint without STS is a warning, refused credentials are a failure."""
    try:
        account, arn = account_of(sts)
    except LakeError as error:
        if is_nobody(error):
            raise
        return Diagnosis(
            "warning",
            f"unknown: {error}",
            "Let this machine reach STS (a VPC needs an endpoint for it). Without it the bucket's owner is not checked.",
        )
    return Diagnosis("ok", f"{arn} in account {account}")


def region(name: str, is_aws: bool) -> Diagnosis:
    """Look the region up in botocore's list of partitions."""
    session = Session()
    partition = session.get_partition_for_region(name)
    known = name in session.get_available_regions("s3", partition)
    if known or not is_aws:
        return Diagnosis("ok", f"{name}, partition {partition}")
    return Diagnosis(
        "warning",
        f"{name} is not a region that this botocore knows",
        "Correct LAKE_REGION; for a new region, install a newer botocore.",
    )

"""Translation of boto3's exceptions into lakeworks' errors, with the action and the address."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidConfigError,
    InvalidProxiesConfigError,
    InvalidRegionError,
    InvalidRetryConfigurationError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnknownServiceError,
)
from botocore.parsers import ResponseParserError

from lakeworks.aws_error_codes import (
    ACTIONS,
    ARCHIVED,
    CLOCK,
    CLOCK_WORDS,
    DENIED,
    EXPIRED,
    GOVERNED,
    HINTS,
    KMS_STATES,
    MISSING,
    PASSING,
    PASSING_STATUS,
    QUOTAS,
    TAKEN,
    UNKNOWN_CALLER,
)
from lakeworks.errors import (
    ConfigError,
    CredentialsExpired,
    LakeAccessDenied,
    LakeError,
    LakeNotFound,
    LakeUnavailable,
    ObjectArchived,
    RequestRefused,
)

# An error code of AWS. An answer without one was cut off, or is a bare status: neither refuses the request.
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
# Exceptions that any boto3 call may raise.
AWS_ERRORS = (ClientError, BotoCoreError, S3UploadFailedError, ResponseParserError)
_SIGNED_OUT = (CredentialRetrievalError, SSOError, TokenRetrievalError)
_MISCONFIGURED = (
    ConfigNotFound,
    ConfigParseError,
    InvalidConfigError,
    InvalidProxiesConfigError,
    InvalidRegionError,
    InvalidRetryConfigurationError,
    NoRegionError,
    ProfileNotFound,
    UnknownServiceError,
)
_CHECK = "Check the credentials and their policy, then run again. The run continues after the finished part."


def lake_error(error: Exception, action: str, where: str) -> LakeError:
    """Return the lakeworks error for one of boto3's; `action` is a verb ("read"), `where` an address."""
    if isinstance(error, _SIGNED_OUT):
        return LakeAccessDenied(
            f"No AWS credentials to {action} `{where}`: {str(error).rstrip('.')}. Nothing was changed. Sign in again "
            "(`aws sso login`), or correct the credential process of the AWS profile."
        )
    if isinstance(error, _MISCONFIGURED):
        return ConfigError(
            f"The AWS configuration is wrong: {str(error).rstrip('.')}. Nothing was changed. Check AWS_PROFILE, AWS_REGION, "
            "LAKE_REGION, AWS_ENDPOINT_URL and ~/.aws/config, or the Airflow connection."
        )
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return LakeAccessDenied(
            f"No AWS credentials to {action} `{where}`: {error}. Nothing was changed. Set up the Airflow connection "
            "`aws_default`, or AWS_PROFILE or AWS_ACCESS_KEY_ID for the command line."
        )
    if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, ClientError):
        error = error.__context__
    if isinstance(error, ParamValidationError):
        says = " ".join(str(error).split()).rstrip(".")
        return RequestRefused(
            f"Could not {action} `{where}`: {says}. Nothing was sent; a retry cannot help. Finished steps remain. {_cure('')}"
        )
    if not isinstance(error, ClientError):
        return LakeUnavailable(f"Could not {action} `{where}`: {error}. Finished steps remain. Run again.")
    return _answered(error, action, where)


def _answered(error: ClientError, action: str, where: str) -> LakeError:
    """Return the error for an answer of AWS."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    text = f"Could not {action} `{where}`: {code} {error.response.get('Error', {}).get('Message', '')}".rstrip(" .")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in ARCHIVED:
        storage_class = str(error.response.get("Error", {}).get("StorageClass", ""))
        return ObjectArchived(
            f"{text}: it is archived{f' in {storage_class}' if storage_class else ''} and must be restored before it can be "
            "read. Nothing was changed. Look: lakeworks restore --help",
            storage_class,
        )
    if code in EXPIRED:
        return CredentialsExpired(
            f"{text}. Finished steps remain. Airflow tries again with new credentials; on a command line renew them "
            "(aws sso login, or the tool that made them), then run again."
        )
    if code in CLOCK or any(words in text for words in CLOCK_WORDS):
        return LakeUnavailable(
            f"{text}. The clock of this machine differs from AWS's by more than AWS admits. Finished steps remain. "
            "Synchronize the clock (chrony, systemd-timesyncd), then run again."
        )
    if code in DENIED or status in (401, 403):
        lacking = (
            "" if code in UNKNOWN_CALLER else f" (denied: {ACTIONS.get(error.operation_name, error.operation_name)})"
        )
        return LakeAccessDenied(f"{text}{lacking}. Finished steps remain. {_hint(code, text)}")
    if code in MISSING or status == 404:
        return LakeNotFound(f"{text}. {HINTS.get(code, '')}".rstrip())
    if 400 <= status < 500 and _CODE.fullmatch(code) and not _passes(code, status):
        return RequestRefused(
            f"{text}. AWS refuses the request, so a retry cannot help. Finished steps remain. {_cure(code)}"
        )
    return LakeUnavailable(f"{text}. Finished steps remain. Run again.")


def _hint(code: str, text: str) -> str:
    """Return the next step after a denial. Lake Formation decides beside IAM, and says so in the text alone."""
    return GOVERNED if "Lake Formation permission" in text else HINTS.get(code, _CHECK)


def _passes(code: str, status: int) -> bool:
    """Return True if the same request may succeed later."""
    return code not in TAKEN and (status in PASSING_STATUS or code in PASSING or "Throttl" in code)


def _cure(code: str) -> str:
    """Return the next step after a refusal."""
    if code in QUOTAS:
        return "It is a quota of the account: remove what is unused, or raise it in AWS Service Quotas."
    if code in TAKEN:
        return "The name is in use, perhaps in another account. Choose another one (lake.yml, LAKE_BUCKET)."
    if code.startswith(KMS_STATES):
        return "Look at the KMS key: it is disabled, deleted, or of another region or use. Then run again."
    return "Correct what the message names (lake.yml, the contract, a key or a size); if nothing there is wrong, report it."


def error_code(error: BaseException) -> str:
    """Return the AWS error code that caused one of our errors (`ExpiredToken`), empty if AWS gave none."""
    cause = error.__cause__ if isinstance(error, LakeError) else error
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


def is_nobody(error: LakeError) -> bool:
    """Return true if the credentials themselves are wrong or expired, rather than lacking one permission."""
    if isinstance(error, CredentialsExpired):
        return True
    return isinstance(error, LakeAccessDenied) and (
        error_code(error) in UNKNOWN_CALLER or "No AWS credentials" in str(error)
    )


class translated:  # noqa: N801 - read as `with translated("list", address)`
    """Raise boto3's errors in this block as lakeworks errors.

    A class, and no generator: it surrounds each of a scan's many requests, and costs a third of what a generator does.
    """

    def __init__(self, action: str, where: str) -> None:
        self.action = action
        self.where = where

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Translate what the block raised."""
        if isinstance(error, AWS_ERRORS):
            raise lake_error(error, self.action, self.where) from error


@contextmanager
def configured() -> Iterator[None]:
    """Raise ConfigError if boto3 rejects a profile, region or address while it makes a client."""
    try:
        with translated("connect to", "AWS"):
            yield
    except ValueError as error:  # botocore has no class of its own for it
        raise ConfigError(
            f"An AWS client cannot be made: {str(error).rstrip('.')}. Nothing was changed. Check AWS_ENDPOINT_URL and "
            "AWS_ENDPOINT_URL_<SERVICE>: an address like http://127.0.0.1:5000."
        ) from error

"""Translation of boto3's exceptions into lakeworks' errors, with the action and the address."""

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
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnknownServiceError,
)
from botocore.parsers import ResponseParserError

from lakeworks.errors import (
    ConfigError,
    CredentialsExpired,
    LakeAccessDenied,
    LakeError,
    LakeNotFound,
    LakeUnavailable,
    ObjectArchived,
)

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "InvalidToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "UnrecognizedClientException",
    "InvalidSecurity",
    "KMS.AccessDeniedException",
    "KmsAccessDenied",
    "AllAccessDisabled",
    "403",
}
# An expired session. The next attempt runs in a new task and fetches new credentials.
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_MISSING = {
    "404",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchVersion",
    "NotFound",
    "NotFoundException",
    "EntityNotFoundException",
    "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
}
# The clock of this machine is wrong: AWS answers 403 (STS: as a wrong signature), and no permission is missing.
_CLOCK = {"RequestTimeTooSkewed", "RequestInTheFuture"}
_CLOCK_WORDS = ("Signature expired", "Signature not yet current")
# S3 answers 403 for an archived object (GLACIER, DEEP_ARCHIVE). This is not a permission problem.
_ARCHIVED = {"InvalidObjectState", "ObjectNotInActiveTierError"}
_KMS = {"KMS.AccessDeniedException", "KmsAccessDenied"}
# AWS does not know the caller, so every further call would fail in the same way.
_NOBODY = _DENIED - _KMS - {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403"}
# The permission a call needs, where its name differs from the call's. Without s3:ListBucket S3 refuses to say that
# there is no object.
_READ = "s3:GetObject (of a version s3:GetObjectVersion), or s3:ListBucket if it does not exist"
_WRITE = "s3:PutObject (with tags s3:PutObjectTagging)"
_COPY = "s3:PutObject, or s3:GetObject (of a version s3:GetObjectVersion) of the source"
_ACTIONS = {
    "HeadBucket": "s3:ListBucket",
    "HeadObject": _READ,
    "GetObject": _READ,
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "DeleteObject": "s3:DeleteObject (of a version s3:DeleteObjectVersion)",
    "DeleteObjects": "s3:DeleteObject (of versions s3:DeleteObjectVersion)",
    "PutObject": _WRITE,
    "CopyObject": _COPY,
    "CreateMultipartUpload": _WRITE,
    "UploadPart": _WRITE,
    "UploadPartCopy": _COPY,
    "CompleteMultipartUpload": _WRITE,
    "GetObjectTagging": "s3:GetObjectTagging (of a version s3:GetObjectVersionTagging)",
    "PutObjectTagging": "s3:PutObjectTagging (of a version s3:PutObjectVersionTagging)",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "GetBucketReplication": "s3:GetReplicationConfiguration",
    "PutBucketReplication": "s3:PutReplicationConfiguration, or iam:PassRole on its role",
    "ListBucketInventoryConfigurations": "s3:GetInventoryConfiguration",
    "PutBucketInventoryConfiguration": "s3:PutInventoryConfiguration",
    "ListBucketIntelligentTieringConfigurations": "s3:GetIntelligentTieringConfiguration",
    "PutBucketIntelligentTieringConfiguration": "s3:PutIntelligentTieringConfiguration",
    "CreateCrawler": "CreateCrawler, or iam:PassRole on its role",
    "UpdateCrawler": "UpdateCrawler, or iam:PassRole on its role",
    "GetQueueUrl": "sqs:GetQueueUrl",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "TransactWriteItems": "dynamodb:PutItem or dynamodb:UpdateItem",
    **dict.fromkeys(
        ("DescribeBudget", "DescribeNotificationsForBudget", "DescribeSubscribersForNotification"), "budgets:ViewBudget"
    ),
    **dict.fromkeys(
        ("CreateBudget", "UpdateBudget", "CreateNotification", "DeleteNotification"), "budgets:ModifyBudget"
    ),
}
_NO_QUEUE = (
    "Run `lakeworks bootstrap`, which makes the queue of `inbox_events`, or correct its name or address in lake.yml. The queue "
    "must be in the region and account that the name says."
)
_HINTS = {
    "AWS.SimpleQueueService.NonExistentQueue": _NO_QUEUE,
    "QueueDoesNotExist": _NO_QUEUE,
    "KMS.AccessDeniedException": "Allow kms:Decrypt on the key that encrypts it, then run again.",
    "KmsAccessDenied": "Allow kms:Decrypt on the key that encrypts it, then run again.",
    "NoSuchBucket": "Create it: run the DAG `lake_bootstrap` (or `lakeworks bootstrap`), or correct LAKE_BUCKET.",
}
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
    if not isinstance(error, ClientError):
        return LakeUnavailable(f"Could not {action} `{where}`: {error}. Finished steps remain. Run again.")
    return _answered(error, action, where)


def _answered(error: ClientError, action: str, where: str) -> LakeError:
    """Return the error for an answer of AWS."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    text = f"Could not {action} `{where}`: {code} {error.response.get('Error', {}).get('Message', '')}".rstrip(" .")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _ARCHIVED:
        storage_class = str(error.response.get("Error", {}).get("StorageClass", ""))
        return ObjectArchived(
            f"{text}: it is archived{f' in {storage_class}' if storage_class else ''} and must be restored before it can be "
            "read. Nothing was changed. Look: lakeworks restore --help",
            storage_class,
        )
    if code in _EXPIRED:
        return CredentialsExpired(
            f"{text}. Finished steps remain. Airflow tries again with new credentials; on a command line renew them "
            "(aws sso login, or the tool that made them), then run again."
        )
    if code in _CLOCK or any(words in text for words in _CLOCK_WORDS):
        return LakeUnavailable(
            f"{text}. The clock of this machine differs from AWS's by more than AWS admits. Finished steps remain. "
            "Synchronize the clock (chrony, systemd-timesyncd), then run again."
        )
    if code in _DENIED or status in (401, 403):
        lacking = "" if code in _NOBODY else f" (denied: {_ACTIONS.get(error.operation_name, error.operation_name)})"
        return LakeAccessDenied(f"{text}{lacking}. Finished steps remain. {_HINTS.get(code, _CHECK)}")
    if code in _MISSING or status == 404:
        return LakeNotFound(f"{text}. {_HINTS.get(code, '')}".rstrip())
    return LakeUnavailable(f"{text}. Finished steps remain. Run again.")


def error_code(error: BaseException) -> str:
    """Return the AWS error code that caused one of our errors (`ExpiredToken`), empty if AWS gave none."""
    cause = error.__cause__ if isinstance(error, LakeError) else error
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


def is_nobody(error: LakeError) -> bool:
    """Return true if the credentials themselves are wrong or expired, rather than lacking one permission."""
    if isinstance(error, CredentialsExpired):
        return True
    return isinstance(error, LakeAccessDenied) and (error_code(error) in _NOBODY or "No AWS credentials" in str(error))


@contextmanager
def translated(action: str, where: str) -> Iterator[None]:
    """Raise boto3's errors in this block as lakeworks errors."""
    try:
        yield
    except AWS_ERRORS as error:
        raise lake_error(error, action, where) from error


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

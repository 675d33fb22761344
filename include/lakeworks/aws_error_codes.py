"""Error codes of AWS by their meaning, the permission that a refused call needs, and the next step."""

DENIED = {
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
    "KMSAccessDeniedException",
    "KmsAccessDenied",
    "AllAccessDisabled",
    "403",
}
# An expired session. The next attempt runs in a new task and fetches new credentials.
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
MISSING = {
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
CLOCK = {"RequestTimeTooSkewed", "RequestInTheFuture"}
CLOCK_WORDS = ("Signature expired", "Signature not yet current")
# S3 answers 403 for an archived object (GLACIER, DEEP_ARCHIVE). This is not a permission problem.
ARCHIVED = {"InvalidObjectState", "ObjectNotInActiveTierError"}
# S3, Kinesis and SQS each spell it their way.
_KMS = {"KMS.AccessDeniedException", "KMSAccessDeniedException", "KmsAccessDenied"}
# AWS does not know the caller, so every further call would fail in the same way.
UNKNOWN_CALLER = DENIED - _KMS - {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403"}
# Answers of 4xx that pass: throttling, a lost race, a body damaged on its way. Every other 4xx refuses the request itself.
PASSING_STATUS = {408, 409, 412, 423, 425, 429}
PASSING = {
    "BandwidthLimitExceeded",
    "Busy",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "SlowDown",
    "TooManyRequestsException",
    # another writer or another state meanwhile
    "AlreadyExistsException",
    "ConcurrentModificationException",
    "ConcurrentRunsExceededException",
    "ConditionalCheckFailedException",
    "CrawlerRunningException",
    "ExpiredIteratorException",
    "FederationSourceRetryableException",
    "InvalidPart",
    "OperationTimeoutException",
    "OverLimit",
    "QueueDeletedRecently",
    "ReplicatedWriteConflictException",
    "ResourceInUseException",
    "ResourceNotReadyException",
    "SchedulerTransitioningException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "VersionMismatchException",
    # the body was damaged or cut off on its way
    "BadDigest",
    "IncompleteBody",
    "XAmzContentSHA256Mismatch",
    # a fault of the service, whatever its status
    "InternalError",
    "InternalErrorException",
    "InternalFailure",
    "InternalFailureException",
    "InternalServerError",
    "InternalServerException",
    "InternalServiceException",
}
# Answers of 409 that stay: the name is in use, perhaps in another account.
TAKEN = {"BucketAlreadyExists", "CNAMEAlreadyExists", "DistributionAlreadyExists", "OriginAccessControlAlreadyExists"}
QUOTAS = {
    "CreationLimitExceededException",
    "EntityLimitExceeded",
    "LimitExceeded",
    "ResourceNumberLimitExceededException",
    "ServiceQuotaExceededException",
    "TooManyBuckets",
    "TooManyDistributions",
    "TooManyOriginAccessControls",
}
KMS_STATES = ("KMS", "Kms", "GlueEncryptionException", "InvalidKMSResourceException")
# The permission a call needs, where its name differs from the call's. Without s3:ListBucket S3 refuses to say that
# there is no object.
_READ = "s3:GetObject (of a version s3:GetObjectVersion), or s3:ListBucket if it does not exist"
_WRITE = "s3:PutObject (with tags s3:PutObjectTagging)"
_COPY = "s3:PutObject, or s3:GetObject (of a version s3:GetObjectVersion) of the source"
ACTIONS = {
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
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
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
    "ListBucketMetricsConfigurations": "s3:GetMetricsConfiguration",
    "PutBucketMetricsConfiguration": "s3:PutMetricsConfiguration",
    "ListBucketAnalyticsConfigurations": "s3:GetAnalyticsConfiguration",
    "PutBucketAnalyticsConfiguration": "s3:PutAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "s3:GetIntelligentTieringConfiguration",
    "PutBucketIntelligentTieringConfiguration": "s3:PutIntelligentTieringConfiguration",
    "CreateCrawler": "CreateCrawler, or iam:PassRole on its role",
    "UpdateCrawler": "UpdateCrawler, or iam:PassRole on its role",
    "CreateApplication": "emr-serverless:CreateApplication (with tags emr-serverless:TagResource)",
    "CreateDeliveryStream": "CreateDeliveryStream or firehose:TagDeliveryStream, or iam:PassRole on its role",
    "UpdateDestination": "UpdateDestination, or iam:PassRole on its role",
    "CreateTable": "CreateTable (of DynamoDB dynamodb:TagResource too)",
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
GOVERNED = (
    "Lake Formation decides beside IAM: name the role of the runs in `lake_formation` of lake.yml, and run the bootstrap as a "
    "data lake administrator (docs/lake-formation.md)."
)
HINTS = {
    "AWS.SimpleQueueService.NonExistentQueue": _NO_QUEUE,
    "QueueDoesNotExist": _NO_QUEUE,
    "KMS.AccessDeniedException": "Allow kms:Decrypt on the key that encrypts it, then run again.",
    "KmsAccessDenied": "Allow kms:Decrypt on the key that encrypts it, then run again.",
    "KMSAccessDeniedException": "Allow kms:Decrypt on the key that encrypts it, then run again.",
    "NoSuchBucket": "Create it: run the DAG `lake_bootstrap` (or `lakeworks bootstrap`), or correct LAKE_BUCKET.",
}

"""The one table of AWS calls that lakeworks makes: the operation, the IAM actions it needs, on what, and for what purpose.

Policies are made from it, so it must not lag behind the code: `tests/lakeworks/permissions/test_aws_calls.py` reads every
call site, and fails for a call that has no row and for a row that no code needs.
Source: Service Authorization Reference. `s3:GetObject` does not cover a read by version: that is `s3:GetObjectVersion`.
"""

from collections.abc import Iterator
from itertools import chain

from lakeworks.permissions.aws_call import AwsCall, On, Purpose
from lakeworks.permissions.catalog_calls import TABLES_KEPT
from lakeworks.permissions.dev_calls import DEV_CALLS
from lakeworks.permissions.failover_calls import FAILOVER_CALLS
from lakeworks.permissions.lake_formation_calls import LAKE_FORMATION_CALLS
from lakeworks.permissions.spark_calls import SPARK_CALLS
from lakeworks.permissions.stream_calls import STREAM_CALLS


def every_call() -> tuple[AwsCall, ...]:
    """Return every row of the table."""
    return tuple(_rows())


def actions_for(purpose: Purpose, on: On, feature: str = "") -> frozenset[str]:
    """Return the IAM actions that a purpose needs on some resources, for a feature of lake.yml or whatever it declares."""
    granted = (
        call.actions for call in every_call() if purpose in call.purposes and call.on == on and call.feature == feature
    )
    return frozenset(chain.from_iterable(granted))


def _rows() -> Iterator[AwsCall]:
    for (purposes, on, feature), operations in (
        _TABLE | STREAM_CALLS | DEV_CALLS | FAILOVER_CALLS | SPARK_CALLS | LAKE_FORMATION_CALLS
    ).items():
        who = frozenset(Purpose(word) for word in purposes.split())
        for line in operations.strip().splitlines():
            operation, *actions = line.split()
            yield AwsCall(operation, tuple(actions) or (operation.replace(".", ":"),), on, who, feature)


# (purposes, resources, feature of lake.yml): an operation and its actions a line; without actions, that of the same name.
_TABLE = {
    ("run maintenance failover", On.LAKE, ""): """
        s3.HeadObject             s3:GetObject s3:GetObjectVersion
        s3.GetObject              s3:GetObject s3:GetObjectVersion
        s3.PutObject
        s3.CreateMultipartUpload  s3:PutObject
        s3.UploadPart             s3:PutObject
        s3.UploadPartCopy         s3:PutObject s3:GetObject s3:GetObjectVersion
        s3.CompleteMultipartUpload s3:PutObject
        s3.AbortMultipartUpload
        s3.DeleteObject
        s3.DeleteObjects          s3:DeleteObject
    """,
    ("run maintenance failover", On.LAKE_LIST, ""): "s3.ListObjectsV2 s3:ListBucket",
    ("run maintenance", On.LAKE, "object_tags"): """
        s3.PutObject              s3:PutObjectTagging
        s3.CreateMultipartUpload  s3:PutObjectTagging
        s3.HeadObject             s3:GetObjectTagging s3:GetObjectVersionTagging
    """,
    ("maintenance", On.LAKE, "object_tags"): """
        s3.GetObjectTagging       s3:GetObjectTagging s3:GetObjectVersionTagging
        s3.PutObjectTagging       s3:PutObjectTagging s3:PutObjectVersionTagging
    """,
    ("maintenance failover", On.LAKE_LIST, ""): "s3.ListObjectVersions s3:ListBucketVersions",
    ("maintenance doctor", On.BUCKETS, ""): "s3.ListMultipartUploads s3:ListBucketMultipartUploads",
    ("maintenance", On.LAKE, ""): "s3.RestoreObject",
    ("run maintenance failover", On.CATALOG, ""): f"""
        {TABLES_KEPT}
        glue.DeletePartition
        glue.GetPartitionIndexes
        glue.CreatePartitionIndex
    """,
    # `catalog.landing` in a contract
    ("run maintenance", On.LANDING_CATALOG, ""): TABLES_KEPT,
    ("bootstrap", On.LANDING_CATALOG, ""): "glue.GetDatabase\nglue.CreateDatabase",
    ("run", On.QUEUE, "inbox_events"): """
        sqs.GetQueueUrl
        sqs.ReceiveMessage
        sqs.DeleteMessageBatch    sqs:DeleteMessage
    """,
    # S3 calls KMS in the caller's name: an upload in parts needs both.
    ("run maintenance bootstrap doctor read athena spark stream delivery failover dev", On.KEY, "kms"): """
        s3.PutObject              kms:GenerateDataKey
        s3.GetObject              kms:Decrypt
    """,
    ("cost", On.KEY, "kms"): "s3.GetObject kms:Decrypt",
    ("cost", On.BUCKETS, ""): """
        s3.ListObjectVersions     s3:ListBucketVersions
        s3.GetBucketLifecycleConfiguration s3:GetLifecycleConfiguration
    """,
    ("cost", On.REPORTS, ""): "s3.GetObject",
    ("cost", On.REPORT_LIST, ""): "s3.ListObjectsV2 s3:ListBucket",
    ("cost", On.ANYTHING, ""): "ce.GetCostAndUsage",
    ("read", On.LIVE, ""): "s3.GetObject s3:GetObject s3:GetObjectVersion",
    # Who could read the files would see the columns that Lake Formation withholds.
    ("athena", On.LIVE, "ungoverned"): "s3.GetObject s3:GetObject s3:GetObjectVersion",
    ("athena", On.LIVE_LIST, "ungoverned"): "s3.ListObjectsV2 s3:ListBucket",
    ("read", On.RECORDS, ""): "s3.GetObject s3:GetObject s3:GetObjectVersion",
    ("read", On.LIVE_LIST, ""): "s3.ListObjectsV2 s3:ListBucket",
    ("read", On.RECORD_LIST, ""): "s3.ListObjectsV2 s3:ListBucket",
    ("read athena", On.CATALOG, ""): """
        glue.GetDatabase
        glue.GetTable
        glue.GetPartitions
        glue.BatchGetPartition
    """,
    # Athena works in the caller's name: it writes the answer, and reads catalog and tables.
    ("read athena doctor", On.RESULTS, "athena"): """
        athena.StartQueryExecution s3:GetObject s3:PutObject s3:AbortMultipartUpload s3:ListMultipartUploadParts
    """,
    ("read athena doctor", On.RESULT_LIST, "athena"): "athena.StartQueryExecution s3:ListBucket",
    ("read athena doctor", On.BUCKETS, "athena"): "athena.StartQueryExecution s3:GetBucketLocation",
    ("read athena", On.CATALOG, "athena"): "athena.StartQueryExecution glue:GetDatabases glue:GetTables glue:GetPartition",
    ("read athena doctor", On.WORK_GROUP, "athena"): """
        athena.GetWorkGroup
        athena.StartQueryExecution
        athena.StopQueryExecution
        athena.GetQueryExecution
        athena.GetQueryResults
    """,
    ("cost", On.WORK_GROUPS, "athena"): """
        athena.ListQueryExecutions
        athena.BatchGetQueryExecution
    """,
    ("crawl bootstrap", On.CRAWLERS, "crawlers"): """
        glue.GetCrawler
        glue.CreateCrawler
        glue.UpdateCrawler
    """,
    ("crawl bootstrap", On.CRAWLER_ROLES, "crawlers"): """
        glue.CreateCrawler        iam:PassRole
        glue.UpdateCrawler        iam:PassRole
    """,
    ("crawl", On.CRAWLERS, "crawlers"): "glue.StartCrawler",
    ("doctor", On.BUCKETS, ""): """
        s3.HeadBucket             s3:ListBucket
        s3.GetBucketVersioning
        s3.GetObjectLockConfiguration s3:GetBucketObjectLockConfiguration
        s3.GetBucketRequestPayment
    """,
    ("doctor", On.TRIALS, ""): """
        s3.GetObject              s3:GetObject s3:GetObjectVersion
        s3.PutObject
        s3.CreateMultipartUpload  s3:PutObject
        s3.AbortMultipartUpload
        s3.DeleteObject           s3:DeleteObject s3:DeleteObjectVersion
    """,
    ("doctor", On.TRIAL_LIST, ""): "s3.ListObjectVersions s3:ListBucketVersions",
    ("doctor", On.CATALOG, ""): "glue.GetDatabase\nglue.GetTables",
    ("doctor", On.TRIAL_TABLES, ""): """
        glue.CreateTable
        glue.GetTable
        glue.DeleteTable
    """,
    ("bootstrap", On.ALL_BUCKETS, ""): """
        s3.CreateBucket
        s3.HeadBucket             s3:ListBucket
        s3.ListObjectsV2          s3:ListBucket
        s3.GetBucketVersioning
        s3.PutBucketVersioning
        s3.GetBucketEncryption    s3:GetEncryptionConfiguration
        s3.PutBucketEncryption    s3:PutEncryptionConfiguration
        s3.DeleteBucketEncryption s3:PutEncryptionConfiguration
        s3.GetPublicAccessBlock   s3:GetBucketPublicAccessBlock
        s3.PutPublicAccessBlock   s3:PutBucketPublicAccessBlock
        s3.GetBucketOwnershipControls
        s3.PutBucketOwnershipControls
        s3.GetBucketTagging
        s3.PutBucketTagging
        s3.GetBucketPolicy
        s3.PutBucketPolicy
        s3.GetBucketLifecycleConfiguration s3:GetLifecycleConfiguration
        s3.PutBucketLifecycleConfiguration s3:PutLifecycleConfiguration
        s3.GetBucketNotificationConfiguration s3:GetBucketNotification
        s3.PutBucketNotificationConfiguration s3:PutBucketNotification
    """,
    ("bootstrap", On.BUCKETS, "intelligent_tiering"): """
        s3.ListBucketIntelligentTieringConfigurations s3:GetIntelligentTieringConfiguration
        s3.PutBucketIntelligentTieringConfiguration s3:PutIntelligentTieringConfiguration
    """,
    ("bootstrap", On.BUCKETS, "inventory"): """
        s3.ListBucketInventoryConfigurations s3:GetInventoryConfiguration
        s3.PutBucketInventoryConfiguration s3:PutInventoryConfiguration
    """,
    ("bootstrap", On.BUCKETS, "request_metrics"): """
        s3.ListBucketMetricsConfigurations s3:GetMetricsConfiguration
        s3.PutBucketMetricsConfiguration s3:PutMetricsConfiguration
    """,
    ("bootstrap", On.BUCKETS, "storage_class_analysis"): """
        s3.ListBucketAnalyticsConfigurations s3:GetAnalyticsConfiguration
        s3.PutBucketAnalyticsConfiguration s3:PutAnalyticsConfiguration
    """,
    ("bootstrap", On.BUCKETS, "logging"): "s3.GetBucketLogging\ns3.PutBucketLogging",
    # of the copies' bucket too, which must not replicate back
    ("bootstrap", On.ALL_BUCKETS, "replication"): "s3.GetBucketReplication s3:GetReplicationConfiguration",
    ("bootstrap", On.BUCKETS, "replication"): "s3.PutBucketReplication s3:PutReplicationConfiguration",
    ("bootstrap", On.REPLICATION_ROLE, "replication"): "s3.PutBucketReplication iam:PassRole",
    ("bootstrap", On.SETUP, ""): """
        s3.GetObject
        s3.PutObject
        s3.DeleteObject
    """,
    ("bootstrap", On.CATALOG, ""): "glue.GetDatabase\nglue.CreateDatabase",
    # `lakeworks tenant add`
    ("bootstrap", On.TENANT_CATALOG, ""): "glue.GetDatabase\nglue.CreateDatabase",
    ("bootstrap", On.TENANT_RECORDS, ""): "s3.GetObject\ns3.PutObject",
    ("bootstrap", On.WORK_GROUPS, "athena"): """
        athena.GetWorkGroup
        athena.CreateWorkGroup
        athena.UpdateWorkGroup
    """,
    # Lists and creations know no single distribution.
    ("bootstrap", On.ANYTHING, "cloudfront"): """
        cloudfront.ListOriginAccessControls
        cloudfront.GetOriginAccessControl
        cloudfront.CreateOriginAccessControl
        cloudfront.UpdateOriginAccessControl
        cloudfront.ListDistributions
        cloudfront.GetDistributionConfig
        cloudfront.CreateDistribution
        cloudfront.UpdateDistribution
    """,
    ("bootstrap", On.QUEUE, "inbox_events"): """
        sqs.GetQueueUrl
        sqs.CreateQueue
        sqs.GetQueueAttributes
        sqs.SetQueueAttributes
    """,
    ("bootstrap", On.ALARM, "alarm"): "cloudwatch.DescribeAlarms\ncloudwatch.PutMetricAlarm",
    ("bootstrap", On.ALARM, "streams"): "cloudwatch.DescribeAlarms\ncloudwatch.PutMetricAlarm",
    ("bootstrap", On.BUDGET, "budget"): """
        budgets.DescribeBudget    budgets:ViewBudget
        budgets.DescribeNotificationsForBudget budgets:ViewBudget
        budgets.DescribeSubscribersForNotification budgets:ViewBudget
        budgets.CreateBudget      budgets:ModifyBudget
        budgets.UpdateBudget      budgets:ModifyBudget
        budgets.CreateNotification budgets:ModifyBudget
        budgets.DeleteNotification budgets:ModifyBudget
    """,
}  # fmt: skip

# Calls that no policy grants: AWS asks for no permission, or an administrator makes them (`lakeworks bucket`).
UNGRANTED = ("sts.GetCallerIdentity", "s3.ListBuckets", "s3.DeleteBucket")

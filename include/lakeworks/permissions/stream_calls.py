"""AWS calls of streams: of bootstrap, of producers and consumers, and those that Firehose makes as its own role."""

from collections.abc import Mapping

from lakeworks.permissions.aws_call import On

# As the table of `aws_calls.py`.
STREAM_CALLS = {
    ("bootstrap", On.STREAMS, "streams"): """
        kinesis.DescribeStreamSummary
        kinesis.ListStreamConsumers
        kinesis.ListTagsForStream
        kinesis.CreateStream
        kinesis.AddTagsToStream
        kinesis.UpdateStreamMode
        kinesis.UpdateShardCount
        kinesis.IncreaseStreamRetentionPeriod
        kinesis.StartStreamEncryption
        kinesis.StopStreamEncryption
    """,
    ("bootstrap", On.STREAM_TABLES, "streams"): """
        dynamodb.DescribeTable
        dynamodb.DescribeTimeToLive
        dynamodb.CreateTable      dynamodb:CreateTable dynamodb:TagResource
        dynamodb.UpdateTable
        dynamodb.UpdateTimeToLive
    """,
    ("bootstrap doctor", On.DELIVERIES, "deliveries"): "firehose.DescribeDeliveryStream",
    ("bootstrap", On.DELIVERIES, "deliveries"): """
        firehose.CreateDeliveryStream firehose:CreateDeliveryStream firehose:TagDeliveryStream
        firehose.ListTagsForDeliveryStream
        firehose.UpdateDestination
    """,
    ("bootstrap", On.DELIVERY_ROLES, "deliveries"): """
        firehose.CreateDeliveryStream iam:PassRole
        firehose.UpdateDestination iam:PassRole
    """,
    ("stream", On.STREAMS, "fan_out"): "kinesis.ListStreamConsumers\nkinesis.DescribeStreamSummary",
    ("bootstrap", On.STREAMS, "fan_out"): "kinesis.RegisterStreamConsumer",
    ("bootstrap", On.STREAM_CONSUMERS, "fan_out"): "kinesis.RegisterStreamConsumer",
    ("stream", On.STREAM_CONSUMERS, "fan_out"): "kinesis.SubscribeToShard",
    ("stream", On.STREAM_KEYS, "streams"): "kinesis.PutRecords kms:GenerateDataKey",
    ("stream delivery", On.STREAM_KEYS, "streams"): """
        kinesis.GetRecords        kms:Decrypt
    """,
    ("stream", On.STREAM_KEY_ALIASES, "streams"): "kinesis.PutRecords kms:GenerateDataKey",
    ("stream delivery", On.STREAM_KEY_ALIASES, "streams"): """
        kinesis.GetRecords        kms:Decrypt
    """,
    ("stream", On.STREAMS, "streams"): """
        kinesis.PutRecords
        kinesis.ListShards
        kinesis.GetShardIterator
        kinesis.GetRecords
    """,
    ("stream", On.LANDED, "streams"): "s3.PutObject\ns3.HeadObject s3:GetObject",
    # Without it S3 says of a batch that has not landed yet that it is denied.
    ("stream", On.LANDED_LIST, "streams"): "s3.HeadObject s3:ListBucket",
    ("stream", On.LANDED, "object_tags"): "s3.PutObject s3:PutObjectTagging",
    ("run", On.STREAM_TABLES, "streams"): "dynamodb.Query",
    ("stream", On.STREAM_TABLES, "streams"): """
        dynamodb.GetItem
        dynamodb.PutItem
        dynamodb.Query
        dynamodb.TransactWriteItems dynamodb:PutItem dynamodb:UpdateItem
    """,
}  # fmt: skip

# Firehose makes these calls, not lakeworks. Source: Amazon Data Firehose, *Controlling access*, for a Kinesis stream and S3.
DELIVERY_ACTIONS: Mapping[On, frozenset[str]] = {
    On.DELIVERED_STREAMS: frozenset(
        {"kinesis:DescribeStream", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"}
    ),
    On.DELIVERED_FILES: frozenset({"s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"}),
    On.DELIVERY_BUCKET: frozenset({"s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"}),
}

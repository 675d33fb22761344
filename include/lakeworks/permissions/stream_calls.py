"""The AWS calls for streams: what bootstrap makes, and what producers and consumers ask."""

from lakeworks.permissions.aws_call import On

# Written as the rows of `aws_calls`.
STREAM_CALLS = {
    ("bootstrap", On.STREAMS, "streams"): """
        kinesis.DescribeStreamSummary
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
        dynamodb.CreateTable
        dynamodb.UpdateTable
        dynamodb.UpdateTimeToLive
    """,
    ("stream", On.STREAMS, "streams"): """
        kinesis.PutRecords
        kinesis.ListShards
        kinesis.GetShardIterator
        kinesis.GetRecords
    """,
    ("stream", On.STREAM_TABLES, "streams"): """
        dynamodb.GetItem
        dynamodb.PutItem
        dynamodb.Query
        dynamodb.TransactWriteItems dynamodb:PutItem dynamodb:UpdateItem
    """,
}  # fmt: skip

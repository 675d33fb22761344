"""AWS calls of a failover besides those of runs and maintenance: its bucket's policy, and the other bucket's ledger."""

from lakeworks.permissions.aws_call import On

# As the table of `aws_calls.py`.
FAILOVER_CALLS = {
    ("failover", On.BUCKETS, ""): """
        s3.GetBucketPolicy
        s3.PutBucketPolicy
        s3.DeleteBucketPolicy
    """,
    ("failover", On.OTHER_LEDGER, "replication"): "s3.GetObject\ns3.PutObject",
    ("failover", On.OTHER_LEDGER_LIST, "replication"): "s3.ListObjectsV2 s3:ListBucket",
}

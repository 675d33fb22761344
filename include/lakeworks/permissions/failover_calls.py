"""AWS calls of a failover: at the bucket that takes over, and in the ledger of the other one, if that answers."""

from lakeworks.permissions.aws_call import On

# As the table of `aws_calls.py`.
FAILOVER_CALLS = {
    ("failover", On.LAKE, ""): """
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
    ("failover", On.LAKE_LIST, ""): "s3.ListObjectsV2 s3:ListBucket\ns3.ListObjectVersions s3:ListBucketVersions",
    ("failover", On.BUCKETS, ""): """
        s3.GetBucketPolicy
        s3.PutBucketPolicy
        s3.DeleteBucketPolicy
    """,
    ("failover", On.CATALOG, ""): """
        glue.GetDatabase
        glue.CreateDatabase
        glue.GetTable
        glue.CreateTable
        glue.UpdateTable
        glue.GetPartitions
        glue.BatchGetPartition
        glue.BatchCreatePartition
        glue.BatchUpdatePartition
        glue.BatchDeletePartition
        glue.DeletePartition
        glue.GetPartitionIndexes
        glue.CreatePartitionIndex
    """,
    ("failover", On.OTHER_LEDGER, "replication"): "s3.GetObject\ns3.PutObject",
    ("failover", On.OTHER_LEDGER_LIST, "replication"): "s3.ListObjectsV2 s3:ListBucket",
    ("failover", On.KEY, "kms"): """
        s3.PutObject              kms:GenerateDataKey
        s3.GetObject              kms:Decrypt
    """,
}

"""AWS calls of dev lakes: they read the live lake, and write only below `_dev/` and in databases of their own."""

from lakeworks.permissions.aws_call import On
from lakeworks.permissions.catalog_calls import TABLES_KEPT

# As the table of `aws_calls.py`.
DEV_CALLS = {
    ("dev", On.LAKE, ""): """
        s3.HeadObject             s3:GetObject s3:GetObjectVersion
        s3.GetObject              s3:GetObject s3:GetObjectVersion
    """,
    ("dev", On.LAKE_LIST, ""): "s3.ListObjectsV2 s3:ListBucket",
    ("dev", On.DEV, ""): """
        s3.PutObject
        s3.CreateMultipartUpload  s3:PutObject
        s3.UploadPart             s3:PutObject
        s3.UploadPartCopy         s3:PutObject s3:GetObject s3:GetObjectVersion
        s3.CompleteMultipartUpload s3:PutObject
        s3.AbortMultipartUpload
        s3.DeleteObject
    """,
    ("dev maintenance", On.DEV, ""): "s3.DeleteObjects s3:DeleteObject s3:DeleteObjectVersion",
    ("dev maintenance", On.DEV_LIST, ""): "s3.ListObjectVersions s3:ListBucketVersions",
    ("dev run maintenance", On.DEV_CATALOG, ""): TABLES_KEPT,
    ("dev maintenance", On.DEV_CATALOG, ""): "glue.DeleteDatabase",
    ("dev", On.CATALOG, ""): "glue.GetTable\nglue.GetPartitions",
}

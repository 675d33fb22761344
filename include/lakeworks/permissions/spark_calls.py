"""AWS calls of Spark builds: those that start and look at jobs, those of bootstrap, and what the jobs themselves do in S3.

Only the part of lake.yml that is declared counts: `spark.emr_serverless` or `spark.glue`.
"""

from lakeworks.permissions.aws_call import On

# As the table of `aws_calls.py`.
SPARK_CALLS = {
    ("run", On.SPARK_APPLICATION, "spark"): """
        emr-serverless.ListApplications
        emr-serverless.StartJobRun
        emr-serverless.ListJobRuns
        emr-serverless.GetJobRun
        emr-serverless.CancelJobRun
    """,
    ("run", On.SPARK_JOB, "spark"): """
        glue.StartJobRun
        glue.GetJobRuns
        glue.GetJobRun
        glue.BatchStopJobRun
    """,
    ("run", On.SPARK_ROLES, "spark"): "emr-serverless.StartJobRun iam:PassRole",
    ("bootstrap", On.SPARK_ROLES, "spark"): """
        glue.CreateJob            iam:PassRole
        glue.UpdateJob            iam:PassRole
    """,
    ("bootstrap", On.SPARK_APPLICATION, "spark"): """
        emr-serverless.ListApplications
        emr-serverless.GetApplication
        emr-serverless.CreateApplication emr-serverless:CreateApplication emr-serverless:TagResource
        emr-serverless.UpdateApplication
    """,
    ("bootstrap", On.SPARK_JOB, "spark"): """
        glue.GetJob
        glue.CreateJob
        glue.UpdateJob
    """,
    ("bootstrap", On.SPARK_FILE, "spark"): """
        s3.HeadObject             s3:GetObject
        s3.PutObject
    """,
    ("doctor", On.SPARK_APPLICATION, "spark"): "emr-serverless.ListApplications",
    ("doctor", On.SPARK_JOB, "spark"): "glue.GetJob",
    ("doctor", On.SPARK_FILE, "spark"): "s3.HeadObject s3:GetObject",
    # the jobs: they read published tables and the order, and write into staging alone
    ("spark", On.SPARK_FILE, "spark"): "s3.GetObject",
    ("spark", On.LIVE, "spark"): "s3.GetObject",
    ("spark", On.LIVE_LIST, "spark"): "s3.ListObjectsV2 s3:ListBucket",
    ("spark", On.STAGING, "spark"): """
        s3.GetObject
        s3.PutObject
        s3.DeleteObject
        s3.AbortMultipartUpload
    """,
    ("spark", On.STAGING_LIST, "spark"): "s3.ListObjectsV2 s3:ListBucket",
}

"""Request metrics and storage-class analysis in the two export languages."""

import re

from lakeworks.infrastructure.resource import Document, Resource

# Kinds of which a bucket has several, each with its member in CloudFormation's bucket.
MANY_A_BUCKET = {
    "intelligent tiering": "IntelligentTieringConfigurations",
    "request metrics": "MetricsConfigurations",
    "storage class analysis": "AnalyticsConfigurations",
}


def metrics_properties(desired: Document) -> Document:
    """Return a metrics configuration of CloudFormation."""
    return {"Id": desired["Id"], **_prefix(desired)}


def analysis_properties(desired: Document) -> Document:
    """Return an analytics configuration of CloudFormation."""
    analysis: Document = {}
    if export := desired["StorageClassAnalysis"].get("DataExport"):
        to = export["Destination"]["S3BucketDestination"]
        destination = {"BucketArn" if key == "Bucket" else key: value for key, value in to.items()}
        analysis = {"DataExport": {"OutputSchemaVersion": export["OutputSchemaVersion"], "Destination": destination}}
    return {"Id": desired["Id"], **_prefix(desired), "StorageClassAnalysis": analysis}


def terraform_metrics(resource: Resource, desired: Document) -> Document:
    """Return a metric of Terraform."""
    return {"bucket": _on(resource.name), "name": desired["Id"], **_terraform_filter(desired)}


def terraform_analysis(resource: Resource, desired: Document) -> Document:
    """Return an analytics configuration of Terraform."""
    analysis: Document = {}
    if export := desired["StorageClassAnalysis"].get("DataExport"):
        to = export["Destination"]["S3BucketDestination"]
        names = {"Bucket": "bucket_arn", "BucketAccountId": "bucket_account_id", "Format": "format", "Prefix": "prefix"}
        place = {names[key]: value for key, value in to.items()}
        destination = {"s3_bucket_destination": place}
        export = {"output_schema_version": export["OutputSchemaVersion"], "destination": destination}
        analysis = {"storage_class_analysis": {"data_export": export}}
    return {"bucket": _on(resource.name), "name": desired["Id"], **_terraform_filter(desired), **analysis}


def _prefix(desired: Document) -> Document:
    return {"Prefix": desired["Filter"]["Prefix"]} if "Filter" in desired else {}


def _terraform_filter(desired: Document) -> Document:
    return {"filter": {"prefix": desired["Filter"]["Prefix"]}} if "Filter" in desired else {}


def _on(bucket: str) -> str:
    """Return a reference, so that Terraform orders the two."""
    return f"${{aws_s3_bucket.{re.sub(r'[^A-Za-z0-9_]', '_', bucket)}.id}}"

"""Request metrics and storage-class analysis: S3 stores these configurations one by one, each under our id."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lakeworks.infrastructure.bucket_names import OURS
from lakeworks.infrastructure.reports.config import PrefixAnalysis, PrefixMetrics
from lakeworks.infrastructure.resource import Document, Resource, every_page, without_empty


@dataclass(frozen=True)
class RequestMetrics(Resource):
    """CloudWatch metrics of the requests to a prefix, each minute: numbers, errors, bytes, latency."""

    kind: ClassVar[str] = "request metrics"
    metrics: PrefixMetrics = field(default_factory=lambda: PrefixMetrics(id="all"))

    def desired(self) -> Document:
        """Return the configuration."""
        return {"Id": f"{OURS}{self.metrics.id}", **_filter(self.metrics.prefix)}

    def read(self, client: Any) -> Document | None:
        """Return our configuration from the list of all: some servers send an empty one for an unknown id."""
        return _ours(client.list_bucket_metrics_configurations, "MetricsConfigurationList", self.name, self.desired())

    def write(self, client: Any, target: Document) -> None:
        """Create or replace ours."""
        client.put_bucket_metrics_configuration(Bucket=self.name, Id=target["Id"], MetricsConfiguration=target)

    def notes(self, current: Document) -> list[str]:
        """Warn that CloudWatch charges for them."""
        where = self.metrics.prefix or "the whole bucket"
        return [
            f"CloudWatch charges for the request metrics of {where} as for custom metrics, for each metric with data"
        ]


@dataclass(frozen=True)
class StorageClassAnalysis(Resource):
    """S3's own observation of how old the objects of a prefix are when they are read, with a daily CSV export."""

    kind: ClassVar[str] = "storage class analysis"
    analysis: PrefixAnalysis = field(default_factory=lambda: PrefixAnalysis(id="all"))
    to: str = ""
    account: str | None = None
    partition: str = "aws"

    def desired(self) -> Document:
        """Return the configuration. The folder of the export is that of inventories, which S3 may write to."""
        identity = {"Id": f"{OURS}{self.analysis.id}", **_filter(self.analysis.prefix)}
        if not self.analysis.export:
            return {**identity, "StorageClassAnalysis": {}}
        destination = {
            "Format": "CSV",
            "Bucket": f"arn:{self.partition}:s3:::{self.to}",
            "Prefix": f"{self.analysis.export_prefix.rstrip('/')}/{self.name}/{self.analysis.id}",
            **({"BucketAccountId": self.account} if self.account else {}),
        }
        export = {"OutputSchemaVersion": "V_1", "Destination": {"S3BucketDestination": destination}}
        return {**identity, "StorageClassAnalysis": {"DataExport": export}}

    def read(self, client: Any) -> Document | None:
        """Return our configuration from the list of all."""
        found = _ours(
            client.list_bucket_analytics_configurations, "AnalyticsConfigurationList", self.name, self.desired()
        )
        return {**found, "StorageClassAnalysis": found.get("StorageClassAnalysis", {})} if found else None

    def write(self, client: Any, target: Document) -> None:
        """Create or replace ours."""
        client.put_bucket_analytics_configuration(Bucket=self.name, Id=target["Id"], AnalyticsConfiguration=target)


def _filter(prefix: str) -> Document:
    return {"Filter": {"Prefix": prefix}} if prefix else {}


def _ours(listing: Any, member: str, bucket: str, desired: Document) -> Document | None:
    configurations = every_page(listing, member, Bucket=bucket)
    return next((without_empty(item) for item in configurations if item.get("Id") == desired["Id"]), None)

"""AWS's own charges for the lake's services, from Cost Explorer: the figures to compare the computed bill with.

Cost Explorer is in one region of a partition, lags about a day, and covers the whole account unless costs are allocated by tag.
Each request costs $0.01. Its savings recommendations are about compute; for S3 it has none, so the advice here is
lakeworks' own.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.errors import ConfigError

# Our names, and Cost Explorer's.
SERVICES = {
    "s3": "Amazon Simple Storage Service",
    "athena": "Amazon Athena",
    "glue": "AWS Glue",
    "kms": "AWS Key Management Service",
    "kinesis": "Amazon Kinesis",
}
# Usage types are `<region code>-<type>` (none for us-east-1); AWS documents them in "AWS billing and usage reports for S3".
_REASONS = (
    (r"TimedStorage-(GlacierStaging|.*Staging)", "storage of uploads under way"),
    (r"TimedStorage-", "storage"),
    (r"EarlyDelete-", "early deletion"),
    (r"Requests-", "requests"),
    (r"Retrieval-", "retrieval"),
    (r"Monitoring-Automation", "monitoring"),
    (r"DataTransfer-|-Bytes$", "data transfer"),
    (r"Inventory|StorageAnalytics|TagStorage", "inventory and analytics"),
    (r"DataScanned", "scanned by queries"),
    (r"Catalog-Request", "catalog requests"),
    (r"Catalog-Storage", "catalog storage"),
    (r"Crawler-DPU", "crawlers"),
    (r"DPU-Hour", "jobs"),
    (r"KMS-Requests", "requests for keys"),
    (r"KMS-Keys", "keys"),
    (r"ShardHour|StreamHour", "stream hours"),
    (r"PayloadUnits|Billed(Incoming|Outgoing)Bytes", "stream data"),
)


@dataclass(frozen=True)
class Charged:
    """One usage type of a period; US dollars unless the account is billed otherwise."""

    start: str
    service: str
    usage_type: str
    reason: str
    usage: float
    unit: str
    cost: float
    currency: str


def charged(
    client: Any, start: date, end: date, tag: tuple[str, str] | None = None, services: Collection[str] = ("s3",)
) -> list[Charged]:
    """Return the services' charges by month and usage type, the largest first; `tag` limits to a cost allocation tag.

    Raises:
        ConfigError: a service is none of `SERVICES`.
        LakeAccessDenied: the credentials lack `ce:GetCostAndUsage`, or the account has Cost Explorer switched off.
    """
    if unknown := sorted(set(services) - set(SERVICES)):
        raise ConfigError(
            f"`{', '.join(unknown)}` is no service of a lake. AWS was not called. Known: {', '.join(SERVICES)}, all."
        )
    return sorted(
        _pages(client, start, end, tag, services),
        key=lambda item: (item.start, -item.cost, item.service, item.usage_type),
    )


def _pages(
    client: Any, start: date, end: date, tag: tuple[str, str] | None, services: Collection[str]
) -> Iterator[Charged]:
    names = [SERVICES[name] for name in services]
    where: dict[str, Any] = {"Dimensions": {"Key": "SERVICE", "Values": names}}
    if tag:
        where = {"And": [where, {"Tags": {"Key": tag[0], "Values": [tag[1]]}}]}
    request: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost", "UsageQuantity"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
        "Filter": where,
    }
    while True:
        with translated("ask for the costs of", ", ".join(names)):
            answer = client.get_cost_and_usage(**request)
        for period in answer["ResultsByTime"]:
            for group in period.get("Groups", []):
                service, usage_type = group["Keys"]
                yield _charged(period["TimePeriod"]["Start"], service, usage_type, group["Metrics"])
        if not answer.get("NextPageToken"):
            return
        request["NextPageToken"] = answer["NextPageToken"]


def _charged(start: str, service: str, usage_type: str, metrics: Any) -> Charged:
    reason = next((name for pattern, name in _REASONS if re.search(pattern, usage_type)), "other")
    usage, cost = metrics["UsageQuantity"], metrics["UnblendedCost"]
    ours = next((name for name, theirs in SERVICES.items() if theirs == service), service)
    amount, paid = float(usage["Amount"]), float(cost["Amount"])
    return Charged(start, ours, usage_type, reason, amount, usage["Unit"], paid, cost["Unit"])

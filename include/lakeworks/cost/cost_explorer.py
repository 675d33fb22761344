"""AWS's own charge for S3, from Cost Explorer: the figure to compare the computed bill with.

Cost Explorer is in us-east-1 only, lags about a day, and covers the whole account unless costs are allocated by tag.
Each request costs $0.01. Its savings recommendations are about compute; for S3 it has none, so the advice here is
lakeworks' own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from lakeworks.aws_errors import translated

_S3 = "Amazon Simple Storage Service"
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
)


@dataclass(frozen=True)
class Charged:
    """One usage type of a period; US dollars unless the account is billed otherwise."""

    start: str
    usage_type: str
    reason: str
    usage: float
    unit: str
    cost: float
    currency: str


def charged(client: Any, start: date, end: date, tag: tuple[str, str] | None = None) -> list[Charged]:
    """Return S3's charges by month and usage type, the largest first; `tag` limits to a cost allocation tag.

    Raises:
        LakeAccessDenied: the credentials lack `ce:GetCostAndUsage`, or the account has Cost Explorer switched off.
    """
    return sorted(_pages(client, start, end, tag), key=lambda item: (item.start, -item.cost, item.usage_type))


def _pages(client: Any, start: date, end: date, tag: tuple[str, str] | None) -> Iterator[Charged]:
    where: dict[str, Any] = {"Dimensions": {"Key": "SERVICE", "Values": [_S3]}}
    if tag:
        where = {"And": [where, {"Tags": {"Key": tag[0], "Values": [tag[1]]}}]}
    request: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost", "UsageQuantity"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
        "Filter": where,
    }
    while True:
        with translated("ask for the costs of", _S3):
            answer = client.get_cost_and_usage(**request)
        for period in answer["ResultsByTime"]:
            for group in period.get("Groups", []):
                yield _charged(period["TimePeriod"]["Start"], group["Keys"][0], group["Metrics"])
        if not answer.get("NextPageToken"):
            return
        request["NextPageToken"] = answer["NextPageToken"]


def _charged(start: str, usage_type: str, metrics: Any) -> Charged:
    reason = next((name for pattern, name in _REASONS if re.search(pattern, usage_type)), "other")
    usage, cost = metrics["UsageQuantity"], metrics["UnblendedCost"]
    return Charged(
        start, usage_type, reason, float(usage["Amount"]), usage["Unit"], float(cost["Amount"]), cost["Unit"]
    )

"""CloudWatch alarms on the lake's size and on streams, and a monthly budget."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.bucket_names import MADE_BY
from lakeworks.infrastructure.config import Budget
from lakeworks.infrastructure.resource import Document, Resource


@dataclass(frozen=True)
class MetricAlarm(Resource):
    """An alarm on one metric. `desired` has every field that lakeworks sets."""

    service: ClassVar[str] = "cloudwatch"

    def read(self, client: Any) -> Document | None:
        """Return the fields that lakeworks sets."""
        alarms = client.describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        if not alarms:
            return None
        return {key: alarms[0].get(key, "" if key == "AlarmDescription" else None) for key in self.desired()}

    def conflict(self, current: Document) -> str:
        """Refuse an alarm of that name without our mark: it may be another program's."""
        return (
            "" if current["AlarmDescription"] == MADE_BY else "an alarm of this name exists that bootstrap did not make"
        )

    def write(self, client: Any, target: Document) -> None:
        """Create or replace it."""
        client.put_metric_alarm(AlarmName=self.name, **target)


@dataclass(frozen=True)
class StorageAlarm(MetricAlarm):
    """An alarm on `BucketSizeBytes`, which S3 reports once a day and only with the StorageType dimension."""

    kind: ClassVar[str] = "storage alarm"
    bucket: str = ""
    above_bytes: int = 10**12
    topic_arn: str | None = None

    def desired(self) -> Document:
        """Return the alarm."""
        return {
            "AlarmDescription": MADE_BY,
            "Namespace": "AWS/S3",
            "MetricName": "BucketSizeBytes",
            "Dimensions": [
                {"Name": "BucketName", "Value": self.bucket},
                {"Name": "StorageType", "Value": "StandardStorage"},
            ],
            "Statistic": "Maximum",
            "Period": 86_400,
            "EvaluationPeriods": 1,
            "Threshold": float(self.above_bytes),
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [self.topic_arn] if self.topic_arn else [],
        }


@dataclass(frozen=True)
class StreamAlarm(MetricAlarm):
    """An alarm on a metric of a stream, or of its delivery, that is above a limit in each of five minutes.

    Without data nothing is read. For the age that breaches, because no consumer runs then.
    """

    kind: ClassVar[str] = "stream alarm"
    stream: str = ""
    metric: str = ""
    statistic: str = "Sum"
    above: float = 0
    missing: str = "notBreaching"
    topic_arn: str | None = None
    namespace: str = "AWS/Kinesis"
    dimension: str = "StreamName"

    def desired(self) -> Document:
        """Return the alarm."""
        return {
            "AlarmDescription": MADE_BY,
            "Namespace": self.namespace,
            "MetricName": self.metric,
            "Dimensions": [{"Name": self.dimension, "Value": self.stream}],
            "Statistic": self.statistic,
            "Period": 60,
            "EvaluationPeriods": 5,
            "Threshold": float(self.above),
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": self.missing,
            "AlarmActions": [self.topic_arn] if self.topic_arn else [],
        }


@dataclass(frozen=True)
class MonthlyBudget(Resource):
    """A cost budget. The Budgets service is in one region of each partition, whatever the lake's region."""

    kind: ClassVar[str] = "budget"
    service: ClassVar[str] = "budgets"
    account: str = ""
    budget: Budget | None = None
    project: str = ""
    home: str = "us-east-1"

    @property
    def region(self) -> str | None:
        """The region of this global service."""
        return self.home

    def unsupported_reason(self, client: Any) -> str:
        """Return why no budget is possible: its name needs the account, which only STS knows."""
        return "" if self.account else "the account's number is not known: this endpoint has no STS"

    def desired(self) -> Document:
        """Limit, filter, and the receivers at each share of it."""
        budget = self._budget
        document: Document = {
            "Amount": float(budget.monthly_usd), "Unit": "USD", "TimeUnit": "MONTHLY", "BudgetType": "COST",
            "AlertAtPercent": float(budget.alert_at_percent), "Emails": sorted(budget.emails),
        }  # fmt: skip
        return {**document, "CostFilters": self._filters} if self._filters else document

    def read(self, client: Any) -> Document | None:
        """Return budget, alert and subscribers together."""
        of = {"AccountId": self.account, "BudgetName": self.name}
        budget = client.describe_budget(**of)["Budget"]
        document: Document = {
            "Amount": float(budget["BudgetLimit"]["Amount"]), "Unit": budget["BudgetLimit"]["Unit"],
            "TimeUnit": budget["TimeUnit"], "BudgetType": budget["BudgetType"],
        }  # fmt: skip
        alerts = client.describe_notifications_for_budget(**of).get("Notifications", [])
        ours = next((alert for alert in alerts if _is_alert(alert)), None)
        if ours:
            alert = {
                key: ours[key]
                for key in ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
                if key in ours
            }
            answer = client.describe_subscribers_for_notification(**of, Notification=alert).get("Subscribers", [])
            document |= {"AlertAtPercent": float(ours["Threshold"]), "Emails": sorted(one["Address"] for one in answer)}
        filters = budget.get("CostFilters") or {}
        return {**document, "CostFilters": filters} if filters else document

    def write(self, client: Any, target: Document) -> None:
        """Create it with its alert, or correct each."""
        budget = {
            "BudgetName": self.name, "BudgetLimit": {"Amount": f"{target['Amount']:g}", "Unit": target["Unit"]},
            "TimeUnit": target["TimeUnit"], "BudgetType": target["BudgetType"], "CostFilters": self._filters,
        }  # fmt: skip
        alert = {
            "NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN",
            "Threshold": target["AlertAtPercent"], "ThresholdType": "PERCENTAGE",
        }  # fmt: skip
        readers = [{"SubscriptionType": "EMAIL", "Address": address} for address in target["Emails"]]
        of = {"AccountId": self.account, "BudgetName": self.name}
        try:
            client.create_budget(
                AccountId=self.account, Budget=budget,
                NotificationsWithSubscribers=[{"Notification": alert, "Subscribers": readers}],
            )  # fmt: skip
        except client.exceptions.DuplicateRecordException:
            client.update_budget(AccountId=self.account, NewBudget=budget)
            for old in client.describe_notifications_for_budget(**of).get("Notifications", []):
                if _is_alert(old):
                    old.pop("NotificationState", None)
                    client.delete_notification(**of, Notification=old)
            client.create_notification(**of, Notification=alert, Subscribers=readers)

    @property
    def _budget(self) -> Budget:
        assert self.budget is not None  # noqa: S101 - dataclass inheritance forces a default
        return self.budget

    @property
    def _filters(self) -> dict[str, list[str]]:
        return {"TagKeyValue": [f"user:project${self.project}"]} if self._budget.tagged_only else {}


def _is_alert(notification: Document) -> bool:
    """Return True for our notification: actual cost in percent. Forecasts and absolute limits are others'."""
    kind = (notification["NotificationType"], notification.get("ThresholdType", "PERCENTAGE"))
    return kind == ("ACTUAL", "PERCENTAGE")

"""Event notifications: ours are merged with those of others, because one put replaces all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.bucket_names import OURS
from lakeworks.infrastructure.config import Notification
from lakeworks.infrastructure.resource import Document, SharedDocument

_EVENT_BRIDGE = "EventBridge"
# service of the ARN -> member of the configuration, its ARN field
_KINDS = {
    "sqs": ("QueueConfigurations", "QueueArn"),
    "sns": ("TopicConfigurations", "TopicArn"),
    "lambda": ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
}


@dataclass(frozen=True)
class Notifications(SharedDocument):
    """Receivers of the bucket's events, by id."""

    kind: ClassVar[str] = "notifications"
    notifications: Sequence[Notification] = ()
    eventbridge: bool = False

    def desired(self) -> Document:
        """Return ours, and EventBridge if it is wanted. It is never switched off, because others may listen."""
        ours = {
            f"{OURS}{one.id}": _entry(one.to, one.events, one.prefix, one.suffix) for one in self.notifications
        }  # fmt: skip
        return {**ours, **({_EVENT_BRIDGE: {"Enabled": True}} if self.eventbridge else {})}

    def read(self, client: Any) -> Document | None:
        """Return all notifications in one form: servers spell the filter's names differently."""
        configuration = client.get_bucket_notification_configuration(Bucket=self.name)
        entries: Document = {}
        for member, arn in _KINDS.values():
            for place, one in enumerate(configuration.get(member, [])):
                rules = {
                    rule["Name"].lower(): rule["Value"]
                    for rule in one.get("Filter", {}).get("Key", {}).get("FilterRules", [])
                }
                entry = _entry(one[arn], one["Events"], rules.get("prefix", ""), rules.get("suffix", ""))
                entries[one.get("Id", f"#{member}{place}")] = entry
        if "EventBridgeConfiguration" in configuration:
            entries[_EVENT_BRIDGE] = {"Enabled": True}
        return entries or None

    def write(self, client: Any, target: Document) -> None:
        """Write the whole configuration: S3 replaces it, and checks that each destination exists and admits it."""
        configuration: Document = {}
        for name, entry in target.items():
            if name == _EVENT_BRIDGE:
                configuration["EventBridgeConfiguration"] = {}
                continue
            member, arn = _KINDS[entry["To"].split(":")[2]]
            rules = [{"Name": key.lower(), "Value": entry[key]} for key in ("Prefix", "Suffix") if entry.get(key)]
            one = {"Id": name, arn: entry["To"], "Events": entry["Events"]}
            configuration.setdefault(member, []).append(
                {**one, **({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})}
            )
        client.put_bucket_notification_configuration(Bucket=self.name, NotificationConfiguration=configuration)


def _entry(to: str, events: Sequence[str], prefix: str, suffix: str) -> Document:
    entry = {"To": to, "Events": sorted(events), "Prefix": prefix, "Suffix": suffix}
    return {key: value for key, value in entry.items() if value}

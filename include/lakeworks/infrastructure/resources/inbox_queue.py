"""The SQS queue for events of the inbox: S3 may send to it, for this bucket and account only."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.bucket_names import OUR_SID
from lakeworks.infrastructure.resource import Document, Resource

_SID = f"{OUR_SID}Inbox"
# Enough for a day without a triggerer. The DAGs' own schedule finds files that were dropped earlier.
_KEPT_SECONDS = 4 * 86_400


@dataclass(frozen=True)
class InboxQueue(Resource):
    """A standard queue: a notification of S3 cannot go to a FIFO queue."""

    kind: ClassVar[str] = "inbox queue"
    service: ClassVar[str] = "sqs"
    arn: str = ""
    bucket: str = ""
    account: str = ""
    partition: str = "aws"

    def desired(self) -> Document:
        """Return the retention, and the statement that admits S3."""
        statement = {
            "Sid": _SID,
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
            "Condition": {
                "ArnEquals": {"aws:SourceArn": f"arn:{self.partition}:s3:::{self.bucket}"},
                "StringEquals": {"aws:SourceAccount": self.account},
            },
        }
        return {"MessageRetentionPeriod": str(_KEPT_SECONDS), "Statements": {_SID: statement}}

    def unsupported_reason(self, client: Any) -> str:
        """Return why no queue is possible: its ARN needs the account, which only STS knows."""
        return "" if self.account else "the account's number is not known: this endpoint has no STS"

    def read(self, client: Any) -> Document | None:
        """Return the retention and the policy's statements by id."""
        url = self._url(client)
        if url is None:
            return None
        asked = ["MessageRetentionPeriod", "Policy"]
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=asked).get("Attributes", {})
        policy = json.loads(attributes.get("Policy") or "{}").get("Statement", [])
        statements = {one.get("Sid", f"#{place}"): one for place, one in enumerate(policy)}
        return {"MessageRetentionPeriod": attributes.get("MessageRetentionPeriod", ""), "Statements": statements}

    def target(self, current: Document) -> Document:
        """Keep others' statements."""
        desired = self.desired()
        return {**desired, "Statements": {**current["Statements"], **desired["Statements"]}}

    def conflict(self, current: Document) -> str:
        """Refuse a queue without our statement: it is another program's and may have another reader."""
        if _SID in current["Statements"]:
            return ""
        return (
            "a queue of this name exists that bootstrap did not make; to use it for the inbox, write its ARN "
            "into `inbox_events.queue` (it must have no other reader)"
        )

    def write(self, client: Any, target: Document) -> None:
        """Create it, or set its attributes."""
        policy = {"Version": "2012-10-17", "Statement": list(target["Statements"].values())}
        attributes = {"MessageRetentionPeriod": target["MessageRetentionPeriod"], "Policy": json.dumps(policy)}
        url = self._url(client)
        if url is None:
            client.create_queue(QueueName=self.name, Attributes=attributes)
        else:
            client.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def _url(self, client: Any) -> str | None:
        try:
            return str(client.get_queue_url(QueueName=self.name)["QueueUrl"])
        except client.exceptions.QueueDoesNotExist:
            return None

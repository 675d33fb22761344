"""The inbox's queue in both formats: it must permit S3 before the bucket names it as a receiver."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.infrastructure.resource import Document, Resource

Naming = Callable[[str, str], str]


def add_to_template(found: Document, resources: Sequence[Resource], name_of: Naming) -> None:
    """Add CloudFormation's queue and its policy; the bucket is created after both."""
    for resource in _queues(resources):
        wanted, queue, policy = (
            resource.wanted(),
            name_of("Queue", resource.name),
            name_of("QueuePolicy", resource.name),
        )
        kept = {"QueueName": resource.name, "MessageRetentionPeriod": int(wanted["MessageRetentionPeriod"])}
        document = {"Version": "2012-10-17", "Statement": list(wanted["Statements"].values())}
        found[queue] = {"Type": "AWS::SQS::Queue", "Properties": kept}
        found[policy] = {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": queue}], "PolicyDocument": document},
        }
        bucket = found[name_of("Bucket", resource.bucket)]
        bucket["DependsOn"] = [*bucket.get("DependsOn", []), policy]


def add_to_configuration(found: Document, resources: Sequence[Resource], label: Callable[[str], str]) -> None:
    """Add Terraform's queue with its policy; the bucket's notification waits for it."""
    for resource in _queues(resources):
        wanted, name = resource.wanted(), label(resource.name)
        document = {"Version": "2012-10-17", "Statement": list(wanted["Statements"].values())}
        seconds = int(wanted["MessageRetentionPeriod"])
        queue = {"name": resource.name, "message_retention_seconds": seconds, "policy": json.dumps(document)}
        found.setdefault("aws_sqs_queue", {})[name] = queue
        found["aws_s3_bucket_notification"][label(resource.bucket)]["depends_on"] = [f"aws_sqs_queue.{name}"]


def _queues(resources: Sequence[Resource]) -> list[Any]:
    return [resource for resource in resources if resource.kind == "inbox queue"]

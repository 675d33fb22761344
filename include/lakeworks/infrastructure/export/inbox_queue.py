"""The inbox's queue in both formats: it must permit S3 before the bucket names it as a receiver."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.infrastructure.resource import Document, Resource

Naming = Callable[[str, str], str]


def add_to_template(template: Document, resources: Sequence[Resource], name_of: Naming) -> None:
    """Add CloudFormation's queue and its policy; the bucket is created after both."""
    for resource in _queues(resources):
        desired, queue, policy = (
            resource.desired(),
            name_of("Queue", resource.name),
            name_of("QueuePolicy", resource.name),
        )
        kept = {"QueueName": resource.name, "MessageRetentionPeriod": int(desired["MessageRetentionPeriod"])}
        document = {"Version": "2012-10-17", "Statement": list(desired["Statements"].values())}
        template[queue] = {"Type": "AWS::SQS::Queue", "Properties": kept}
        template[policy] = {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": queue}], "PolicyDocument": document},
        }
        bucket = template[name_of("Bucket", resource.bucket)]
        bucket["DependsOn"] = [*bucket.get("DependsOn", []), policy]


def add_to_configuration(configuration: Document, resources: Sequence[Resource], label: Callable[[str], str]) -> None:
    """Add Terraform's queue with its policy; the bucket's notification waits for it."""
    for resource in _queues(resources):
        desired, name = resource.desired(), label(resource.name)
        document = {"Version": "2012-10-17", "Statement": list(desired["Statements"].values())}
        seconds = int(desired["MessageRetentionPeriod"])
        queue = {"name": resource.name, "message_retention_seconds": seconds, "policy": json.dumps(document)}
        configuration.setdefault("aws_sqs_queue", {})[name] = queue
        configuration["aws_s3_bucket_notification"][label(resource.bucket)]["depends_on"] = [f"aws_sqs_queue.{name}"]


def _queues(resources: Sequence[Resource]) -> list[Any]:
    return [resource for resource in resources if resource.kind == "inbox queue"]

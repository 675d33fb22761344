"""Readers of a stream in both formats: fan-out consumers and Firehose deliveries, each made after its stream."""

from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.infrastructure.export.inbox_queue import Naming
from lakeworks.infrastructure.resource import Document, Resource


def add_to_template(template: Document, resources: Sequence[Resource], name_of: Naming) -> None:
    """Add CloudFormation's delivery streams and consumers."""
    for resource in _consumers(resources):
        template[name_of("StreamConsumer", f"{resource.stream}-{resource.name}")] = {
            "Type": "AWS::Kinesis::StreamConsumer",
            "DependsOn": name_of("Stream", resource.stream),
            "Properties": {"ConsumerName": resource.name, "StreamARN": resource.stream_arn},
        }
    for resource in _deliveries(resources):
        desired = resource.desired()
        source = {"KinesisStreamARN": desired["Source"], "RoleARN": desired["SourceRole"]}
        template[name_of("DeliveryStream", resource.name)] = {
            "Type": "AWS::KinesisFirehose::DeliveryStream",
            "DependsOn": [name_of("Stream", resource.stream), name_of("Bucket", resource.place.bucket)],
            "Properties": {
                "DeliveryStreamName": resource.name,
                "DeliveryStreamType": "KinesisStreamAsSource",
                "KinesisStreamSourceConfiguration": source,
                "ExtendedS3DestinationConfiguration": desired["Destination"],
                "Tags": [{"Key": "made-by", "Value": desired["MadeBy"]}],
            },
        }


def add_to_configuration(configuration: Document, resources: Sequence[Resource], label: Callable[[str], str]) -> None:
    """Add Terraform's delivery streams and consumers."""
    for resource in _consumers(resources):
        made = configuration.setdefault("aws_kinesis_stream_consumer", {})
        made[label(f"{resource.stream}_{resource.name}")] = {
            "name": resource.name,
            "stream_arn": f"${{aws_kinesis_stream.{label(resource.stream)}.arn}}",
        }
    for resource in _deliveries(resources):
        desired = resource.desired()
        there = desired["Destination"]
        configuration.setdefault("aws_kinesis_firehose_delivery_stream", {})[label(resource.name)] = {
            "name": resource.name,
            "destination": "extended_s3",
            "kinesis_source_configuration": {
                "kinesis_stream_arn": desired["Source"],
                "role_arn": desired["SourceRole"],
            },
            "extended_s3_configuration": {
                "role_arn": there["RoleARN"],
                "bucket_arn": there["BucketARN"],
                "prefix": there["Prefix"],
                "error_output_prefix": there["ErrorOutputPrefix"],
                "file_extension": there["FileExtension"],
                "compression_format": there["CompressionFormat"],
                "buffering_size": there["BufferingHints"]["SizeInMBs"],
                "buffering_interval": there["BufferingHints"]["IntervalInSeconds"],
                "processing_configuration": {"enabled": True, "processors": [*map(_processor, _processors(there))]},
            },
            "tags": {"made-by": desired["MadeBy"]},
            "depends_on": [
                f"aws_kinesis_stream.{label(resource.stream)}", f"aws_s3_bucket.{label(resource.place.bucket)}"
            ],
        }  # fmt: skip


def _processors(destination: Document) -> list[Document]:
    return list(destination["ProcessingConfiguration"]["Processors"])


def _processor(one: Document) -> Document:
    parameters = [
        {"parameter_name": item["ParameterName"], "parameter_value": item["ParameterValue"]}
        for item in one["Parameters"]
    ]
    return {"type": one["Type"], "parameters": parameters}


def _consumers(resources: Sequence[Resource]) -> list[Any]:
    return [resource for resource in resources if resource.kind == "stream consumer"]


def _deliveries(resources: Sequence[Resource]) -> list[Any]:
    return [resource for resource in resources if resource.kind == "delivery stream"]

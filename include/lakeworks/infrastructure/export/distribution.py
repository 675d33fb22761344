"""The CloudFront distribution in both formats. It refers to its origin access control, and the bucket's policy to it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.infrastructure.aws_partition import partition_of
from lakeworks.infrastructure.export.inbox_queue import Naming
from lakeworks.infrastructure.readers.delivery import delivery_statement
from lakeworks.infrastructure.resource import Document, Resource


def control_properties(resource: Any) -> Document:
    """Return CloudFormation's origin access control."""
    return {"OriginAccessControlConfig": {"Name": resource.name, **resource.desired()}}


def distribution_properties(resource: Any) -> Document:
    """Return CloudFormation's distribution."""
    desired = resource.desired()
    origin = {
        "Id": "exports",
        "DomainName": desired["Origin"],
        "OriginPath": desired["OriginPath"],
        "OriginAccessControlId": {"Ref": control_id(resource.name)},
        "S3OriginConfig": {},
    }
    behaviour = {
        "TargetOriginId": "exports",
        "ViewerProtocolPolicy": desired["ViewerProtocolPolicy"],
        "AllowedMethods": desired["AllowedMethods"],
        "CachePolicyId": desired["CachePolicyId"],
        "Compress": True,
    }
    config = {
        "Comment": desired["Comment"],
        "Enabled": desired["Enabled"],
        "Origins": [origin],
        "DefaultCacheBehavior": behaviour,
        "PriceClass": desired["PriceClass"],
    }
    return {"DistributionConfig": config}


def control_id(name: str) -> str:
    """Return the template's name of the origin access control."""
    words = "".join(part.capitalize() for part in name.replace(".", "-").split("-"))
    return f"OriginAccessControl{words}"


def terraform_control(resource: Any, desired: Document) -> Document:
    """Return Terraform's origin access control."""
    return {
        "name": resource.name,
        "description": desired["Description"],
        "origin_access_control_origin_type": desired["OriginAccessControlOriginType"],
        "signing_behavior": desired["SigningBehavior"],
        "signing_protocol": desired["SigningProtocol"],
    }


def terraform_distribution(resource: Any, desired: Document) -> Document:
    """Return Terraform's distribution."""
    label = "".join(character if character.isalnum() or character == "_" else "_" for character in resource.name)
    return {
        "comment": desired["Comment"],
        "enabled": desired["Enabled"],
        "price_class": desired["PriceClass"],
        "origin": {
            "origin_id": "exports",
            "domain_name": desired["Origin"],
            "origin_path": desired["OriginPath"],
            "origin_access_control_id": f"${{aws_cloudfront_origin_access_control.{label}.id}}",
        },
        "default_cache_behavior": {
            "target_origin_id": "exports",
            "viewer_protocol_policy": desired["ViewerProtocolPolicy"],
            "allowed_methods": desired["AllowedMethods"],
            "cached_methods": desired["AllowedMethods"],
            "cache_policy_id": desired["CachePolicyId"],
            "compress": True,
        },
        "restrictions": {"geo_restriction": {"restriction_type": "none"}},
        "viewer_certificate": {"cloudfront_default_certificate": True},
    }


def admit_in_template(template: Document, resources: Sequence[Resource], name_of: Naming) -> None:
    """Let the bucket's policy of CloudFormation's template name the distribution that it makes."""
    for one in _distributions(resources):
        made = "${AWS::AccountId}:distribution/${" + name_of("Distribution", one.name) + "}"
        arn = {"Fn::Sub": f"arn:{partition_of(one.bucket_region)}:cloudfront::{made}"}
        policy = template[name_of("BucketPolicy", one.bucket)]["Properties"]["PolicyDocument"]
        policy["Statement"] += _admission(one, arn)


def admit_in_configuration(configuration: Document, resources: Sequence[Resource], label: Callable[[str], str]) -> None:
    """Let the bucket's policy of Terraform's configuration name the distribution that it makes."""
    for one in _distributions(resources):
        resource = configuration["aws_s3_bucket_policy"][label(one.bucket)]
        policy = json.loads(resource["policy"])
        policy["Statement"] += _admission(one, f"${{aws_cloudfront_distribution.{label(one.name)}.arn}}")
        resource["policy"] = json.dumps(policy)


def _distributions(resources: Sequence[Resource]) -> list[Any]:
    return [resource for resource in resources if resource.kind == "distribution"]


def _admission(one: Any, arn: Any) -> list[Document]:
    return [*delivery_statement(one.bucket, one.prefix, arn, partition_of(one.bucket_region)).values()]


DELIVERY_TYPES = {
    "origin access control": ("AWS::CloudFront::OriginAccessControl", control_properties),
    "distribution": ("AWS::CloudFront::Distribution", distribution_properties),
}
TERRAFORM_DELIVERY = {
    "origin access control": ("aws_cloudfront_origin_access_control", terraform_control),
    "distribution": ("aws_cloudfront_distribution", terraform_distribution),
}

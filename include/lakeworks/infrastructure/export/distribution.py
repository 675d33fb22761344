"""The CloudFront distribution in both formats; it refers to its origin access control."""

from typing import Any

from lakeworks.infrastructure.resource import Document


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


DELIVERY_TYPES = {
    "origin access control": ("AWS::CloudFront::OriginAccessControl", control_properties),
    "distribution": ("AWS::CloudFront::Distribution", distribution_properties),
}
TERRAFORM_DELIVERY = {
    "origin access control": ("aws_cloudfront_origin_access_control", terraform_control),
    "distribution": ("aws_cloudfront_distribution", terraform_distribution),
}

"""`cloudfront:` of lake.yml: a distribution over one folder of exports, and nothing else of the lake."""

from typing import Literal

from pydantic import Field, field_validator

from lakeworks.infrastructure.bucket_names import OUR_SID
from lakeworks.infrastructure.lifecycle_config import Part
from lakeworks.infrastructure.resource import Document

EXPORTS = "exports/"


class CloudFront(Part):
    """A CloudFront distribution. Everyone who knows its address can read the folder."""

    prefix: str = Field("exports/public/", description="Folder below exports/; only public data may be exported there.")
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"] = "PriceClass_100"

    @field_validator("prefix")
    @classmethod
    def _is_a_folder_of_exports(cls, prefix: str) -> str:
        if (
            not prefix.startswith(EXPORTS)
            or not prefix.endswith("/")
            or prefix == EXPORTS
            or "//" in prefix
            or ".." in prefix
        ):
            raise ValueError(f"CloudFront delivers a folder below `{EXPORTS}` alone, such as `exports/public/`")
        return prefix


def delivery_statement(bucket: str, prefix: str, account: str | None, partition: str) -> Document:
    """Let CloudFront read the folder, for distributions of this account; without the account there is no statement."""
    if not account:
        return {}
    sid = f"{OUR_SID}Delivery"
    return {
        sid: {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:{partition}:s3:::{bucket}/{prefix}*",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": f"arn:{partition}:cloudfront::{account}:distribution/*"},
            },
        }
    }

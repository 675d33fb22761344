"""`cloudfront:` of lake.yml: a distribution over one folder of exports, and nothing else of the lake."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, field_validator

from lakeworks.infrastructure.bucket_names import OUR_SID
from lakeworks.infrastructure.lifecycle_config import Part
from lakeworks.infrastructure.resource import Document

EXPORTS = "exports/"
DELIVERY_SID = f"{OUR_SID}Delivery"


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


@dataclass(frozen=True)
class KnownDistribution:
    """The distribution over the exports. `arn` is None if there is none yet; unread, nothing is known of it."""

    arn: str | None = None
    is_read: bool = True


def delivery_statement(bucket: str, prefix: str, distribution: Any, partition: str) -> Document:
    """Let CloudFront read the folder for one distribution, by its ARN or a template's reference. Without one, for none."""
    if not distribution:
        return {}
    return {
        DELIVERY_SID: {
            "Sid": DELIVERY_SID,
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:{partition}:s3:::{bucket}/{prefix}*",
            "Condition": {"StringEquals": {"aws:SourceArn": distribution}},
        }
    }

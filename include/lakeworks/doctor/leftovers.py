"""Removal of objects with all their versions, as far as the doctor wrote them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lakeworks.aws_errors import translated


def remove_versions(
    s3: Any, bucket: str, prefix: str, chosen: Callable[[str, datetime], bool] = lambda _key, _since: True
) -> None:
    """Delete every version and delete marker below a prefix that `chosen` takes by key and time.

    Raises:
        LakeAccessDenied: the credentials may not list or delete versions.
    """
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    with translated("list and delete the versions of", f"s3://{bucket}/{prefix}"):
        for page in pages:
            for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                if chosen(item["Key"], item["LastModified"]):
                    s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])

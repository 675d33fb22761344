"""Versions of objects by listings: 1,000 of them a request."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.errors import TerminalError
from lakeworks.s3.object_store import ObjectStore

log = logging.getLogger(__name__)


def listed_versions(store: ObjectStore, prefix: str) -> Iterator[Mapping[str, Any]]:
    """Yield S3's answer about every version below a prefix, without delete markers."""
    pages = store.client.get_paginator("list_object_versions").paginate(Bucket=store.bucket, Prefix=store.at(prefix))
    with translated("list the versions below", store.uri(prefix)):
        for page in pages:
            yield from page.get("Versions", [])


def current_versions(store: ObjectStore, prefix: str) -> Mapping[str, str]:
    """Return the version that each key has now; none of a bucket without versions, or where the listing is refused.

    A version never changes. A key whose current version is the pinned one therefore has the published object.
    """
    try:
        return {
            store.keys.own(item["Key"]): item["VersionId"]
            for item in listed_versions(store, prefix)
            if item["IsLatest"] and item["VersionId"] != "null"
        }
    except TerminalError as refused:
        log.info("%s A request an object takes its place.", refused)
        return {}

"""Object tags in the form of the header that S3 takes with the object."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode


def untagged(_: str) -> Mapping[str, str]:
    """Return no tags, whatever the key."""
    return {}


def tagging(tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the request argument that writes an object together with its tags, so a crash cannot separate them."""
    return {"Tagging": urlencode(tags, quote_via=quote)} if tags else {}

"""An object's tags as S3 takes them with the object itself."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode


def untagged(_: str) -> Mapping[str, str]:
    """Return no tags, whatever the key."""
    return {}


def tagging(tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the request argument that writes an object with its tags; a crash in between cannot leave it without."""
    return {"Tagging": urlencode(tags, quote_via=quote)} if tags else {}

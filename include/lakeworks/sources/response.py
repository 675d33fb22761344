"""One vendor's answer to one request, as it was received."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lakeworks.formats.text.json_values import parse_json

# What later steps may want to know of an answer; other headers (cookies, traces) are not kept.
KEPT_HEADERS = ("content-type", "etag", "last-modified", "link")


@dataclass(frozen=True)
class SourceResponse:
    """A complete body and where it came from; `facts` are what the client knows of the request, such as the symbol."""

    body: bytes
    url: str
    status: int
    headers: Mapping[str, str]
    fetched_at: datetime
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Of the body."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def text(self) -> str:
        """The body as UTF-8; what is none shows as a replacement character."""
        return self.body.decode("utf-8-sig", errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none. Python's `NaN` and `Infinity` count as JSON: vendors send them.
        """
        return parse_json(self.body.decode("utf-8-sig"))

    def quoted(self, length: int = 120) -> str:
        """Return the beginning of the body, for messages."""
        return repr(self.text[:length])

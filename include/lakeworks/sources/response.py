"""One vendor response, as received."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lakeworks.formats.text.json_values import parse_json

# Headers that later steps may need; others (cookies, traces) are not stored.
KEPT_HEADERS = ("content-type", "etag", "last-modified", "link")


@dataclass(frozen=True)
class SourceResponse:
    """A complete body and its origin. `facts` describe the request, such as the symbol."""

    body: bytes
    url: str
    status: int
    headers: Mapping[str, str]
    fetched_at: datetime
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the body."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def text(self) -> str:
        """Return the body as UTF-8. Invalid bytes become replacement characters."""
        return self.body.decode("utf-8-sig", errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is not JSON. `NaN` and `Infinity` are accepted, because vendors send them.
        """
        return parse_json(self.body.decode("utf-8-sig"))

    def quoted(self, length: int = 120) -> str:
        """Return the beginning of the body, for messages."""
        return repr(self.text[:length])

"""Secrets: keep keys and user info out of addresses, messages, logs and landed bytes."""

import logging
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

REDACTED = "REDACTED"
# Shorter ones are words (Alpha Vantage's public key is `demo`), and blanking them would alter data.
_SHORTEST = 8
_registered: set[str] = set()


@dataclass(frozen=True)
class Secret:
    """A credential, and its place in a request: a header or the query."""

    name: str
    value: str = field(repr=False)
    place: Literal["header", "query"] = "header"

    def __post_init__(self) -> None:
        conceal(self.value)

    def blanked_in(self, body: bytes) -> bytes:
        """Return a body without this secret, which a vendor may echo; otherwise unchanged."""
        for form in _forms(self.value):
            body = body.replace(form.encode(), REDACTED.encode())
        return body


def conceal(value: str) -> None:
    """Make `scrubbed` remove this value from now on, in this process."""
    _registered.update(_forms(value))
    if _registered:
        _watch_urllib3()


def _forms(value: str) -> set[str]:
    """Return the spellings of a value: as it is, and as addresses encode it."""
    return {value, quote(value, safe=""), quote_plus(value)} if len(value) >= _SHORTEST else set()


def redacted(url: str) -> str:
    """Return an address to store and show: without user info and query, which may contain keys."""
    parts = urlsplit(url)
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "…" if parts.query else "", ""))
    return without_keys(shown)


def scrubbed(text: str) -> str:
    """Return another library's message without user info, query values and known secrets."""
    return without_keys(re.sub(r"([?&][^=&\s]+)=[^&\s'\")]+", r"\1=…", re.sub(r"//[^/@\s]+@", "//", text)))


def without_keys(text: str) -> str:
    """Return a text without the secrets this process knows."""
    for value in _registered:
        text = text.replace(value, REDACTED)
    return text


class _Scrub(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrubbed(record.getMessage()), ()
        return True


_SCRUB = _Scrub()


def _watch_urllib3() -> None:
    """Filter urllib3's log: at DEBUG level it has every path with its query."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_SCRUB)  # adding the same filter again changes nothing

"""Secrets: keys and user info, kept out of addresses, messages, logs and landed bytes."""

import logging
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

REDACTED = "REDACTED"
# Shorter ones are words (Alpha Vantage's public key is `demo`): blanking them would alter data.
_SHORTEST = 8
_known: set[str] = set()


@dataclass(frozen=True)
class Secret:
    """A credential and where the vendor wants it: in a header or in the query."""

    name: str
    value: str = field(repr=False)
    place: Literal["header", "query"] = "header"

    def __post_init__(self) -> None:
        conceal(self.value)

    def blanked_in(self, body: bytes) -> bytes:
        """A body without this secret (a vendor may echo it); otherwise untouched."""
        for form in _forms(self.value):
            body = body.replace(form.encode(), REDACTED.encode())
        return body


def conceal(value: str) -> None:
    """Keep a value out of everything `scrubbed` sees, in this process, from now on."""
    _known.update(_forms(value))
    if _known:
        _watch_urllib3()


def _forms(value: str) -> set[str]:
    """Return the spellings of a value: as it is, and as addresses encode it."""
    return {value, quote(value, safe=""), quote_plus(value)} if len(value) >= _SHORTEST else set()


def redacted(url: str) -> str:
    """The address without user info and query, where keys live; what is stored and shown."""
    parts = urlsplit(url)
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "…" if parts.query else "", ""))
    return without_keys(shown)


def scrubbed(text: str) -> str:
    """Another library's message without the user info, query values and known secrets it may quote."""
    return without_keys(re.sub(r"([?&][^=&\s]+)=[^&\s'\")]+", r"\1=…", re.sub(r"//[^/@\s]+@", "//", text)))


def without_keys(text: str) -> str:
    """A text without the secrets this process knows."""
    for value in _known:
        text = text.replace(value, REDACTED)
    return text


class _Scrub(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrubbed(record.getMessage()), ()
        return True


_SCRUB = _Scrub()


def _watch_urllib3() -> None:
    """At DEBUG level urllib3 logs every path with its query."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_SCRUB)  # adding the same filter again changes nothing

"""S3 server access logs: one line per request, incomplete and hours late (S3 user guide)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

# Fields are separated by spaces; the time is in brackets, request line, referrer and agent in quotes.
_FIELD = re.compile(r'\[([^\]]*)\]|"((?:[^"\\]|\\.)*)"|(\S+)')
_TIME, _OPERATION, _KEY, _STATUS, _BYTES, _SIZE = 2, 6, 7, 9, 11, 12
_READS = ("REST.GET.OBJECT", "REST.COPY.OBJECT_GET", "REST.COPY.PART_GET", "REST.SELECT.OBJECT")


@dataclass(frozen=True)
class LoggedAccess:
    """One request that succeeded."""

    at: datetime
    operation: str
    key: str
    bytes_sent: int
    object_bytes: int

    @property
    def is_read(self) -> bool:
        """Return True if it read an object's content."""
        return self.operation in _READS


def parse_lines(lines: Iterable[str]) -> Iterator[LoggedAccess]:
    """Yield the successful requests on objects; skip lines that are no log lines, as AWS advises."""
    for line in lines:
        fields = [next(part for part in match if part) if any(match) else "" for match in _FIELD.findall(line)]
        if len(fields) <= _SIZE or not fields[_OPERATION].startswith("REST.") or fields[_KEY] == "-":
            continue
        try:
            at = datetime.strptime(fields[_TIME], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
        except ValueError:
            continue
        if not fields[_STATUS].startswith("2"):
            continue
        # Keys are percent-encoded twice (S3 user guide, field "Key").
        key = unquote(unquote(fields[_KEY]))
        yield LoggedAccess(at, fields[_OPERATION], key, _number(fields[_BYTES]), _number(fields[_SIZE]))


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0

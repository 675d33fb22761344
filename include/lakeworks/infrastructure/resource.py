"""The interface of a resource: its desired document, its current one, and the one to write."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from lakeworks.errors import TerminalError
from lakeworks.infrastructure.bucket_names import OURS

Document = dict[str, Any]


class NotSupported(TerminalError):
    """The endpoint accepts the setting and cannot work with it. `plan_apply` catches and reports this error."""


class Clients(Protocol):
    """Gives a boto3 client for a service, in the lake's region or another."""

    def __call__(self, service: str, region: str | None = None, /) -> Any:
        """Return the client."""


@dataclass(frozen=True)
class Resource(ABC):
    """One setting of one thing. `name` is what it belongs to (a bucket, a database, a work group)."""

    kind: ClassVar[str]
    service: ClassVar[str] = "s3"
    # All other resources need it: its errors end the run, and it is read before any change.
    essential: ClassVar[bool] = False
    name: str

    @property
    def region(self) -> str | None:
        """Region of the client that reads and writes it; None means the lake's."""
        return None

    @abstractmethod
    def desired(self) -> Document:
        """Return the desired document."""

    @abstractmethod
    def read(self, client: Any) -> Document | None:
        """Return the current document in the terms of `desired`; None where there is none.

        Raises:
            LakeNotFound: the same as None.
        """

    @abstractmethod
    def write(self, client: Any, target: Document) -> None:
        """Write the document."""

    def target(self, current: Document) -> Document:
        """Return the document to write over `current`; entries of others stay in it."""
        return self.desired()

    def conflict(self, current: Document) -> str:
        """Return the reason not to change what is there; empty if it may be changed."""
        return ""

    def unsupported_reason(self, client: Any) -> str:
        """Return the reason not to give this endpoint the setting at all; empty if it may have it."""
        return ""

    def postponed_reason(self) -> str:
        """Return what must be made first, by a run rather than by bootstrap; empty if nothing must."""
        return ""

    def notes(self, current: Document) -> list[str]:
        """Return notes for a person about the desired or the current state."""
        return []


@dataclass(frozen=True)
class SharedDocument(Resource):
    """A document with entries of other programs. Ours are recognized by their id; the others are kept."""

    def owns(self, entry: str) -> bool:
        """Return True if lakeworks made the entry."""
        return entry.startswith(OURS)

    def target(self, current: Document) -> Document:
        """Keep others' entries; set ours as desired, and drop ours that are not desired any more."""
        theirs = {key: value for key, value in current.items() if not self.owns(key)}
        return {**theirs, **self.desired()}


def without_empty(value: Any) -> Any:
    """Return a document without the empty members and metadata that some servers add."""
    if isinstance(value, Mapping):
        cleaned = {key: without_empty(item) for key, item in value.items() if key != "ResponseMetadata"}
        return {key: item for key, item in cleaned.items() if item not in ([], {}, None)}
    if isinstance(value, list | tuple):
        return [without_empty(item) for item in value]
    return value


def every_page(call: Callable[..., Mapping[str, Any]], member: str, **arguments: Any) -> list[Any]:
    """Return all pages of a call with `NextContinuationToken` (S3's configurations have no paginator)."""
    members: list[Any] = []
    following: dict[str, Any] = {}
    while True:
        page = call(**arguments, **following)
        members += page.get(member, [])
        if not (token := page.get("NextContinuationToken")):
            return members
        following = {"ContinuationToken": token}

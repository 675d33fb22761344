"""Plan, apply, read back.

Each resource is handled separately: a call without permission does not stop the others, and a second run completes
the rest. A setting counts only after it is read back. Emulators accept settings that they do not store, and may treat
an unknown sub-resource PUT as a CreateBucket.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from lakeworks.aws_errors import error_code, is_nobody, translated
from lakeworks.core.parallel import map_ordered
from lakeworks.errors import LakeAccessDenied, LakeError, LakeNotFound
from lakeworks.infrastructure.confirmation import Confirmation, confirmation_of
from lakeworks.infrastructure.document_diff import Line, difference
from lakeworks.infrastructure.resource import Clients, Document, NotSupported, Resource

ResourceOutcome = Literal[
    "create", "change",  # planned
    "created", "changed",  # done and read back
    "unchanged", "postponed", "foreign", "refused", "denied", "unsupported", "unconfirmed", "failed",
]  # fmt: skip
# Outcomes after which the lake is not set up.
PROBLEMS: tuple[ResourceOutcome, ...] = ("denied", "unconfirmed", "failed")
_TOGETHER = 8  # settings read at once
# Error codes for an unsupported call (S3, AWS JSON services, the emulators' own).
_UNKNOWN = {"NotImplemented", "MethodNotAllowed", "InvalidAction", "UnknownOperationException", "UnsupportedOperation"}


@dataclass(frozen=True)
class ResourceChange:
    """The planned or finished change of one resource.

    `postponed`: it is about something that a run makes first. `foreign`: another program made the resource, or made it
    stronger; bootstrap does not change it. `refused`: the setting would do harm. `unsupported`: an emulator does not support
    the call or does not store the setting. `unconfirmed`: AWS accepted the setting and did not return it within a minute.
    """

    kind: str
    name: str
    outcome: ResourceOutcome
    detail: str = ""
    lines: tuple[Line, ...] = field(default=())
    remarks: tuple[str, ...] = ()

    @property
    def setting(self) -> str:
        """`versioning`, `database silver_transport`."""
        return self.kind if self.kind != "database" else f"{self.kind} {self.name}"

    def as_dict(self) -> dict[str, Any]:
        """Return a document for JSON and Airflow's return value."""
        return {**asdict(self), "setting": self.setting, "lines": [str(line) for line in self.lines]}


def plan(resources: Iterable[Resource], clients: Clients) -> list[ResourceChange]:
    """Return the changes that an apply would make; this only reads.

    Raises:
        LakeAccessDenied, CredentialsExpired: the credentials are wrong, or have run out.
    """
    asked = [(resource, clients(resource.service, resource.region)) for resource in resources]
    return [change for change, _ in map_ordered(lambda pair: _planned(*pair), asked, _TOGETHER)]


def apply(
    resources: Iterable[Resource], clients: Clients, confirmation: Callable[[Any], Confirmation] = confirmation_of
) -> Iterator[ResourceChange]:
    """Create or correct every resource, in order; yield each outcome at once.

    Args:
        resources: in the order to make them.
        clients: gives a boto3 client for a service and region.
        confirmation: gives the time limit for the endpoint of a client.

    Raises:
        LakeAccessDenied, CredentialsExpired: the credentials are wrong, or have run out: what was yielded is done, a later
            run does the rest.
        LakeError: a bucket cannot be had at all (see `Bucket`).
    """
    listed = list(resources)
    for resource in listed:
        if resource.essential:  # change nothing until all names are known to be ours or free
            _planned(resource, clients(resource.service, resource.region))
    for resource in listed:
        client = clients(resource.service, resource.region)
        yield _applied(resource, client, confirmation(client))


def _planned(resource: Resource, client: Any) -> tuple[ResourceChange, Document]:
    """Return the change, and the document to write for it."""
    if reason := resource.unsupported_reason(client):
        return _change(resource, _unsupported(client), reason), {}
    if reason := resource.postponed_reason():
        return _change(resource, "postponed", reason), {}
    try:
        current = _read_current(resource, client)
    except LakeError as error:
        return _refusal(resource, error, client), {}
    if current is None:
        desired = resource.desired()
        return _change(resource, "create" if desired else "unchanged", lines=difference({}, desired)), desired
    if reason := resource.conflict(current):
        return _change(resource, "foreign", reason, current=current), {}
    target = resource.target(current)
    lines = difference(current, target)
    return _change(resource, "change" if lines else "unchanged", lines=lines, current=current), target


def _applied(resource: Resource, client: Any, confirmation: Confirmation) -> ResourceChange:
    """Read, compare, write, read back until it is there."""
    planned, target = _planned(resource, client)
    if planned.outcome not in ("create", "change"):
        return planned
    try:
        with translated(f"set {resource.kind} of", resource.name):
            resource.write(client, target)
        kept = confirmation.await_match(
            lambda: _read_current(resource, client), lambda current: not difference(current or {}, target)
        )
    except LakeError as error:
        return _refusal(resource, error, client)
    if lines := difference(kept or {}, target):
        lost = "; ".join(map(str, lines[:3])) + (f"; and {len(lines) - 3} more" if len(lines) > 3 else "")
        if confirmation.is_aws:
            detail = (
                f"accepted, but not present {sum(confirmation.pauses):.0f} s later: {lost}. Run the bootstrap again"
            )
            return _change(resource, "unconfirmed", detail, lines=planned.lines)
        return _change(resource, "unsupported", f"accepted but not kept; still missing: {lost}", lines=planned.lines)
    return replace(planned, outcome="created" if planned.outcome == "create" else "changed")


def _read_current(resource: Resource, client: Any) -> Document | None:
    try:
        with translated(f"read {resource.kind} of", resource.name):
            return resource.read(client)
    except LakeNotFound:
        return None


def _refusal(resource: Resource, error: LakeError, client: Any) -> ResourceChange:
    """Return an error as an outcome; raise it if every other resource would fail in the same way."""
    if resource.essential:
        raise error
    if is_nobody(error):
        raise type(error)(
            f"{error} Settings reported before this one are in place. A run with correct credentials completes "
            "the rest."
        ) from error
    if isinstance(error, LakeAccessDenied):
        return _change(resource, "denied", str(error))
    code = error_code(error)
    unknown = code in _UNKNOWN or (code.isdigit() and int(code) >= 400)  # no AWS error: an emulator's own
    unknown = unknown or isinstance(error, NotSupported)
    return _change(resource, _unsupported(client) if unknown else "failed", str(error))


def _unsupported(client: Any) -> ResourceOutcome:
    """Return the outcome of what an endpoint cannot do. AWS can do everything, so there the lake is not set up."""
    return "failed" if confirmation_of(client).is_aws else "unsupported"


def _change(
    resource: Resource,
    outcome: ResourceOutcome,
    detail: str = "",
    *,
    lines: Iterable[Line] = (),
    current: Document | None = None,
) -> ResourceChange:
    remarks = tuple(resource.notes(current or {}))
    return ResourceChange(resource.kind, resource.name, outcome, detail, tuple(lines), remarks)

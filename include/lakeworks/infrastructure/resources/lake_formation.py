"""Lake Formation grants. They are only added, because a grant does not show its author."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.config import Grant
from lakeworks.infrastructure.resource import Document, Resource


@dataclass(frozen=True)
class PermissionGrant(Resource):
    """The permissions of one principal on one database or table."""

    kind: ClassVar[str] = "grant"
    service: ClassVar[str] = "lakeformation"
    grant: Grant | None = None

    def desired(self) -> Document:
        """Return the permissions."""
        return dict.fromkeys(sorted(self._grant.permissions), True)

    def read(self, client: Any) -> Document | None:
        """Return every permission that the principal has there."""
        grants = client.list_permissions(**self._of)["PrincipalResourcePermissions"]
        permissions = {name for entry in grants for name in entry["Permissions"]}
        return dict.fromkeys(sorted(permissions), True) or None

    def target(self, current: Document) -> Document:
        """Keep others' permissions."""
        return {**current, **self.desired()}

    def write(self, client: Any, target: Document) -> None:
        """Grant ours; granting twice is no error."""
        client.grant_permissions(**self._of, Permissions=sorted(self._grant.permissions))

    @property
    def _of(self) -> Document:
        grant = self._grant
        database = {"Database": {"Name": grant.database}}
        table = {"Table": {"DatabaseName": grant.database, "Name": grant.table}}
        principal = {"DataLakePrincipalIdentifier": grant.principal}
        return {"Principal": principal, "Resource": table if grant.table else database}

    @property
    def _grant(self) -> Grant:
        assert self.grant is not None  # noqa: S101 - dataclass inheritance forces a default
        return self.grant

"""Lake Formation grants. Bootstrap writes down what it grants, so that it can take back exactly that."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.lake_formation.permissions import covered, held_permissions, settled
from lakeworks.infrastructure.lake_formation.record import Granted, GrantRecord
from lakeworks.infrastructure.resource import Document, Resource


@dataclass(frozen=True, kw_only=True)
class PermissionGrant(Resource):
    """The permissions of one principal on one target, such as a database. Permissions that others gave it do not show."""

    kind: ClassVar[str] = "grant"
    service: ClassVar[str] = "lakeformation"
    principal: str
    target_of_grant: Document
    permissions: tuple[str, ...]
    record: GrantRecord
    missing_table: str = ""
    sleep: Callable[[float], None] = time.sleep

    def desired(self) -> Document:
        """Return the permissions."""
        return dict.fromkeys(sorted(self.permissions), True)

    def read(self, client: Any) -> Document | None:
        """Return those of them that the principal has; AWS lists ALL as every single one."""
        return dict.fromkeys(sorted(set(self.permissions) - set(self._missing(client))), True) or None

    def write(self, client: Any, target: Document) -> None:
        """Write down what is missing, then grant it; what a crash leaves written down is granted by the next run."""
        missing = self._missing(client)
        self.record.add(Granted(self.principal, self.target_of_grant, tuple(missing)))
        of = {"Principal": {"DataLakePrincipalIdentifier": self.principal}, "Resource": self.target_of_grant}
        settled(client.grant_permissions, self.sleep, **of, Permissions=missing)

    def postponed_reason(self) -> str:
        """Return the table that no run has made yet."""
        return self.missing_table

    def _missing(self, client: Any) -> list[str]:
        held = held_permissions(client, self.principal, self.target_of_grant)
        return sorted(name for name in self.permissions if not covered(name, held, self.target_of_grant))


@dataclass(frozen=True, kw_only=True)
class RetiredGrant(Resource):
    """Permissions that bootstrap granted and lake.yml grants no more."""

    kind: ClassVar[str] = "retired grant"
    service: ClassVar[str] = "lakeformation"
    granted: Granted
    record: GrantRecord
    sleep: Callable[[float], None] = time.sleep

    def desired(self) -> Document:
        """Return nothing: all of it goes."""
        return {}

    def read(self, client: Any) -> Document | None:
        """Return what is written down as ours."""
        kept = self.record.permissions_of(self.granted)
        return dict.fromkeys(sorted(kept & set(self.granted.permissions)), True) or None

    def write(self, client: Any, target: Document) -> None:
        """Take back what is still there, then cross it out. Of what was dropped meanwhile, nothing is there."""
        of = {"Principal": {"DataLakePrincipalIdentifier": self.granted.principal}, "Resource": self.granted.target}
        with suppress(client.exceptions.EntityNotFoundException):
            held = held_permissions(client, self.granted.principal, self.granted.target)
            if ours := self._revocable(held):
                settled(client.revoke_permissions, self.sleep, **of, Permissions=ours)
        self.record.remove(self.granted)

    def _revocable(self, held: set[str]) -> list[str]:
        """Return what to revoke. Who has ALL from someone else keeps it whole."""
        has_all = covered("ALL", held, self.granted.target)
        if "ALL" in self.granted.permissions:
            return ["ALL"] if has_all else sorted(set(self.granted.permissions) & held)
        return [] if has_all else sorted(set(self.granted.permissions) & held)

    def notes(self, current: Document) -> list[str]:
        """Return the reason."""
        return ["lake.yml does not grant it any more, and bootstrap did"] if current else []

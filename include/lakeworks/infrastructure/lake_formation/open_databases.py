"""Databases that IAM alone opens: `IAMAllowedPrincipals` has every permission there, and Lake Formation decides nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.errors import LakeUnavailable
from lakeworks.infrastructure.lake_formation.config import OPEN_PRINCIPAL
from lakeworks.infrastructure.lake_formation.permissions import (
    covered,
    database_target,
    every_listed,
    held_permissions,
    in_words,
    settled,
    table_target,
)
from lakeworks.infrastructure.resource import Document, Resource

_DEFAULTS = "CreateTableDefaultPermissions"


@dataclass(frozen=True, kw_only=True)
class DefaultOfNewTables(Resource):
    """The setting of a database that gives its new tables to everyone whom IAM admits. `name` is the database."""

    kind: ClassVar[str] = "default of new tables"
    service: ClassVar[str] = "glue"

    def desired(self) -> Document:
        """Return that Lake Formation decides on new tables."""
        return {"OpenToIam": False}

    def read(self, client: Any) -> Document | None:
        """Return the setting."""
        return {"OpenToIam": bool(client.get_database(Name=self.name)["Database"].get(_DEFAULTS))}

    def write(self, client: Any, target: Document) -> None:
        """Empty the setting. Glue resets what an update does not name, so the rest goes with it."""
        members = client.meta.service_model.shape_for("DatabaseInput").members
        found = client.get_database(Name=self.name)["Database"]
        kept = {key: value for key, value in found.items() if key in members}
        client.update_database(Name=self.name, DatabaseInput={**kept, _DEFAULTS: []})


@dataclass(frozen=True, kw_only=True)
class OpenDatabases(Resource):
    """Permissions of `IAMAllowedPrincipals` on the databases of the lake and on their tables."""

    kind: ClassVar[str] = "iam allowed principals"
    service: ClassVar[str] = "lakeformation"
    databases: tuple[str, ...]
    closed: frozenset[str]
    roles: tuple[str, ...]
    sleep: Callable[[float], None] = time.sleep

    def desired(self) -> Document:
        """Return nothing: bootstrap never opens a database."""
        return {}

    def read(self, client: Any) -> Document | None:
        """Return what is open, from every page."""
        return {in_words(target): True for target in self._open(client)} or None

    def target(self, current: Document) -> Document:
        """Keep what lake.yml does not close."""
        return {name: True for name in current if self._database(name) not in self.closed}

    def write(self, client: Any, target: Document) -> None:
        """Revoke, after a look that the roles of the lake can go on.

        Raises:
            LakeUnavailable: one of them would lose the database; nothing was revoked.
        """
        for role in self.roles:
            for database in sorted(self.closed):
                for of in (database_target(database), table_target(database, "*")):
                    if not covered("ALL", held_permissions(client, role, of), of):
                        raise LakeUnavailable(
                            f"`{role}` does not have ALL on {in_words(of)}, and would lose it. IAMAllowedPrincipals was not "
                            "revoked from any database. Correct what failed before this, and run the bootstrap again."
                        )
        for of in self._open(client):
            if in_words(of) not in target:
                principal = {"DataLakePrincipalIdentifier": OPEN_PRINCIPAL}
                settled(client.revoke_permissions, self.sleep, Principal=principal, Resource=of, Permissions=["ALL"])

    def notes(self, current: Document) -> list[str]:
        """Return what a revocation ends, and what stays open."""
        lost = [name for name in current if self._database(name) in self.closed]
        still = sorted({self._database(name) for name in current} - self.closed)
        ended = (
            f"{', '.join(lost)}: principals with IAM permissions alone lose them at once; those that lake.yml names keep "
            "what it grants. To undo it, grant ALL to IAM_ALLOWED_PRINCIPALS by hand"
        )
        opened = (
            f"IAMAllowedPrincipals keeps every permission on {', '.join(still)}: everyone whom IAM admits reads every column "
            "there, and column filters withhold nothing. `revoke_iam_allowed_principals` in lake.yml ends that"
        )
        return [*([ended] if lost else []), *([opened] if still else [])]

    def _open(self, client: Any) -> list[Document]:
        """Return the databases and tables of the lake on which the group has something."""
        of = {"Principal": {"DataLakePrincipalIdentifier": OPEN_PRINCIPAL}}
        targets: dict[str, Document] = {}
        for kind in ("DATABASE", "TABLE"):
            for entry in every_listed(client.list_permissions, "PrincipalResourcePermissions", **of, ResourceType=kind):
                target = _target(entry["Resource"])
                if target and self._database(in_words(target)) in self.databases:
                    targets[in_words(target)] = target
        return list(targets.values())

    @staticmethod
    def _database(name: str) -> str:
        return name.removeprefix("every table of ").partition(".")[0]


def _target(found: Document) -> Document | None:
    """Return the database, the table or all tables that an entry is about, without catalog ids."""
    if "Database" in found:
        return database_target(found["Database"]["Name"])
    of = found.get("Table") or found.get("TableWithColumns")
    if of is None:
        return None
    is_every = "TableWildcard" in of or of.get("Name") == "ALL_TABLES"
    return table_target(of["DatabaseName"], "*" if is_every else of["Name"])

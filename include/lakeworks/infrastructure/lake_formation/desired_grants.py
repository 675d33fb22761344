"""The grants that lake.yml declares, and those that it declares no more."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lake_formation.config import Grant
from lakeworks.infrastructure.lake_formation.grants import PermissionGrant, RetiredGrant
from lakeworks.infrastructure.lake_formation.known_state import KnownState
from lakeworks.infrastructure.lake_formation.permissions import (
    EVERY_TABLE,
    covered,
    database_target,
    in_words,
    table_target,
)
from lakeworks.infrastructure.lake_formation.record import Granted
from lakeworks.infrastructure.resource import Document


def declared_grants(config: LakeConfig, state: KnownState) -> list[PermissionGrant]:
    """Return the grants of lake.yml."""
    return [_declared(grant, state) for grant in config.grants]


def _declared(grant: Grant, state: KnownState) -> PermissionGrant:
    target = table_target(grant.database, grant.table) if grant.table else database_target(grant.database)
    missing = state.missing(grant.database, grant.table) if grant.table not in (None, EVERY_TABLE) else ""
    return permission_grant(grant.principal, target, grant.permissions, state, missing)


def permission_grant(
    principal: str, target: Document, permissions: tuple[str, ...], state: KnownState, missing_table: str = ""
) -> PermissionGrant:
    """Return a grant, named for a person."""
    return PermissionGrant(
        f"{principal} on {in_words(target)}",
        principal=principal,
        target_of_grant=target,
        permissions=permissions,
        record=state.record,
        missing_table=missing_table,
    )


def retired_grants(grants: Sequence[PermissionGrant], state: KnownState) -> Iterator[RetiredGrant]:
    """Yield what is written down and not declared. It goes first: of an ALL that shrinks, the rest is granted again."""
    declared: dict[tuple[str, str], set[str]] = {}
    for one in grants:
        place = Granted(one.principal, one.target_of_grant, ()).place
        declared.setdefault(place, set()).update(one.permissions)
    for entry in state.granted:
        kept = declared.get(entry.place, set())
        gone = tuple(name for name in entry.permissions if not covered(name, kept, entry.target))
        if gone:
            name = f"{entry.principal} on {in_words(entry.target)}"
            yield RetiredGrant(name, granted=replace(entry, permissions=gone), record=state.record)

"""The catalog with everything that governs it, in the order that Lake Formation demands.

A role creates no table over a registered bucket without DATA_LOCATION_ACCESS, and no database without CREATE_DATABASE: both
come before the databases. What takes access away comes last.
"""

from collections.abc import Iterator, Sequence

from lakeworks.contract import Contract
from lakeworks.contract.databases import databases_of
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lake_formation.column_visibility import check_grants, check_readers
from lakeworks.infrastructure.lake_formation.desired_grants import declared_grants, permission_grant, retired_grants
from lakeworks.infrastructure.lake_formation.grants import PermissionGrant
from lakeworks.infrastructure.lake_formation.known_state import KnownState
from lakeworks.infrastructure.lake_formation.location import RegisteredLocation
from lakeworks.infrastructure.lake_formation.open_databases import DefaultOfNewTables, OpenDatabases
from lakeworks.infrastructure.lake_formation.permissions import EVERY_TABLE, database_target, table_target
from lakeworks.infrastructure.lake_formation.readers import reader_resources, retired_filters
from lakeworks.infrastructure.lake_formation.record import RecordedGrants
from lakeworks.infrastructure.lake_formation.tag_assignments import tag_resources
from lakeworks.infrastructure.resource import Resource
from lakeworks.infrastructure.resources.glue import Database


def catalog_resources(
    place: LakeLocation, config: LakeConfig, contracts: Sequence[Contract], known: KnownState
) -> Iterator[Resource]:
    """Yield the databases of the contracts, and what Lake Formation needs before and after them."""
    locations = list(_locations(place, config))
    first = list(_for_roles_first(locations, config, known))
    formation = config.lake_formation
    readers = formation.readers if formation else ()
    check_readers(readers, contracts)
    check_grants(config, contracts)
    filtered = list(reader_resources(place, readers, contracts, known))
    after = [*_for_roles(databases_of(contracts), config, known), *declared_grants(config, known)]
    granted = [*first, *after, *(one for one in filtered if isinstance(one, PermissionGrant))]
    if (first or after) and not known.is_read:
        yield RecordedGrants(place.bucket, record=known.record)
    yield from locations
    yield from first
    yield from (Database(name) for name in databases_of(contracts))
    yield from retired_grants(granted, known)
    yield from retired_filters(filtered, known)
    yield from after
    yield from filtered
    if formation and formation.tags:
        yield from tag_resources(contracts, known)
    yield from _closed(databases_of(contracts), config)


def _closed(databases: Sequence[str], config: LakeConfig) -> Iterator[Resource]:
    """Yield what takes databases from everyone whom IAM admits, and the note on those that stay open.

    Raises:
        ConfigError: lake.yml names a database that the lake does not have.
    """
    if (formation := config.lake_formation) is None:
        return
    closed = formation.revoke_iam_allowed_principals
    if strange := sorted(set(closed) - set(databases)):
        raise ConfigError(
            f"lake.yml: `lake_formation.revoke_iam_allowed_principals` names `{strange[0]}`, which is no database of the "
            f"contracts. Nothing was changed. The lake has: {', '.join(databases)}."
        )
    yield from (DefaultOfNewTables(name) for name in closed)
    yield OpenDatabases(
        "databases of the lake", databases=tuple(databases), closed=frozenset(closed), roles=formation.roles
    )


def _locations(place: LakeLocation, config: LakeConfig) -> Iterator[RegisteredLocation]:
    if formation := config.lake_formation:
        for bucket in (place.bucket, *config.bucket_of_layer.values()):
            yield RegisteredLocation(
                f"arn:{place.partition}:s3:::{bucket}",
                role_arn=formation.registration_role,
                hybrid_access=formation.hybrid_access,
            )


def _for_roles_first(
    locations: Sequence[RegisteredLocation], config: LakeConfig, known: KnownState
) -> Iterator[PermissionGrant]:
    """Yield what the lake's roles need before they create anything."""
    for role in config.lake_formation.roles if config.lake_formation else ():
        for location in locations:
            target = {"DataLocation": {"ResourceArn": location.name}}
            yield permission_grant(role, target, ("DATA_LOCATION_ACCESS",), known)
        yield permission_grant(role, {"Catalog": {}}, ("CREATE_DATABASE",), known)


def _for_roles(databases: Sequence[str], config: LakeConfig, known: KnownState) -> Iterator[PermissionGrant]:
    """Yield everything on the databases and on all their tables."""
    for role in config.lake_formation.roles if config.lake_formation else ():
        for database in databases:
            yield permission_grant(role, database_target(database), ("ALL",), known)
            yield permission_grant(role, table_target(database, EVERY_TABLE), ("ALL",), known)

"""Lake Formation in CloudFormation and in Terraform, in the order that it demands."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lakeworks.infrastructure.resource import Document, Resource

_ACCOUNT = {"Ref": "AWS::AccountId"}
_LOCATION, _GRANT, _DATABASE = (
    "AWS::LakeFormation::Resource",
    "AWS::LakeFormation::PrincipalPermissions",
    "AWS::Glue::Database",
)
_FILTER = "AWS::LakeFormation::DataCellsFilter"
_FIRST = ("DataLocation", "Catalog")


def location_properties(resource: Any) -> Document:
    """Return the properties of `AWS::LakeFormation::Resource`."""
    role = {"RoleArn": resource.role_arn} if resource.role_arn else {}
    return {
        "ResourceArn": resource.name,
        "UseServiceLinkedRole": resource.role_arn is None,
        "HybridAccessEnabled": resource.hybrid_access,
        **role,
    }


def terraform_location(resource: Any, _: Document) -> Document:
    """Return `aws_lakeformation_resource`."""
    role = {"role_arn": resource.role_arn} if resource.role_arn else {"use_service_linked_role": True}
    return {"arn": resource.name, "hybrid_access_enabled": resource.hybrid_access, **role}


def grant_properties(resource: Any) -> Document:
    """Return the properties of `AWS::LakeFormation::PrincipalPermissions`."""
    ((kind, of),) = resource.target_of_grant.items()
    catalog = {"TableCatalogId": _ACCOUNT} if kind == "DataCellsFilter" else {"CatalogId": _ACCOUNT}
    return {
        "Principal": {"DataLakePrincipalIdentifier": resource.principal},
        "Resource": {kind: {**of, **catalog} if kind != "Catalog" else _ACCOUNT},
        "Permissions": sorted(resource.permissions),
        "PermissionsWithGrantOption": [],
    }


def terraform_grant(resource: Any, desired: Document) -> Document:
    """Return `aws_lakeformation_permissions`."""
    ((kind, of),) = resource.target_of_grant.items()
    names = {"ResourceArn": "arn", "TableWildcard": "wildcard"}
    values = {
        names.get(key, _snake(key)): True if key == "TableWildcard" else value
        for key, value in of.items()
        if key != "CatalogId"
    }
    where: Document = {_snake(kind): values} if kind != "Catalog" else {"catalog_resource": True}
    return {"principal": resource.principal, "permissions": sorted(desired), **where}


def filter_properties(resource: Any) -> Document:
    """Return the properties of `AWS::LakeFormation::DataCellsFilter`."""
    rows: Document = {"RowFilter": {"AllRowsWildcard": {}}}
    return {**resource.place, "TableCatalogId": _ACCOUNT, **rows, "ColumnNames": sorted(resource.columns)}


def terraform_filter(resource: Any, _: Document) -> Document:
    """Return `aws_lakeformation_data_cells_filter`."""
    names = {_snake(key): value for key, value in resource.place.items()}
    return {"table_data": {**names, "column_names": sorted(resource.columns), "row_filter": {"all_rows_wildcard": {}}}}


def order_template(template: Document) -> None:
    """Let grants wait for what they are on, and databases for the lake's roles."""
    by_type: dict[str, list[str]] = {}
    for name, resource in template.items():
        by_type.setdefault(resource["Type"], []).append(name)
    first = [name for name in by_type.get(_GRANT, []) if set(template[name]["Properties"]["Resource"]) & set(_FIRST)]
    for name in by_type.get(_FILTER, []):
        template[name] |= _depends("DependsOn", by_type.get(_DATABASE, []))
    for name in by_type.get(_GRANT, []):
        is_on_filter = "DataCellsFilter" in template[name]["Properties"]["Resource"]
        kind = _LOCATION if name in first else _FILTER if is_on_filter else _DATABASE
        template[name] |= _depends("DependsOn", by_type.get(kind, []))
    for name in by_type.get(_DATABASE, []):
        template[name] |= _depends("DependsOn", first)


def order_configuration(configuration: Document, resources: Sequence[Resource], label: Callable[[str], str]) -> None:
    """Let Terraform wait in the same way."""
    grants: list[Any] = [one for one in resources if one.kind == "grant"]
    locations = [
        f"aws_lakeformation_resource.{label(one.name)}" for one in resources if one.kind == "lake formation location"
    ]
    databases = [f"aws_glue_catalog_database.{label(one.name)}" for one in resources if one.kind == "database"]
    first = [one for one in grants if set(one.target_of_grant) & set(_FIRST)]
    filters = [
        f"aws_lakeformation_data_cells_filter.{label(one.name)}" for one in resources if one.kind == "column filter"
    ]
    for one in configuration.get("aws_lakeformation_data_cells_filter", {}).values():
        one |= _depends("depends_on", databases)
    for one in grants:
        wait = locations if one in first else filters if "DataCellsFilter" in one.target_of_grant else databases
        configuration["aws_lakeformation_permissions"][label(one.name)] |= _depends("depends_on", wait)
    for database in configuration.get("aws_glue_catalog_database", {}).values():
        database |= _depends("depends_on", [f"aws_lakeformation_permissions.{label(one.name)}" for one in first])


def _depends(member: str, names: Iterable[str]) -> Document:
    return {member: found} if (found := list(names)) else {}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()

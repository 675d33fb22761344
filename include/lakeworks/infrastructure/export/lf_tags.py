"""LF-tags and their assignments in both formats. An assignment to a table that no run has made yet is left out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lakeworks.contract.object_tags import CLASSES
from lakeworks.infrastructure.lake_formation.lf_tags import CLASSIFICATION
from lakeworks.infrastructure.resource import Document, Resource

KINDS = ("lf-tag", "lf-tags", "column lf-tags")
_ACCOUNT = {"Ref": "AWS::AccountId"}


@dataclass(frozen=True)
class _Assignment:
    """The tags of one database, table, or group of columns. `title` is unique; `rank` orders: wider ones come first."""

    title: str
    tagged: Document
    tags: tuple[tuple[str, str], ...]
    rank: int


def left_out(resources: Sequence[Resource]) -> list[str]:
    """Return the assignments that wait for a table."""
    return [f"{one.kind} {one.name}" for one in resources if one.kind in KINDS and one.postponed_reason()]


def add_to_template(template: Document, resources: Sequence[Resource], name_of: Callable[[str, str], str]) -> None:
    """Add CloudFormation's tags and associations; each waits for the tags, the databases and the wider associations."""
    tags = []
    for resource in _tags(resources):
        tags.append(name_of("LfTag", resource.name))
        properties = {"CatalogId": _ACCOUNT, "TagKey": resource.name, "TagValues": sorted(resource.values)}
        template[tags[-1]] = {"Type": "AWS::LakeFormation::Tag", "Properties": properties}
    databases = [name for name, one in template.items() if one["Type"] == "AWS::Glue::Database"]
    made: list[tuple[int, str]] = []
    for one in _assignments(resources):
        ((kind, place),) = one.tagged.items()
        pairs = [{"CatalogId": _ACCOUNT, "TagKey": key, "TagValues": [value]} for key, value in one.tags]
        wider = [name for rank, name in made if rank < one.rank]
        name = name_of("LfTags", one.title)
        template[name] = {
            "Type": "AWS::LakeFormation::TagAssociation",
            "Properties": {"Resource": {kind: {"CatalogId": _ACCOUNT, **place}}, "LFTags": pairs},
            "DependsOn": [*tags, *databases, *wider],
        }
        made.append((one.rank, name))


def add_to_configuration(configuration: Document, resources: Sequence[Resource], label: Callable[[str], str]) -> None:
    """Add Terraform's tags and assignments, in the same order."""
    tags = []
    for resource in _tags(resources):
        name = label(resource.name)
        configuration["aws_lakeformation_lf_tag"][name] = {"key": resource.name, "values": sorted(resource.values)}
        tags.append(f"aws_lakeformation_lf_tag.{name}")
    databases = [f"aws_glue_catalog_database.{name}" for name in configuration.get("aws_glue_catalog_database", {})]
    made: list[tuple[int, str]] = []
    for one in _assignments(resources):
        wider = [name for rank, name in made if rank < one.rank]
        pairs = [{"key": key, "value": value} for key, value in one.tags]
        name = label(one.title)
        configuration["aws_lakeformation_resource_lf_tags"][name] = {
            **_terraform_place(one.tagged),
            "lf_tag": pairs,
            "depends_on": [*tags, *databases, *wider],
        }
        made.append((one.rank, f"aws_lakeformation_resource_lf_tags.{name}"))


def _terraform_place(tagged: Document) -> Document:
    ((kind, place),) = tagged.items()
    if kind == "Database":
        return {"database": {"name": place["Name"]}}
    where = {"database_name": place["DatabaseName"], "name": place["Name"]}
    if kind == "Table":
        return {"table": where}
    return {"table_with_columns": {**where, "column_names": place["ColumnNames"]}}


def _tags(resources: Sequence[Resource]) -> list[Any]:
    return [one for one in resources if one.kind == "lf-tag"]


def _assignments(resources: Sequence[Any]) -> Iterator[_Assignment]:
    """Yield databases, then tables, then the columns of a table by classification, the highest first."""
    ready = [one for one in resources if one.kind in KINDS[1:] and not one.postponed_reason()]
    for rank, kind in enumerate(("Database", "Table")):
        for one in ready:
            if one.kind == "lf-tags" and kind in one.tagged:
                yield _Assignment(one.name, one.tagged, tuple(sorted(one.tags.items())), rank)
    for one in ready:
        if one.kind != "column lf-tags":
            continue
        for name in reversed(CLASSES):
            if columns := sorted(column for column, found in one.classes.items() if found == name):
                tagged = {"TableWithColumns": {**one.table, "ColumnNames": columns}}
                yield _Assignment(f"{one.name}_{name}", tagged, ((CLASSIFICATION, name),), 2)

"""An Open Data Contract Standard document as a contract.

A document that the lake exported gives the same contract again. For other documents, `Imported.left_out` names the
parts that no field can express.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from lakeworks.authoring.odcs_columns import to_column
from lakeworks.authoring.odcs_quality import to_rules
from lakeworks.contract import Contract
from lakeworks.contract.validation import problems_of
from lakeworks.core.names import TableName
from lakeworks.core.yaml_document import read_yaml
from lakeworks.documentation.custom_properties import FIELDS, from_custom
from lakeworks.errors import ConfigError, ContractError

if TYPE_CHECKING:
    from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, Team

_STATUS = {
    "proposed": "draft",
    "draft": "draft",
    "active": "active",
    "deprecated": "deprecated",
    "retired": "deprecated",
}
_HOURS = {"h": 1.0, "d": 24.0, "m": 1 / 60, "": 24.0}
_DAYS = {"d": 1, "m": 30, "y": 365, "": 1}


@dataclass(frozen=True)
class Imported:
    """A contract, and what of its document it leaves out."""

    contract: Contract
    left_out: tuple[str, ...] = ()


def read_odcs(path: Path) -> "OpenDataContractStandard":
    """Read a document.

    Raises:
        ConfigError: the file cannot be read, or is no document of ODCS 3.
    """
    from open_data_contract_standard.model import OpenDataContractStandard

    try:
        document = OpenDataContractStandard.model_validate(read_yaml(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"`{path}` cannot be read: {' '.join(str(error).split())}. Nothing was written.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise ConfigError(
            f"`{path}` is no Open Data Contract Standard document: `{place}`: {first['msg']}. Nothing was written."
        ) from error
    if document.kind != "DataContract" or not str(document.apiVersion).startswith("v3."):
        raise ConfigError(
            f"`{path}` is no Open Data Contract Standard document of version 3: `kind` is {document.kind}, `apiVersion` is "
            f"{document.apiVersion}. Nothing was written."
        )
    return document


def to_contract(document: "OpenDataContractStandard", name: str, file: str) -> Imported:
    """Return the contract of the table `name`; errors call the document `file`.

    Raises:
        ConfigError: the document describes no table, or several and none of this name.
        ContractError: what it says is not possible here; each problem by field.
    """
    table = _table_of(document, TableName.parse(name), file)
    own = {key: value for key, value in from_custom(document.customProperties).items() if key in FIELDS}
    rules = to_rules(table)
    properties = table.properties or []
    keys = sorted((item for item in properties if item.primaryKey), key=lambda item: item.primaryKeyPosition or 0)
    values: dict[str, Any] = {
        "name": name,
        "version": _version(document.version),
        "status": _STATUS.get(document.status or "", "draft"),
        "description": _description(document, table),
        "team": _team(document.team) or document.domain or TableName.parse(name).domain,
        "tags": [tag for tag in document.tags or () if tag != TableName.parse(name).layer],
        "grain": [str(item.physicalName or item.name) for item in keys],
        **own,
        "columns": {str(item.physicalName or item.name): to_column(item) for item in properties},
        "rows": rules.rows,
        "checks": rules.checks,
        **_service_levels(document, own),
    }
    try:
        return Imported(Contract.model_validate(values), (*_left_out(document, table), *rules.left_out))
    except ValidationError as error:
        raise ContractError.of(problems_of(error, Contract, file)) from error


def _table_of(document: "OpenDataContractStandard", name: TableName, file: str) -> "SchemaObject":
    tables = document.schema_ or []
    if len(tables) == 1:
        return tables[0]
    for table in tables:
        if name.table in (table.name, table.physicalName):
            return table
    known = ", ".join(str(table.name) for table in tables) or "none"
    raise ConfigError(
        f"`{file}` describes {len(tables)} tables and none is `{name.table}`: {known}. Nothing was written. Give the new "
        "table the name of one of them."
    )


def _version(text: str | None) -> str:
    """Return `v1.2` as `1.2.0`: a contract's version has three numbers."""
    numbers = re.findall(r"\d+", text or "")[:3] or ["1"]
    return ".".join([*numbers, "0", "0"][:3])


def _description(document: "OpenDataContractStandard", table: "SchemaObject") -> str:
    said = document.description.purpose if document.description else None
    return table.description or said or f"Rows of {table.name}."


def _team(team: "Team | list[Any] | None") -> str | None:
    if team is None or not isinstance(team, list):
        return team.name if team else None
    return next((str(member.username) for member in team), None)


def _service_levels(document: "OpenDataContractStandard", own: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for level in document.slaProperties or ():
        unit = (level.unit or "")[:1].lower()
        if not isinstance(level.value, int | float):
            continue
        if level.property in ("latency", "freshness") and unit in _HOURS:
            fields["freshness"] = {"max_age_hours": level.value * _HOURS[unit], **own.get("freshness", {})}
        if level.property == "retention" and unit in _DAYS:
            fields["retention"] = {**own.get("retention", {}), "expire_after_days": int(level.value * _DAYS[unit])}
    return fields


def _left_out(document: "OpenDataContractStandard", table: "SchemaObject") -> Iterator[str]:
    """Yield parts of the document that have no field in a contract and change what is promised."""
    known = {"latency", "freshness", "retention"}
    for level in document.slaProperties or ():
        if level.property not in known or not isinstance(level.value, int | float):
            yield f"slaProperties: {level.property}"
    for part in ("roles", "price", "support"):
        if getattr(document, part):
            yield part
    for item in table.properties or ():
        for option in sorted(set(item.logicalTypeOptions or {}) - {"format", "timezone", "defaultTimezone"}):
            if option not in ("minimum", "maximum", "pattern") or item.logicalType in ("date", "timestamp", "time"):
                yield f"{item.name}: {option}"
        if item.relationships:
            yield f"{item.name}: relationships"

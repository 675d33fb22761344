"""A contract as an Open Data Contract Standard document (3.0.2), for catalogs and tools that read those.

Written from the standard's JSON schema, https://github.com/bitol-io/open-data-contract-standard; what the standard has no
place for (quarantine limit, storage classes, schema policy) goes to its `customProperties`.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import yaml

from lakeworks.contract import Column, Contract, RowRule, TableCheck
from lakeworks.core.types import LakeType

API_VERSION = "v3.0.2"
_LOGICAL = {
    "boolean": "boolean", "tinyint": "integer", "smallint": "integer", "int": "integer", "bigint": "integer",
    "float": "number", "double": "number", "decimal": "number", "string": "string", "binary": "string", "date": "date",
    "timestamp": "date", "list": "array", "struct": "object", "map": "object",
}  # fmt: skip
_FORMAT = {
    "tinyint": "i8", "smallint": "i16", "int": "i32", "bigint": "i64", "float": "f32", "double": "f64", "binary": "byte",
    "date": "yyyy-MM-dd", "timestamp": "yyyy-MM-dd HH:mm:ss.SSSSSS",
}  # fmt: skip


def odcs_yaml(contract: Contract, upstreams: Sequence[str]) -> str:
    """The document as YAML text; the same contract gives the same text."""
    return yaml.safe_dump(odcs(contract, upstreams), sort_keys=False, allow_unicode=True, width=120)


def odcs(contract: Contract, upstreams: Sequence[str]) -> dict[str, Any]:
    """The document; `upstreams` are the tables the transform reads."""
    document = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": contract.name,
        "name": contract.name,
        "version": contract.version,
        "status": contract.status,
        "domain": contract.table.domain,
        "tags": [contract.table.layer, *contract.tags],
        "description": {"purpose": contract.description},
        "team": [{"username": contract.team, "role": "owner"}],
        "schema": [_object(contract, upstreams)],
        "slaProperties": _service_levels(contract),
        "customProperties": _custom(contract),
    }
    return {key: value for key, value in document.items() if value != []}


def _object(contract: Contract, upstreams: Sequence[str]) -> dict[str, Any]:
    sources = [*([contract.source] if contract.source else []), *upstreams]
    properties = [_property(contract, name, column, sources) for name, column in contract.columns.items()]
    quality = [*(_row_quality(contract, rule) for rule in contract.rows), *map(_check_quality, contract.checks)]
    return {
        "name": contract.table.table,
        "physicalName": contract.table.sql,
        "physicalType": "table",
        "logicalType": "object",
        "description": contract.description,
        "dataGranularityDescription": f"one row per {', '.join(contract.grain)}"
        if contract.grain
        else "rows as received",
        "properties": properties,
        **({"quality": quality} if quality else {}),
    }


def _property(contract: Contract, name: str, column: Column, sources: Sequence[str]) -> dict[str, Any]:
    partitions = [str(field.column) for field in contract.partition_by]
    found: dict[str, Any] = {"name": name, "description": column.description, **_type(column.type)}
    found["required"] = column.required
    if name in contract.grain:
        found |= {"primaryKey": True, "primaryKeyPosition": contract.grain.index(name) + 1}
        found |= {"unique": True} if len(contract.grain) == 1 else {}
    if name in partitions:
        found |= {"partitioned": True, "partitionKeyPosition": partitions.index(name) + 1}
    found["classification"] = column.classification
    if column.pii:
        found["tags"] = ["pii"]
    if sources:
        found["transformSourceObjects"] = list(sources)
    limits = {"minimum": column.minimum, "maximum": column.maximum}
    options: dict[str, Any] = {key: _number(value) for key, value in limits.items() if value is not None}
    if column.pattern is not None:
        options["pattern"] = column.pattern
    if options:
        found["logicalTypeOptions"] = {**found.get("logicalTypeOptions", {}), **options}
    if column.allowed is not None:
        values = [value if isinstance(value, str | bool) else _number(value) for value in column.allowed]
        found["quality"] = [
            {
                "type": "library",
                "rule": "validValues",
                "validValues": values,
                "dimension": "conformity",
                "severity": "error",
            }
        ]
    return found


def _type(kind: LakeType) -> dict[str, Any]:
    """Logical and physical type, and the members of a nested one (maps have no members in the standard)."""
    found: dict[str, Any] = {"logicalType": _LOGICAL[kind.kind], "physicalType": kind.glue}
    if kind.kind in _FORMAT:
        found["logicalTypeOptions"] = {"format": _FORMAT[kind.kind]}
    if kind.kind == "list":
        found["items"] = _type(kind.members[0][1])
    if kind.kind == "struct":
        found["properties"] = [{"name": name, **_type(inner)} for name, inner in kind.members]
    return found


def _number(value: int | Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def _row_quality(contract: Contract, rule: RowRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "type": "sql",
        "description": f"{rule.reason} Such rows are quarantined.",
        "query": f"SELECT count(*) FROM {contract.table.sql} WHERE NOT coalesce(({rule.sql}), FALSE)",
        "mustBe": 0,
        "unit": "rows",
        "severity": "error",
    }


def _check_quality(check: TableCheck) -> dict[str, Any]:
    return {
        "name": check.expectation,
        "type": "custom",
        "description": check.description,
        "engine": "great-expectations",
        "implementation": {"type": check.expectation, "kwargs": dict(check.kwargs)},
        "severity": {"error": "error", "warn": "warning"}[check.severity],
    }


def _service_levels(contract: Contract) -> list[dict[str, Any]]:
    times = [str(field.column) for field in contract.partition_by if field.transform != "identity" and field.column]
    element = {"element": f"{contract.table.table}.{times[0]}"} if times else {}
    found: list[dict[str, Any]] = []
    if contract.freshness:
        found.append({"property": "latency", "value": contract.freshness.max_age_hours, "unit": "h", **element})
    if contract.retention.expire_after_days:
        found.append({"property": "retention", "value": contract.retention.expire_after_days, "unit": "d"})
    return found


def _custom(contract: Contract) -> list[dict[str, Any]]:
    named: dict[str, Any] = {
        "schemaPolicy": contract.schema_policy,
        "quarantineLimit": contract.quarantine.limit,
        "partitionBy": [str(field) for field in contract.partition_by],
        "glacierInstantRetrievalAfterDays": contract.retention.glacier_ir_after_days,
        "deepArchiveAfterDays": contract.retention.deep_archive_after_days,
    }
    return [{"property": key, "value": value} for key, value in named.items() if value not in (None, [])]

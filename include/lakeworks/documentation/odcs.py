"""A contract as an Open Data Contract Standard document (3.2.0), for other catalogs and tools.

The document is made of the standard's own model. docs/odcs.md says which field goes where.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import yaml

from lakeworks.contract import Contract
from lakeworks.documentation.custom_properties import FIELDS, to_custom
from lakeworks.documentation.odcs_columns import to_property
from lakeworks.documentation.odcs_quality import check_quality, row_quality

if TYPE_CHECKING:
    from open_data_contract_standard.model import (
        OpenDataContractStandard,
        SchemaObject,
        Server,
        ServiceLevelAgreementProperty,
    )

API_VERSION = "v3.2.0"


def odcs_yaml(contract: Contract, upstreams: Sequence[str], data: str | None = None) -> str:
    """Return the document as YAML; the same contract gives the same text."""
    document = odcs_document(contract, upstreams, data).model_dump(exclude_none=True, by_alias=True)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def odcs_document(contract: Contract, upstreams: Sequence[str], data: str | None = None) -> "OpenDataContractStandard":
    """Return the document.

    `upstreams` are the tables that the transform reads. `data` is where the lake's files are: `s3://<bucket>` or a folder.
    """
    from open_data_contract_standard.model import Description, OpenDataContractStandard, Team

    server = _server(contract, data) if data else None
    return OpenDataContractStandard(
        apiVersion=API_VERSION,
        kind="DataContract",
        id=contract.name,
        name=contract.name,
        version=contract.version,
        status=contract.status,
        domain=contract.table.domain,
        tags=[contract.table.layer, *contract.tags],
        description=Description(purpose=contract.description),
        team=Team(name=contract.team),
        servers=[server] if server else None,
        schema=[_table(contract, upstreams)],
        slaProperties=_service_levels(contract) or None,
        customProperties=to_custom(_own_fields(contract)),
    )


def _server(contract: Contract, data: str) -> "Server | None":
    """Return the place of the files. A versioned table has none: earlier publications lie beside the current one."""
    from open_data_contract_standard.model import Server

    if contract.storage.layout == "versioned":
        return None
    path = f"{data.rstrip('/')}/{contract.table.path}/**/*.parquet"
    if data.startswith("s3://"):
        return Server(server="lake", type="s3", location=path, format="parquet")
    return Server(server="lake", type="local", path=path, format="parquet")


def _table(contract: Contract, upstreams: Sequence[str]) -> "SchemaObject":
    """Return the table. Tools derive one name from `physicalName`, so the database is in the document's `id`."""
    from open_data_contract_standard.model import SchemaObject

    sources = [*([contract.source] if contract.source else []), *upstreams]
    quality = [
        *(row_quality(contract, rule) for rule in contract.rows),
        *(check_quality(contract, check) for check in contract.checks),
    ]
    return SchemaObject(
        name=contract.table.table,
        physicalName=contract.table.table,
        physicalType="table",
        logicalType="object",
        description=contract.description,
        dataGranularityDescription=f"one row per {', '.join(contract.grain)}" if contract.grain else "rows as received",
        properties=[to_property(contract, name, column, sources) for name, column in contract.columns.items()],
        quality=quality or None,
    )


def _service_levels(contract: Contract) -> "list[ServiceLevelAgreementProperty]":
    from open_data_contract_standard.model import ServiceLevelAgreementProperty

    times = [str(field.column) for field in contract.time_fields if field.column]
    element = f"{contract.table.table}.{times[0]}" if times else None
    levels = []
    if contract.freshness:
        hours = contract.freshness.max_age_hours
        levels.append(ServiceLevelAgreementProperty(property="latency", value=hours, unit="h", element=element))
    if days := contract.retention.expire_after_days:
        levels.append(ServiceLevelAgreementProperty(property="retention", value=days, unit="d"))
    return levels


def _own_fields(contract: Contract) -> dict[str, Any]:
    """Return the fields without a place in the standard, where they differ from their defaults."""
    fields: dict[str, Any] = contract.model_dump(mode="json", exclude_defaults=True, include=set(FIELDS))
    if contract.source_options:
        fields["source_options"] = contract.source_options  # a date stays one
    for section, said in (("freshness", "max_age_hours"), ("retention", "expire_after_days")):
        fields.get(section, {}).pop(said, None)
    return {key: fields[key] for key in FIELDS if fields.get(key) not in (None, {}, [])}

"""What Glue should hold for a contract: pure renderings, compared with what it does hold."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakeworks.contract import Contract
from lakeworks.partition import Partition
from lakeworks.types import LakeType

# Athena's Parquet table: https://docs.aws.amazon.com/athena/latest/ug/parquet-serde.html
_FORMAT = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}
_COMMENT_CHARS = 255  # Glue's limit for a column comment


@dataclass(frozen=True)
class CatalogPartition:
    """One partition as the catalog should list it."""

    partition: Partition
    location: str
    rows: int
    bytes: int
    parameters: Mapping[str, str] = field(default_factory=dict)


def glue_columns(contract: Contract, extra: Sequence[tuple[str, LakeType]] = ()) -> list[dict[str, str]]:
    """The file columns as Glue lists them; names are lower case there."""
    declared = [
        {"Name": name.lower(), "Type": column.type.glue, "Comment": _comment(column.description)}
        for name, column in contract.file_columns.items()
    ]
    arrived = [
        {"Name": name.lower(), "Type": kind.glue, "Comment": "arrived; not in the contract"} for name, kind in extra
    ]
    return declared + arrived


def storage_descriptor(columns: Sequence[Mapping[str, str]], location: str) -> dict[str, Any]:
    """How the files are read."""
    return {**_FORMAT, "Columns": [dict(column) for column in columns], "Location": location.rstrip("/") + "/"}


def table_input(
    contract: Contract,
    location: str,
    extra: Sequence[tuple[str, LakeType]] = (),
    statistics: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The Glue `TableInput` of a contract."""
    keys = [{"Name": key.lower(), "Type": "string", "Comment": "partition"} for key in contract.partition_keys]
    parameters = {
        "classification": "parquet",
        "EXTERNAL": "TRUE",
        "lakeworks.contract": contract.version,
        "lakeworks.grain": ",".join(contract.grain),
        "lakeworks.team": contract.team,
        **(statistics or {}),
    }
    return {
        "Name": contract.table.table,
        "Description": contract.description[:2048],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": keys,
        "StorageDescriptor": storage_descriptor(glue_columns(contract, extra), location),
    }


def partition_input(wanted: CatalogPartition, columns: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The Glue `PartitionInput` of a partition; its columns are the table's, so that no reader sees two schemas."""
    return {
        "Values": wanted.partition.values,
        "StorageDescriptor": storage_descriptor(columns, wanted.location),
        "Parameters": {"numRows": str(wanted.rows), "totalSize": str(wanted.bytes), **wanted.parameters},
    }


def differs(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Which parts of what Glue holds are not as wanted; Glue may hold more than we set."""
    return [key for key, value in wanted.items() if not _covers(found.get(key), value)]


def _covers(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_covers(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_covers, found, wanted))
    return bool(found == wanted)


def _comment(text: str) -> str:
    return re.sub(r"\s+", " ", text)[:_COMMENT_CHARS]

"""Render a contract as Glue's `TableInput` and `PartitionInput`, and compare them with the catalog."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakeworks.contract import Contract
from lakeworks.contract.evolution import wider
from lakeworks.core.lake_limits import COMMENT_BYTES, DESCRIPTION_BYTES, column_fault, cut
from lakeworks.core.partition import Partition
from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError

# Athena's Parquet table: https://docs.aws.amazon.com/athena/latest/ug/parquet-serde.html
_READ_AS: dict[str, Any] = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}
_ARRIVED = "arrived; not in the contract"
_COMPACT = json.JSONEncoder(separators=(",", ":"))  # made once: a catalog has a seal a partition
ENTRY = "lakeworks.entry"
SEAL = "lakeworks.seal"


@dataclass(frozen=True)
class CatalogPartition:
    """One partition as the catalog should list it."""

    partition: Partition
    location: str
    rows: int
    bytes: int
    parameters: Mapping[str, str] = field(default_factory=dict)


def glue_columns(contract: Contract, extra: Sequence[tuple[str, LakeType]] = ()) -> list[dict[str, str]]:
    """Return the file columns as Glue lists them; names are lower case there."""
    declared = [
        {"Name": name.lower(), "Type": column.type.glue, "Comment": _comment(column.description)}
        for name, column in contract.file_columns.items()
    ]
    arrived = [{"Name": name.lower(), "Type": kind.glue, "Comment": _ARRIVED} for name, kind in extra]
    return declared + arrived


def arrived_types(columns: Sequence[Mapping[str, str]]) -> dict[str, LakeType]:
    """Return the registered columns that the contract does not have, by name in lower case."""
    arrived = {item["Name"]: from_glue(item["Type"]) for item in columns if _has_arrived(item)}
    return {name: kind for name, kind in arrived.items() if kind}


def from_glue(text: str) -> LakeType | None:
    """Return the type that Glue names; None if a contract cannot have it."""
    try:
        return LakeType.parse(text.replace("array<", "list<"))
    except ContractError:
        return None


def storage_descriptor(columns: Sequence[Mapping[str, str]], location: str) -> dict[str, Any]:
    """Return the storage descriptor: columns, location, and the Parquet reader."""
    return {**_READ_AS, "Columns": [dict(column) for column in columns], "Location": location.rstrip("/") + "/"}


def table_input(
    contract: Contract,
    location: str,
    extra: Sequence[tuple[str, LakeType]] = (),
    more: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the Glue `TableInput` of a contract; `more` are parameters that follow from published data."""
    keys = [{"Name": key.lower(), "Type": "string", "Comment": "partition"} for key in contract.partition_keys]
    parameters = {
        "classification": "parquet",
        "EXTERNAL": "TRUE",
        "lakeworks.contract": contract.version,
        "lakeworks.grain": ",".join(contract.grain),
        "lakeworks.team": contract.team,
        # Athena filters by a partition index only where the table says so; without an index it changes nothing.
        **({"partition_filtering.enabled": "true"} if keys else {}),
        **({"projection.enabled": "false"} if keys and not contract.projected else {}),
        **(more or {}),
    }
    return {
        "Name": contract.table.table,
        "Description": cut(contract.description, DESCRIPTION_BYTES),
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": keys,
        "StorageDescriptor": storage_descriptor(glue_columns(contract, extra), location),
    }


def merge_existing(current: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input for an existing table: the desired members, and those that other programs or earlier runs set.

    Columns outside the contract stay at their widest type, because old partitions have them. Parameters that are
    not ours stay. Projected years only grow.
    """
    columns = {column["Name"]: dict(column) for column in desired["StorageDescriptor"]["Columns"]}
    for column in current["StorageDescriptor"]["Columns"]:
        if column["Name"] not in columns:
            if _has_arrived(column) and _can_be_read(column, desired):
                columns[column["Name"]] = dict(column)
        elif columns[column["Name"]].get("Comment") == _ARRIVED:
            columns[column["Name"]]["Type"] = _wider(column["Type"], columns[column["Name"]]["Type"])
    says_nothing = "projection.enabled" not in desired["Parameters"]  # nothing was published just now
    kept = {
        key: value
        for key, value in current.get("Parameters", {}).items()
        if not key.startswith("lakeworks.")
        and (says_nothing or not key.startswith(("projection.", "storage.location.")))
    }
    parameters = {**kept, **desired["Parameters"]}
    if "projection.year.range" in parameters and (years := current["Parameters"].get("projection.year.range")):
        parameters["projection.year.range"] = joined_years(years, parameters["projection.year.range"])
    descriptor = {**desired["StorageDescriptor"], "Columns": list(columns.values())}
    return {**desired, "Parameters": parameters, "StorageDescriptor": descriptor}


def joined_years(*ranges: str) -> str:
    """Return the smallest range `first,last` that includes every given range."""
    years = [int(year) for item in ranges for year in item.split(",")]
    return f"{min(years)},{max(years)}"


def partition_input(partition: CatalogPartition, columns: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return the Glue `PartitionInput` of a partition. It has the table's columns, so readers see one schema."""
    location = partition.location.rstrip("/") + "/"
    parameters = {"numRows": str(partition.rows), "totalSize": str(partition.bytes), **partition.parameters}
    return {
        "Values": partition.partition.values,
        "StorageDescriptor": storage_descriptor(names_and_types(columns), location),
        "Parameters": {**parameters, SEAL: seal(partition.partition.values, location, parameters)},
    }


def names_and_types(columns: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return names and types: what a partition has of its columns. Only the table has comments."""
    return [{"Name": column["Name"], "Type": column["Type"]} for column in columns]


def seal(values: Sequence[str], location: str, parameters: Mapping[str, str]) -> str:
    """Return a short hash of what lakeworks set on a partition. It shows later if another program changed the entry."""
    ours = sorted([pair for pair in parameters.items() if _is_ours(pair[0]) and pair[0] != SEAL])
    text = _COMPACT.encode([list(values), location, ours])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_untouched(current: Mapping[str, Any], columns: Sequence[Mapping[str, str]]) -> bool:
    """Return True if Glue's entry of a partition is what lakeworks set, with the table's current columns."""
    parameters, descriptor = current.get("Parameters", {}), current.get("StorageDescriptor", {})
    if parameters.get(SEAL) != seal(current["Values"], descriptor.get("Location", ""), parameters):
        return False
    return names_and_types(descriptor.get("Columns", [])) == list(columns) and contains(descriptor, _READ_AS)


def explain(current: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
    """Return the differences between Glue's document and the desired one, in words; Glue may have more members.

    The entry number and the seal are left out: they say where the rest comes from, and are no fault by themselves.
    """
    messages: list[str] = []
    before, after = current.get("StorageDescriptor", {}), desired.get("StorageDescriptor", {})
    if before.get("Location") != after.get("Location"):
        messages.append(f"location `{before.get('Location')}` is not `{after.get('Location')}`")
    messages += _column_differences(before.get("Columns", []), after.get("Columns", []))
    if not contains(before, {key: value for key, value in after.items() if key not in ("Location", "Columns")}):
        messages.append("it is not read as Parquet")
    parameters = current.get("Parameters", {})
    messages += [
        f"{key} {parameters.get(key, 'missing')} is not {value}"
        for key, value in desired.get("Parameters", {}).items()
        if parameters.get(key) != value and key not in (ENTRY, SEAL)
    ]
    remaining = {key: value for key, value in desired.items() if key not in ("StorageDescriptor", "Parameters")}
    return messages + [f"{key} differs" for key in differs(current, remaining)]


def differs(current: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
    """Return the members of Glue's document that differ from the desired ones; Glue may have more of them."""
    return [key for key, value in desired.items() if not contains(current.get(key), value)]


def contains(current: Any, desired: Any) -> bool:
    """Return True if everything wanted is found; mappings may hold more."""
    if current == desired:  # the usual case, which Python decides without a walk of our own
        return True
    if isinstance(desired, Mapping):
        return isinstance(current, Mapping) and all(contains(current.get(key), value) for key, value in desired.items())
    if isinstance(desired, list):
        return isinstance(current, list) and len(current) == len(desired) and all(map(contains, current, desired))
    return False


def _column_differences(current: Sequence[Mapping[str, str]], desired: Sequence[Mapping[str, str]]) -> list[str]:
    before, after = ({c["Name"]: c["Type"] for c in columns} for columns in (current, desired))
    messages = [f"column {name} is missing" for name in after if name not in before]
    messages += [f"column {name} is too much" for name in before if name not in after]
    messages += [f"column {n} is {before[n]}, not {kind}" for n, kind in after.items() if before.get(n, kind) != kind]
    if messages or contains(list(current), list(desired)):
        return messages
    return ["columns have another order or other comments"]


def _wider(before: str, now: str) -> str:
    known, arrived = from_glue(before), from_glue(now)
    return wider(known, arrived).glue if known and arrived else now


def _can_be_read(column: Mapping[str, str], desired: Mapping[str, Any]) -> bool:
    """Return whether Athena accepts an arrived column. One column that it refuses makes the whole table unreadable."""
    kind = from_glue(column["Type"])
    keys = [key["Name"] for key in desired.get("PartitionKeys", [])]
    return kind is not None and column_fault(column["Name"], kind, keys) is None


def _has_arrived(column: Mapping[str, str]) -> bool:
    return column.get("Comment", "") == _ARRIVED


def _is_ours(key: str) -> bool:
    return key.startswith("lakeworks.") or key in ("numRows", "totalSize")


def _comment(text: str) -> str:
    return cut(re.sub(r"\s+", " ", text), COMMENT_BYTES)

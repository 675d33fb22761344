"""Changes of a table's metadata: schema and name mapping, and the summary of a snapshot."""

from collections.abc import Sequence

from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSchemaUpdate, SetCurrentSchemaUpdate, SetPropertiesUpdate, TableUpdate

from lakeworks.iceberg.schema import NAME_MAPPING, name_mapping


def schema_updates(metadata: TableMetadata, schema: Schema) -> tuple[TableUpdate, ...]:
    """Return what brings schema and name mapping in line; nothing if they are."""
    updates: list[TableUpdate] = []
    if metadata.schema() != schema:
        fresh = max((item.schema_id for item in metadata.schemas), default=-1) + 1
        known = next((item.schema_id for item in metadata.schemas if item == schema), None)
        if known is None:
            updates.append(AddSchemaUpdate(schema_=Schema(*schema.fields, schema_id=fresh)))
        updates.append(SetCurrentSchemaUpdate(schema_id=-1 if known is None else known))
    if metadata.properties.get(NAME_MAPPING) != (mapping := name_mapping(schema, metadata.schemas)):
        updates.append(SetPropertiesUpdate(updates={NAME_MAPPING: mapping}))
    return tuple(updates)


def snapshot_summary(
    parent: Snapshot | None, removed: Sequence[DataFile], added: Sequence[DataFile], reason: str
) -> Summary:
    """Return the counts of a snapshot as the specification names them, and the run that it shows."""
    operation = Operation.OVERWRITE if removed and added else Operation.DELETE if removed else Operation.APPEND
    before = parent.summary if parent and parent.summary else {}
    counts = {
        "data-files": (len(added), len(removed)),
        "records": (sum(file.record_count for file in added), sum(file.record_count for file in removed)),
        "files-size": (
            sum(file.file_size_in_bytes for file in added),
            sum(file.file_size_in_bytes for file in removed),
        ),
    }
    summary = {"lakeworks.reason": reason}
    for name, (more, fewer) in counts.items():
        gone = "removed" if name == "files-size" else "deleted"
        summary |= {f"added-{name}": str(more), f"{gone}-{name}": str(fewer)}
        summary[f"total-{name}"] = str(int(before.get(f"total-{name}") or 0) + more - fewer)
    return Summary(operation, **summary)

"""The partition spec of a table, and the values of its partitions: from the ledger's paths, never from the files."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform, HourTransform, IdentityTransform, MonthTransform, Transform
from pyiceberg.typedef import Record

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.core.partition import PartitionField as ContractField
from lakeworks.core.types import LakeType

_TRANSFORMS: dict[str, Callable[[], Transform[Any, Any]]] = {
    "month": MonthTransform,
    "day": DayTransform,
    "hour": HourTransform,
}
_EPOCH = date(1970, 1, 1)


def path_keys(contract: Contract) -> tuple[str, ...]:
    """Return the keys that no column has: those of the run's own period. They become columns of text, as in Glue."""
    return tuple(key for field in contract.partition_by if _is_of_path(contract, field) for key in field.keys)


def partition_spec(contract: Contract, schema: Schema) -> PartitionSpec:
    """Return the spec: a time of a column as Iceberg's transform of it, anything else as the value in the path."""
    fields: list[PartitionField] = []

    def add(source: str, transform: Transform[Any, Any], name: str) -> None:
        number = PARTITION_FIELD_ID_START + len(fields)
        source_id = schema.find_field(source).field_id
        fields.append(PartitionField(source_id=source_id, field_id=number, transform=transform, name=name))

    for item in contract.partition_by:
        if _is_of_path(contract, item):
            for key in item.keys:
                add(key, IdentityTransform(), key)
        elif item.is_time:
            name = f"{item.column}_{item.transform}"
            add(str(item.column), _TRANSFORMS[item.transform](), name if name not in contract.columns else f"{name}_")
        else:
            add(str(item.column), IdentityTransform(), str(item.column))
    return PartitionSpec(*fields)


def partition_record(contract: Contract, partition: Partition) -> Record:
    """Return a partition's values in the order of the spec."""
    pairs, values = dict(partition.pairs), list[Any]()
    for item in contract.partition_by:
        texts = [pairs[key] for key in item.keys]
        if _is_of_path(contract, item):
            values += texts
        elif item.is_time:
            period = item.period_of(partition)
            values.append(None if period is None else _number(period))
        else:
            values.append(None if texts[0] is None else _value(contract.columns[str(item.column)].type, texts[0]))
    return Record(*values)


def _is_of_path(contract: Contract, field: ContractField) -> bool:
    """Return True if no transform of a column gives the keys: the run's period, or the hour of a date."""
    if not field.is_time:
        return False
    return field.column is None or (field.transform == "hour" and contract.columns[field.column].type.kind == "date")


def _number(period: Period) -> int:
    """Return months, days or hours since 1970."""
    start = period.start
    if period.grain == "month":
        return (start.year - 1970) * 12 + start.month - 1
    days = (start.date() - _EPOCH).days
    return days if period.grain == "day" else days * 24 + start.hour


def _value(kind: LakeType, text: str) -> Any:
    """Return the value of a path's text, as Iceberg stores it."""
    if kind.kind in ("tinyint", "smallint", "int", "bigint"):
        return int(text)
    if kind.kind in ("float", "double"):
        return float(text)
    if kind.kind == "decimal":
        return Decimal(text).quantize(Decimal(1).scaleb(-kind.scale))
    if kind.kind == "boolean":
        return text.lower() == "true"
    if kind.kind == "date":
        return (date.fromisoformat(text) - _EPOCH).days
    if kind.kind == "timestamp":
        since = datetime.fromisoformat(text) - datetime(1970, 1, 1)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return text

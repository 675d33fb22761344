"""A contract's columns as an Iceberg schema. The files have no field ids, so a name mapping gives readers the ids."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from pyiceberg.schema import Schema
from pyiceberg.table.name_mapping import MappedField, NameMapping
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
)

from lakeworks.contract import Contract
from lakeworks.core.types import LakeType
from lakeworks.errors import SchemaDrift

NAME_MAPPING = "schema.name-mapping.default"
_PLAIN: dict[str, Callable[[], IcebergType]] = {
    "boolean": BooleanType,
    **dict.fromkeys(("tinyint", "smallint", "int"), IntegerType),
    "bigint": LongType,
    "float": FloatType,
    "double": DoubleType,
    "string": StringType,
    "binary": BinaryType,
    "date": DateType,
    "timestamp": TimestampType,
}
# What Iceberg's readers promote in older files, besides decimals with more digits before the point.
_PROMOTED = {(IntegerType, LongType), (FloatType, DoubleType)}


def table_schema(
    contract: Contract, path_keys: tuple[str, ...] = (), before: Schema | None = None, last_id: int = 0
) -> Schema:
    """Return the schema of a contract's columns, then of keys that are only in paths; known columns keep their ids.

    New columns get ids after `last_id`, because the id of a column that was removed must not come back. Every column is
    optional: files from before a column was added do not have it.

    Raises:
        SchemaDrift: a column's type became wider in a way that Iceberg's readers do not promote.
    """
    ids = count(last_id + 1)
    known = {field.name: field for field in before.fields} if before else {}
    fields = [
        _field(contract.name, name, column.type, known.get(name), ids, column.description)
        for name, column in contract.columns.items()
    ]
    fields += [_field(contract.name, key, LakeType("string"), known.get(key), ids, "partition") for key in path_keys]
    return Schema(*fields, schema_id=before.schema_id if before else 0)


def name_mapping(schema: Schema, earlier: Sequence[Schema] = ()) -> str:
    """Return the name mapping, as the table property has it. Older files still have the columns of `earlier` schemas."""
    fields = list(schema.name_mapping)
    for one in reversed(earlier):
        fields = _joined(fields, list(one.name_mapping))
    return NameMapping(fields).model_dump_json()


def _joined(fields: list[MappedField], earlier: list[MappedField]) -> list[MappedField]:
    """Return the mapped fields with the earlier ones, nested ones too, whose names are not there any more."""
    before = {field.names[0]: field for field in earlier}
    names = {field.names[0] for field in fields}
    kept = [
        field.model_copy(update={"fields": _joined(field.fields, before[field.names[0]].fields)})
        if field.names[0] in before
        else field
        for field in fields
    ]
    return [*kept, *(field for name, field in before.items() if name not in names)]


def _field(
    table: str, name: str, kind: LakeType, before: NestedField | None, ids: Iterator[int], doc: str | None = None
) -> NestedField:
    number = before.field_id if before else next(ids)
    made = _type(table, name, kind, before.field_type if before else None, ids)
    return NestedField(field_id=number, name=name, field_type=made, required=False, doc=doc)


def _type(table: str, name: str, kind: LakeType, before: IcebergType | None, ids: Iterator[int]) -> IcebergType:
    """Return the type; members that were there before keep their ids."""
    if kind.kind == "struct":
        members = {field.name: field for field in before.fields} if isinstance(before, StructType) else {}
        return StructType(*(_field(table, member, inner, members.get(member), ids) for member, inner in kind.members))
    if kind.kind == "list":
        old = before.element_field if isinstance(before, ListType) else None
        element = _field(table, "element", kind.members[0][1], old, ids)
        return ListType(element_id=element.field_id, element_type=element.field_type, element_required=False)
    if kind.kind == "map":
        old_key, old_value = (before.key_field, before.value_field) if isinstance(before, MapType) else (None, None)
        key = _field(table, "key", kind.members[0][1], old_key, ids)
        value = _field(table, "value", kind.members[1][1], old_value, ids)
        return MapType(
            key_id=key.field_id, key_type=key.field_type, value_id=value.field_id, value_type=value.field_type,
            value_required=False,
        )  # fmt: skip
    now = DecimalType(kind.precision, kind.scale) if kind.kind == "decimal" else _PLAIN[kind.kind]()
    if before is not None and not _is_promoted(before, now):
        raise SchemaDrift(
            f"`{table}`: `{name}` was {before} and is {now} now. Readers of Iceberg do not promote this in older files. "
            "Nothing was published. Set `catalog: {iceberg: false}`, drop the Iceberg table in Glue (no data is lost), run "
            f"the older periods again, then set it to true: lakeworks backfill start … --again. See docs/iceberg.md"
        )
    return now


def _is_promoted(before: IcebergType, now: IcebergType) -> bool:
    if isinstance(before, DecimalType) and isinstance(now, DecimalType):
        return before.scale == now.scale and before.precision <= now.precision
    return before == now or (type(before), type(now)) in _PROMOTED

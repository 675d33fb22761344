"""Check of live files' columns against Glue's: a reader that uses the catalog fails where the types contradict.

A file's type may be narrower than the catalog's (`int` below `bigint`), because older partitions of a widened column are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.catalog.glue import partition_from_glue
from lakeworks.catalog.glue_inputs import from_glue
from lakeworks.contract import Contract
from lakeworks.contract.evolution import widens
from lakeworks.core.partition import Partition
from lakeworks.core.types import LakeType, from_arrow
from lakeworks.errors import ContractError
from lakeworks.lake import Lake
from lakeworks.status.table_summary import arrived_columns

if TYPE_CHECKING:
    import pyarrow as pa

Types = Mapping[str, str]  # column in lower case -> Glue's type


@dataclass(frozen=True)
class CatalogColumns:
    """Glue's columns of a table and of each partition; `lost` are arrived columns that Glue no longer lists."""

    table: Types
    partitions: Mapping[Partition, Types] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()

    @classmethod
    def of(cls, lake: Lake, contract: Contract) -> "CatalogColumns | None":
        """Read them from Glue; None if the table is not registered."""
        registered = lake.catalog.table(contract.table)
        if registered is None:
            return None
        types = _types(registered["StorageDescriptor"].get("Columns", []))
        lost = frozenset(name for name, _ in arrived_columns(lake, contract)) - types.keys()
        keys = [key.lower() for key in contract.partition_keys]
        if not keys or [key["Name"] for key in registered.get("PartitionKeys", [])] != keys:
            return cls(types, lost=lost)
        shared: dict[tuple[tuple[str, str], ...], Types] = {}  # most partitions have the same columns: keep them once
        partitions = {}
        for item in lake.catalog.partitions(contract):
            own = _types(item["StorageDescriptor"].get("Columns", []))
            partition = partition_from_glue(contract.partition_keys, item["Values"])
            partitions[partition] = shared.setdefault(tuple(own.items()), own)
        return cls(types, partitions, lost)

    def contradictions(self, partition: Partition, body: bytes) -> list[str]:
        """Describe where a file's columns contradict Glue's. Skip files that are not Parquet: the hash check reports them."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            schema = pq.read_schema(pa.BufferReader(body))
        except pa.ArrowInvalid:
            return []
        keys = {key.lower() for key, _ in partition.pairs}
        return [
            messages for column in schema if column.name.lower() not in keys for messages in self._of(partition, column)
        ]

    def _of(self, partition: Partition, column: "pa.Field") -> Iterator[str]:
        name = column.name.lower()
        if name in self.lost:
            yield f"column {name} arrived and is not in the Glue table"
        registered = {"table": self.table.get(name), "partition": self.partitions.get(partition, {}).get(name)}
        for side, glue in registered.items():
            if glue is not None and not _reads(column.type, glue):
                yield f"column {name} is {_type_name(column.type)}, the Glue {side} says {glue}"


def _types(columns: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {column["Name"].lower(): column["Type"] for column in columns}


def _reads(stored: "pa.DataType", glue: str) -> bool:
    """Return True if a file's values are values of Glue's type."""
    try:
        kind = _lower(from_arrow(stored))
    except ContractError:  # no type of the contract, so lakeworks would not register it
        return False
    known = from_glue(glue.lower())
    return widens(kind, known) if known else kind.glue == glue.lower()


def _type_name(stored: "pa.DataType") -> str:
    try:
        return from_arrow(stored).glue
    except ContractError:
        return str(stored)


def _lower(kind: LakeType) -> LakeType:
    """Return the type with struct member names in lower case, as Glue stores them."""
    return replace(kind, members=tuple((name.lower(), _lower(inner)) for name, inner in kind.members))

"""The limits of a lake (core/lake_limits.py) applied to one contract: its columns, its partitions and their row rules."""

import re
from typing import TYPE_CHECKING

from lakeworks.contract.columns import RowRule
from lakeworks.core import lake_limits as limits
from lakeworks.core.hive import encode_hive
from lakeworks.core.lake_limits import tag_value_fault
from lakeworks.core.partition import Partition, PartitionField

if TYPE_CHECKING:
    from lakeworks.contract.contract import Contract

_ORDER = re.compile(r"(.+?)(\s+(asc|desc))?", re.IGNORECASE)
_NO_VALUE_IN_A_PATH = ("binary", "list", "struct", "map")
_LONGEST_TIME = len("year=2019/month=01/day=05/hour=03/")


def check_storable(contract: "Contract") -> None:
    """Refuse a contract whose table Glue, Hive, Athena or S3 cannot store.

    Raises:
        ValueError: names the column or field and what is wrong with it.
    """
    if len(contract.columns) > limits.COLUMNS:
        raise ValueError(f"columns: {len(contract.columns)} are more than the {limits.COLUMNS} a table can have")
    _check_partition_by(contract)
    keys = contract.partition_keys
    for name, column in contract.columns.items():
        own_keys = keys if name in contract.file_columns else ()
        if fault := limits.column_fault(name, column.type, own_keys):
            raise ValueError(f"column `{name}` {fault}. Give it another name")
    for entry in contract.deduplicate_by or ():
        if not (match := _ORDER.fullmatch(entry.strip())) or match[1] not in contract.columns:
            raise ValueError(f"deduplicate_by: `{entry}` is not a column, or a column and `asc` or `desc`")
    if contract.deduplicate_by and contract.source and contract.table.layer == "bronze":
        raise ValueError("deduplicate_by: a bronze table keeps every row that arrived. Deduplicate in the silver table")
    if contract.catalog.iceberg and contract.storage.layout != "versioned":
        raise ValueError(
            "catalog.iceberg needs `storage.layout: versioned`: in layout `plain` a new publication replaces the object that "
            "an older snapshot names, and the snapshot would show the new rows"
        )
    if contract.catalog.iceberg and contract.schema_policy in ("add_nullable", "widen"):
        raise ValueError(
            "catalog.iceberg needs `schema_policy: freeze` or `quarantine_unknown`: files with a column that the contract "
            "does not have cannot be read by Iceberg's readers"
        )
    if fault := tag_value_fault(contract.team):
        raise ValueError(f"team {fault}: it becomes an object tag where lake.yml has `object_tags`")


def _check_partition_by(contract: "Contract") -> None:
    if len(contract.time_fields) > 1:
        raise ValueError("partition_by: two fields are times. Keep the finer one: `day` makes year, month and day")
    lowered = [key.lower() for key in contract.partition_keys]
    if twice := sorted({key for key in lowered if lowered.count(key) > 1}):
        raise ValueError(f"partition_by makes two keys {', '.join(twice)}: Glue and Athena do not distinguish them")
    for item in contract.partition_by:
        kind = contract.columns[item.column].type.kind if item.column else "timestamp"
        if item.is_time and kind not in ("date", "timestamp"):
            raise ValueError(f"partition_by `{item}`: the column is {kind}, and has no {item.transform}")
        if not item.is_time and kind in _NO_VALUE_IN_A_PATH:
            raise ValueError(f"partition_by `{item}`: a value of type {kind} cannot be written in a path")


def ordering(entry: str) -> tuple[str, str]:
    """Split an entry of `deduplicate_by` into the column and its direction."""
    match = _ORDER.fullmatch(entry.strip())
    return (match[1], (match[3] or "").upper()) if match else (entry, "")


def value_limit(contract: "Contract") -> int:
    """Return how many bytes a text may take as a partition value of the table."""
    names = contract.identity_columns
    fixed = _LONGEST_TIME + sum(len(encode_hive(name).encode()) + 2 for name in names)
    return max(limits.PARTITION_BYTES - fixed, 0) // max(len(names), 1)


def storage_rules(contract: "Contract") -> tuple[RowRule, ...]:
    """Return the row rules that follow from `partition_by`. A row without a possible partition breaks them."""
    rules = []
    for item in contract.partition_by:
        if item.column is None:
            continue
        quoted, key = '"' + item.column.replace('"', '""') + '"', item.column.strip("_").lower()
        if item.is_time:
            times = contract.plausible_times
            reason = f"`{item.column}` is outside {times.first} to {times.last} (`plausible_times`)."
            sql = limits.time_rule(quoted, times.first, times.last)
            rules.append(RowRule(name=f"{key}_plausible_time", sql=sql, reason=reason))
        elif contract.columns[item.column].type.kind == "string":
            most = value_limit(contract)
            reason = (
                f"`{item.column}` is no partition value: Hive's word for a missing one, or over {most} bytes in a path."
            )
            rules.append(RowRule(name=f"{key}_partition_value", sql=limits.value_rule(quoted, most), reason=reason))
    return tuple(rules)


def partition_fault(contract: "Contract", partition: Partition) -> str | None:
    """Return why a partition that exists is none the table can have, in words that follow its path."""
    return PartitionRules(contract).fault(partition)


class PartitionRules:
    """Rules for the partitions of one table. Each value of a field is checked once, in however many partitions it is."""

    def __init__(self, contract: "Contract") -> None:
        self.contract = contract
        self.keys = contract.partition_keys
        self._cuts: list[tuple[PartitionField, slice]] = []
        first = 0
        for item in contract.partition_by:
            self._cuts.append((item, slice(first, first + len(item.keys))))
            first += len(item.keys)
        self._known: dict[tuple[tuple[str, str | None], ...], str | None] = {}

    def fault(self, partition: Partition) -> str | None:
        """Return why a partition that exists is none the table can have, in words that follow its path."""
        pairs = partition.pairs
        if tuple([key for key, _ in pairs]) != self.keys:
            return f"does not have the partition keys of the table ({'/'.join(self.keys) or 'none'})"
        for item, cut in self._cuts:
            given = pairs[cut]
            if given not in self._known:
                self._known[given] = self._fault_of(item, Partition(given))
            if fault := self._known[given]:
                return fault
        return None

    def _fault_of(self, item: PartitionField, part: Partition) -> str | None:
        """Return what is wrong with the values of one field."""
        times, period = self.contract.plausible_times, item.period_of(part)
        if any(value is None for _, value in part.pairs):
            return None
        if not item.is_time:
            kind = self.contract.columns[str(item.column)].type
            return None if kind.has_text(str(part.pairs[0][1])) else f"has a value of `{item.column}` that is no {kind}"
        if period is None:
            return "is not a valid time"
        if item.column and not times.first <= period.start.date() <= times.last:
            return f"lies outside {times.first} to {times.last} (`plausible_times`)"
        return None

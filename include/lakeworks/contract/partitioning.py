"""Partitions that a table can have, by its contract's `partition_by`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lakeworks.core.partition import Partition, Period
from lakeworks.errors import PartitionKeyError

if TYPE_CHECKING:
    from lakeworks.contract.columns import PartitionBy

_EXAMPLES = {"year": "2019", "month": "01", "day": "05", "hour": "03"}


def _never(_: Partition) -> bool:
    return False


class Partitioning:
    """The part of a contract that knows the table's partitions."""

    if TYPE_CHECKING:
        name: str
        partition_by: tuple[PartitionBy, ...]

        def could_have(self, partition: Partition) -> bool:
            """Return True if the table can have the partition."""

    @property
    def time_fields(self) -> "tuple[PartitionBy, ...]":
        """The partition fields that are a month, day or hour."""
        return tuple(field for field in self.partition_by if field.is_time)

    @property
    def time_grain(self) -> str | None:
        """The grain of the time partitions (month, day, hour); None where time does not cut the table."""
        return self.time_fields[0].transform if self.time_fields else None

    @property
    def identity_columns(self) -> tuple[str, ...]:
        """Columns that live in the partition path only, as Hive demands."""
        return tuple(str(field.column) for field in self.partition_by if not field.is_time)

    @property
    def partition_keys(self) -> tuple[str, ...]:
        """The Hive folder names, in order."""
        return tuple(key for field in self.partition_by for key in field.keys)

    def parse_partition(self, text: str, exists: Callable[[Partition], bool] = _never) -> Partition:
        """Read a partition as a person types it: its Hive path, or a month, day or hour of a table partitioned by time alone.

        The path of a partition that the table cannot have is taken if it `exists` nevertheless, so that it can be withdrawn.

        Raises:
            PartitionKeyError: the text is neither, names a time that does not exist, or leaves a partition field out.
        """
        if "=" in text:
            partition = Partition.parse(text)
            if not self.could_have(partition) and not exists(partition):
                raise self._mistyped(text)
            return partition
        if not self.partition_by:
            return Partition()
        if len(self.partition_by) > 1 or not self.time_fields:
            raise self._mistyped(text)
        return Partition.of_period(Period.parse(text, self.time_fields[0].transform))

    def _mistyped(self, text: str) -> PartitionKeyError:
        timed = {key for field in self.time_fields for key in field.keys}
        path = "/".join(f"{key}={_EXAMPLES[key] if key in timed else '…'}" for key in self.partition_keys)
        expected = (
            f"is partitioned by {', '.join(map(str, self.partition_by))}: type a path like `{path}`"
            if path
            else "is one partition: type `all`"
        )
        return PartitionKeyError(
            f"`{text}` is no partition of `{self.name}`, which {expected}. Nothing was changed. "
            f"Its partitions: lakeworks ledger {self.name}"
        )

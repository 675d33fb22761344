"""Partitions that a table can have, by its contract's `partition_by`."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from lakeworks.core.partition import Partition, Period, date_prefix, owns
from lakeworks.errors import PartitionKeyError

if TYPE_CHECKING:
    from lakeworks.contract.columns import Column, PartitionBy

_EXAMPLES = {"year": "2019", "month": "01", "day": "05", "hour": "03"}


def _never(_: Partition) -> bool:
    return False


@lru_cache(maxsize=1000)  # asked for every partition of a table
def _keys(partition_by: "tuple[PartitionBy, ...]") -> tuple[str, ...]:
    return tuple(key for field in partition_by for key in field.keys)


class Partitioning:
    """The part of a contract that knows the table's partitions."""

    if TYPE_CHECKING:
        name: str
        partition_by: tuple[PartitionBy, ...]
        columns: dict[str, Column]

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
    def date_column(self) -> str | None:
        """The first identity column of type date where no other time cuts the table; `date=2019-01-05` is that day's run's."""
        if self.time_fields:
            return None
        return next((name for name in self.identity_columns if self.columns[name].type.kind == "date"), None)

    @property
    def is_owned_whole(self) -> bool:
        """Return True if no time cuts the table, so that every run rewrites all of it."""
        return not self.time_fields and self.date_column is None

    def has_in(self, partition: Partition, period: Period) -> bool:
        """Return True if a run of the period may write the partition: its times lie in the period, or the period in it.

        A row without a time belongs to no period: every run would replace the others' such rows.
        """
        if self.date_column is None:
            return owns(self.partition_by, partition, period)
        value = dict(partition.pairs).get(self.date_column)
        return value is not None and value.startswith(date_prefix(period))

    @property
    def partition_keys(self) -> tuple[str, ...]:
        """The Hive folder names, in order."""
        return _keys(self.partition_by)

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

"""The Glue Data Catalog: a real upsert of tables and partitions (get, compare, create or update)."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from lakeworks.aws_errors import translated
from lakeworks.catalog.glue_inputs import (
    ENTRY,
    CatalogPartition,
    contains,
    explain,
    glue_columns,
    merge_existing,
    names_and_types,
    partition_input,
    table_input,
)
from lakeworks.catalog.indexes import IndexOutcome, ensure_index
from lakeworks.catalog.partition_batches import PartitionCalls, Values
from lakeworks.catalog.refusals import raise_refused, refusal
from lakeworks.catalog.responses import created, hidden, required_member
from lakeworks.contract import Contract
from lakeworks.core.hive import HIVE_NULL
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.core.tenant import Tenant, database_of
from lakeworks.core.types import LakeType
from lakeworks.errors import LakeNotFound, LakeUnavailable
from lakeworks.s3.dev_branch import DevBranch

# A person created or changed the table since it was read: read it again and decide again.
_OVERTAKEN = {"AlreadyExistsException", "ConcurrentModificationException", "VersionMismatchException"}
_GONE = {"EntityNotFoundException"}
_ATTEMPTS = 6
_PART_INPUT = ("Values", "LastAccessTime", "StorageDescriptor", "Parameters", "LastAnalyzedTime")

OnAligned = Callable[[Mapping[Values, int]], object]


def _unheard(_: Mapping[Values, int]) -> None:
    """Ignore that partitions were aligned."""


@dataclass(frozen=True)
class GlueCatalog:
    """The catalog of one lake, or of a tenant of it. The client is passed in and thread-safe."""

    client: Any  # a boto3 Glue client
    threads: int = 4
    sleep: Callable[[float], None] = field(default=time.sleep)
    tenant: Tenant | None = None
    dev: DevBranch | None = None

    def database(self, name: TableName) -> str:
        """Return the Glue database a table is registered in: the tenant's or the dev lake's own, if there is one."""
        return database_of(self.tenant, self.dev.database(name.database) if self.dev else name.database)

    def ensure_database(self, name: str, description: str = "") -> bool:
        """Create a database unless it exists; returns whether it was created.

        Raises:
            LakeAccessDenied: it exists, and Glue hides it from these credentials.
        """
        if self._has_database(name):
            return False
        desired = {"Name": name, "Description": description}
        if created("the database", name, lambda: self.client.create_database(DatabaseInput=desired)):
            return True
        if not self._has_database(name):
            raise hidden("the database", name)
        return False

    def table(self, name: TableName) -> dict[str, Any] | None:
        """Return the table as Glue has it, or None."""
        try:
            with translated("look up the table", str(name)):
                answer = self.client.get_table(DatabaseName=self.database(name), Name=name.table)
                return dict(required_member(answer, "Table", str(name)))
        except LakeNotFound:
            return None

    def upsert_table(
        self,
        contract: Contract,
        location: str,
        extra: Sequence[tuple[str, LakeType]] = (),
        more: Mapping[str, str] | None = None,
        on_aligned: OnAligned = _unheard,
    ) -> str:
        """Bring the table in line with its contract; returns `created`, `updated` or `unchanged`.

        When its columns change, those of the registered partitions follow: Athena reads a partition by both, and refuses one
        whose types differ from the table's. The table comes first, because a wider table reads narrower partitions.
        Another run may publish a partition between the read and the write. `on_aligned` receives the ledger entries
        that were used, so that the caller can check for newer ones.

        Raises:
            LakeUnavailable: other programs kept changing the table, or Glue refused a partition. Run again to continue.
        """
        desired = table_input(contract, location, extra, more)
        for attempt in range(_ATTEMPTS):
            current = self.table(contract.table)
            try:
                if current is None:
                    return self._create(contract, desired, on_aligned)
                outcome = self._update(contract, current, desired, on_aligned)
            except LakeUnavailable as error:
                cause = error.__cause__
                if not isinstance(cause, ClientError) or cause.response["Error"].get("Code") not in _OVERTAKEN:
                    raise
                self.sleep(0.1)
            else:
                if attempt and outcome == "unchanged" and contract.partition_keys:
                    # The answer to the update before may have been lost: its columns are there, and no partition has them.
                    self.align(contract, on_aligned)
                return outcome
        raise LakeUnavailable(
            f"`{contract.name}`: other writers kept changing the table in the catalog. Data is unchanged. Run again."
        )

    def align(self, contract: Contract, on_aligned: OnAligned = _unheard) -> int:
        """Give every registered partition the table's columns; returns how many needed it.

        Raises:
            LakeUnavailable: Glue refused a partition, or others kept changing the columns. Run again to continue.
        """
        return self._with_columns(contract, lambda columns: self._align(contract, names_and_types(columns), on_aligned))

    def columns(self, contract: Contract) -> list[dict[str, str]]:
        """Return the table's registered columns, or the contract's if there is no table yet."""
        current = self.table(contract.table)
        return list(current["StorageDescriptor"]["Columns"]) if current else glue_columns(contract)

    def upsert_partitions(self, contract: Contract, partitions: Sequence[CatalogPartition]) -> int:
        """Create or update partitions, 100 a call and several calls at once; returns how many needed it.

        Raises:
            LakeUnavailable: Glue kept refusing some; the message names the first. Or others kept changing the table's
                columns. What succeeded stays.
        """
        if not contract.partition_keys or not partitions:
            return 0
        return self._with_columns(contract, lambda columns: self._upsert(contract, partitions, columns))

    def partitions(self, contract: Contract) -> Iterator[dict[str, Any]]:
        """Yield every partition in Glue's catalog. The call has no filter, because emulators ignore `Expression`."""
        return self.calls(contract.table).listing()

    def drop_partitions(self, contract: Contract, partitions: Sequence[Partition]) -> int:
        """Remove partitions from the catalog. Partitions that are already removed count too.

        Raises:
            LakeUnavailable: Glue kept refusing some; the message names the first.
        """
        refused = self.calls(contract.table).delete([tuple(partition.values) for partition in partitions])
        raise_refused(contract, refused, len(partitions))
        return len(partitions)

    def ensure_index(self, contract: Contract, partitions: int) -> IndexOutcome:
        """Give a table of many partitions an index over its keys."""
        return ensure_index(self.client, self.calls(contract.table).place, contract.partition_keys, partitions)

    def calls(self, name: TableName) -> PartitionCalls:
        """Return the calls for many partitions of a table."""
        return PartitionCalls(self.client, name, self.threads, self.sleep, self.database(name))

    def _has_database(self, name: str) -> bool:
        try:
            with translated("look up the database", name):
                self.client.get_database(Name=name)
        except LakeNotFound:
            return False
        return True

    def _create(self, contract: Contract, desired: Mapping[str, Any], on_aligned: OnAligned) -> str:
        self.ensure_database(self.database(contract.table))
        place: dict[str, Any] = {"DatabaseName": self.database(contract.table), "TableInput": desired}
        if created("the table", contract.name, lambda: self.client.create_table(**place)):
            return "created"
        if (current := self.table(contract.table)) is None:
            raise hidden("the table", contract.name)
        return self._update(contract, current, desired, on_aligned)

    def _update(
        self, contract: Contract, current: Mapping[str, Any], desired: Mapping[str, Any], on_aligned: OnAligned
    ) -> str:
        desired = merge_existing(current, desired)
        if not explain(current, desired):
            return "unchanged"
        seen = {"VersionId": current["VersionId"]} if current.get("VersionId") else {}
        with translated("update the table", contract.name):
            place = {"DatabaseName": self.database(contract.table), **seen}
            self.client.update_table(**place, TableInput=desired, SkipArchive=True)
        before, after = (names_and_types(table["StorageDescriptor"]["Columns"]) for table in (current, desired))
        if before != after and contract.partition_keys:
            self.align(contract, on_aligned)
        return "updated"

    def _with_columns(self, contract: Contract, write: Callable[[list[dict[str, str]]], int]) -> int:
        """Write partitions with the table's columns until those have not changed meanwhile; returns the largest count.

        A run with a new column changes the table, then lists the partitions. A partition written after that listing with the
        earlier columns would keep them. So the process that wrote it reads the table's columns again.
        """
        columns, count = self.columns(contract), 0
        for _ in range(_ATTEMPTS):
            written = write(columns)
            count = max(count, written)
            if not written or (current := self.columns(contract)) == columns:
                return count
            columns = current
        raise LakeUnavailable(
            f"`{contract.name}`: other writers kept changing its columns in the catalog. Its partitions are registered, "
            f"perhaps not with the newest columns; the data is live. Run: lakeworks catalog repair {contract.name}"
        )

    def _upsert(
        self, contract: Contract, partitions: Sequence[CatalogPartition], columns: Sequence[Mapping[str, str]]
    ) -> int:
        calls = self.calls(contract.table)
        inputs = {tuple(item.partition.values): partition_input(item, columns) for item in partitions}
        registered = calls.get(list(inputs))
        new = [item for values, item in inputs.items() if values not in registered]
        # A confirmation of the same content needs no write: a repeated run leaves the catalog unchanged.
        changed = [
            item for values, item in inputs.items() if values in registered and explain(registered[values], item)
        ]
        raise_refused(contract, calls.create(new) | calls.update(changed), len(new) + len(changed))
        return len(new) + len(changed)

    def _align(self, contract: Contract, columns: list[dict[str, str]], on_aligned: OnAligned) -> int:
        calls, pending, count = self.calls(contract.table), list[dict[str, Any]](), 0
        for item in calls.listing():
            if not contains(names_and_types(item["StorageDescriptor"].get("Columns", [])), columns):
                kept = {key: item[key] for key in _PART_INPUT if key in item}
                pending.append({**kept, "StorageDescriptor": {**item["StorageDescriptor"], "Columns": columns}})
            if len(pending) == calls.threads * 100:  # soon after reading
                count += self._aligned(calls, pending, on_aligned)
                pending = []
        return count + self._aligned(calls, pending, on_aligned)

    def _aligned(self, calls: PartitionCalls, pending: Sequence[dict[str, Any]], on_aligned: OnAligned) -> int:
        refused = calls.update(pending)
        kept = {
            values: code for values, code in refused.items() if code not in _GONE
        }  # withdrawn since they were listed
        if kept:
            values, code = next(iter(kept.items()))
            raise refusal(code)(
                f"`{calls.name}`: the table has its new columns, but Glue refused them for {len(kept)} partitions, first "
                f"{'/'.join(values)}: {code}. Run: lakeworks catalog repair {calls.name}"
            )
        entries = {tuple(item["Values"]): str(item.get("Parameters", {}).get(ENTRY, "")) for item in pending}
        on_aligned({values: int(entry) if entry.isdigit() else 0 for values, entry in entries.items()})
        return len(pending)


def partition_from_glue(keys: Sequence[str], values: Sequence[str]) -> Partition:
    """Return the partition that Glue's values mean, of a table with these partition keys."""
    known = [None if value == HIVE_NULL else value for value in values]
    return Partition(tuple(zip(keys, known, strict=True)))

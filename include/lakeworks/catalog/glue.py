"""The Glue Data Catalog: a real upsert (get, compare, create or update), in the fewest calls Glue allows.

Batch calls take 100 partitions and report failures per item in the response body, not as exceptions (Glue API reference,
BatchCreatePartition); throttled items are retried, everything else is raised by name.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.catalog.tables import CatalogPartition, differs, glue_columns, partition_input, table_input
from lakeworks.contract import Contract
from lakeworks.errors import LakeNotFound, LakeUnavailable
from lakeworks.names import TableName
from lakeworks.partition import HIVE_NULL, Partition
from lakeworks.tenant import Tenant, database_of
from lakeworks.types import LakeType

_BATCH = 100  # partitions a create or update call; Glue's own limit
_DELETE_BATCH = 25  # Glue's limit for BatchDeletePartition
_THROTTLED = {"ThrottlingException", "InternalServiceException", "OperationTimeoutException"}
_ROUNDS = 6


@dataclass(frozen=True)
class GlueCatalog:
    """The catalog of one lake, or of a tenant of it. The client is passed in and thread-safe."""

    client: Any  # a boto3 Glue client
    threads: int = 4
    sleep: Callable[[float], None] = field(default=time.sleep)
    tenant: Tenant | None = None

    def database(self, name: TableName) -> str:
        """The Glue database a table is registered in: the tenant's own, if there is a tenant."""
        return database_of(self.tenant, name.database)

    def ensure_database(self, name: str, description: str = "") -> bool:
        """Create a database unless it exists; returns whether it was created."""
        try:
            with translated("look up the database", name):
                self.client.get_database(Name=name)
        except LakeNotFound:
            with translated("create the database", name):
                self.client.create_database(DatabaseInput={"Name": name, "Description": description})
            return True
        return False

    def table(self, name: TableName) -> dict[str, Any] | None:
        """The table as Glue holds it, or None."""
        try:
            with translated("look up the table", str(name)):
                return dict(self.client.get_table(DatabaseName=self.database(name), Name=name.table)["Table"])
        except LakeNotFound:
            return None

    def upsert_table(
        self,
        contract: Contract,
        location: str,
        extra: Sequence[tuple[str, LakeType]] = (),
        statistics: Mapping[str, str] | None = None,
    ) -> str:
        """Bring the table in line with its contract; returns `created`, `updated` or `unchanged`.

        Columns that arrived earlier without being in the contract stay: old partitions still hold them.
        """
        name = contract.table
        found = self.table(name)
        wanted = table_input(contract, location, extra, statistics)
        if found is None:
            self.ensure_database(self.database(name))
            with translated("create the table", str(name)):
                self.client.create_table(DatabaseName=self.database(name), TableInput=wanted)
            return "created"
        known = {column["Name"] for column in wanted["StorageDescriptor"]["Columns"]}
        kept = [column for column in found["StorageDescriptor"]["Columns"] if column["Name"] not in known]
        wanted["StorageDescriptor"]["Columns"] += [c for c in kept if c.get("Comment", "").startswith("arrived")]
        if not differs(found, wanted):
            return "unchanged"
        with translated("update the table", str(name)):
            self.client.update_table(DatabaseName=self.database(name), TableInput=wanted, SkipArchive=True)
        return "updated"

    def columns(self, contract: Contract) -> list[dict[str, str]]:
        """The table's columns as registered, or the contract's where there is no table yet."""
        found = self.table(contract.table)
        return list(found["StorageDescriptor"]["Columns"]) if found else glue_columns(contract)

    def upsert_partitions(self, contract: Contract, partitions: Sequence[CatalogPartition]) -> int:
        """Create or update partitions, 100 a call and several calls at once; returns how many needed it.

        Raises:
            LakeUnavailable: Glue kept refusing some; the message names the first. What succeeded stays.
        """
        if not contract.partition_keys or not partitions:
            return 0
        columns = self.columns(contract)
        inputs = [partition_input(item, columns) for item in partitions]
        with ThreadPoolExecutor(self.threads) as pool:
            found = list(pool.map(lambda chunk: self._get(contract.table, chunk), _chunks(inputs, _BATCH)))
            held = {tuple(item["Values"]): item for answer in found for item in answer}
            new = [item for item in inputs if tuple(item["Values"]) not in held]
            changed = [i for i in inputs if tuple(i["Values"]) in held and differs(held[tuple(i["Values"])], i)]
            list(pool.map(lambda chunk: self._write(contract.table, chunk, create=True), _chunks(new, _BATCH)))
            list(pool.map(lambda chunk: self._write(contract.table, chunk, create=False), _chunks(changed, _BATCH)))
        return len(new) + len(changed)

    def partitions(self, contract: Contract) -> Iterator[dict[str, Any]]:
        """Every partition Glue lists, as it holds it; filtered nowhere, because stand-ins ignore `Expression`."""
        name = contract.table
        pages = self.client.get_paginator("get_partitions").paginate(
            DatabaseName=self.database(name), TableName=name.table
        )
        seen: set[tuple[str, ...]] = set()
        with translated("list the partitions of", str(name)):
            for page in pages:
                for item in page["Partitions"]:
                    if (values := tuple(item["Values"])) not in seen:
                        seen.add(values)
                        yield dict(item)

    def drop_partitions(self, contract: Contract, partitions: Sequence[Partition]) -> int:
        """Take partitions out of the catalog; those already gone count too."""
        name = contract.table
        for partition in partitions:
            try:
                with translated("drop the partition", f"{name} {partition}"):
                    self.client.delete_partition(
                        DatabaseName=self.database(name), TableName=name.table, PartitionValues=partition.values
                    )
            except LakeNotFound:
                continue
        return len(partitions)

    def _get(self, name: TableName, inputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        wanted = [{"Values": item["Values"]} for item in inputs]
        found: list[dict[str, Any]] = []
        for attempt in range(_ROUNDS):
            with translated("look up partitions of", str(name)):
                answer = self.client.batch_get_partition(
                    DatabaseName=self.database(name),
                    TableName=name.table,
                    PartitionsToGet=wanted,
                )
            found += [dict(item) for item in answer["Partitions"]]
            # Glue lists what it did not get to; a stand-in lists what does not exist. Asking again tells them apart.
            held = {tuple(item["Values"]) for item in found}
            left = [item for item in answer.get("UnprocessedKeys", []) if tuple(item["Values"]) not in held]
            if not left or len(left) == len(wanted):
                break
            wanted = [dict(item) for item in left]
            self.sleep(0.1 * attempt)
        return found

    def _write(self, name: TableName, inputs: Sequence[Mapping[str, Any]], *, create: bool) -> None:
        pending = list(inputs)
        for attempt in range(_ROUNDS):
            errors = self._batch(name, pending, create=create)
            by_values = {tuple(item["Values"]): item for item in pending}
            exists = [v for v, code in errors.items() if code == "AlreadyExistsException"]
            gone = [v for v, code in errors.items() if code == "EntityNotFoundException"]
            throttled = [v for v, code in errors.items() if code in _THROTTLED]
            fatal = {v: code for v, code in errors.items() if v not in {*exists, *gone, *throttled}}
            if fatal:
                values, code = next(iter(fatal.items()))
                raise LakeUnavailable(
                    f"Glue refused {len(fatal)} of {len(pending)} partitions of `{name}`, first {'/'.join(values)}: {code}. "
                    f"The others are registered; the data is live. Repair: lakeworks catalog repair {name}"
                )
            if exists and create:
                self._write(name, [by_values[v] for v in exists], create=False)
            if gone and not create:
                self._write(name, [by_values[v] for v in gone], create=True)
            pending = [by_values[v] for v in throttled]
            if not pending:
                return
            self.sleep(min(0.2 * 2**attempt, 5.0))
        raise LakeUnavailable(
            f"Glue kept throttling {len(pending)} partitions of `{name}`. The others are registered; the data is live. "
            f"Repair: lakeworks catalog repair {name}"
        )

    def _batch(
        self, name: TableName, inputs: Sequence[Mapping[str, Any]], *, create: bool
    ) -> dict[tuple[str, ...], str]:
        place: dict[str, Any] = {"DatabaseName": self.database(name), "TableName": name.table}
        with translated("register partitions of", str(name)):
            if create:
                answer: Any = self.client.batch_create_partition(**place, PartitionInputList=list(inputs))
            else:
                entries = [{"PartitionValueList": item["Values"], "PartitionInput": item} for item in inputs]
                answer = self.client.batch_update_partition(**place, Entries=entries)
        key = "PartitionValues" if create else "PartitionValueList"
        return {tuple(e[key]): e.get("ErrorDetail", {}).get("ErrorCode", "Unknown") for e in answer.get("Errors", [])}


def _chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def partition_from_glue(contract: Contract, values: Sequence[str]) -> Partition:
    """The partition Glue's values stand for."""
    pairs = zip(contract.partition_keys, values, strict=True)
    return Partition(tuple((key, None if value == HIVE_NULL else value) for key, value in pairs))

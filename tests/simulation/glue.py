"""A Glue catalog in memory. Tables have versions and a condition on them; partitions have none, as on AWS."""

from typing import Any

from tests.simulation.stored import failure

Values = tuple[str, ...]


class Glue:
    """Databases, tables and partitions. The methods answer as boto3's client does."""

    def __init__(self) -> None:
        self.databases: set[str] = set()
        self.tables: dict[tuple[str, str], dict[str, Any]] = {}
        self.partitions: dict[tuple[str, str], dict[Values, dict[str, Any]]] = {}
        self.changes = 0

    def get_database(self, *, Name: str) -> dict[str, Any]:
        """A database."""
        if Name not in self.databases:
            raise failure("EntityNotFoundException", 400, "GetDatabase")
        return {"Database": {"Name": Name}}

    def create_database(self, *, DatabaseInput: dict[str, Any]) -> dict[str, Any]:
        """Create a database."""
        if DatabaseInput["Name"] in self.databases:
            raise failure("AlreadyExistsException", 400, "CreateDatabase")
        self.databases.add(DatabaseInput["Name"])
        return {}

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]:
        """A table with its version."""
        found = self.tables.get((DatabaseName, Name))
        if found is None:
            raise failure("EntityNotFoundException", 400, "GetTable")
        return {"Table": found}

    def create_table(self, *, DatabaseName: str, TableInput: dict[str, Any]) -> dict[str, Any]:
        """Create a table."""
        place = DatabaseName, TableInput["Name"]
        if place in self.tables:
            raise failure("AlreadyExistsException", 400, "CreateTable")
        self.tables[place] = {**TableInput, "DatabaseName": DatabaseName, "VersionId": "1"}
        self.partitions[place] = {}
        self.changes += 1
        return {}

    def update_table(
        self, *, DatabaseName: str, TableInput: dict[str, Any], VersionId: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Replace a table, unless its version is another than the one named."""
        place = DatabaseName, TableInput["Name"]
        found = self.tables.get(place)
        if found is None:
            raise failure("EntityNotFoundException", 400, "UpdateTable")
        if VersionId not in (None, found["VersionId"]):
            raise failure("ConcurrentModificationException", 400, "UpdateTable")
        number = str(int(found["VersionId"]) + 1)
        self.tables[place] = {**TableInput, "DatabaseName": DatabaseName, "VersionId": number}
        self.changes += 1
        return {}

    def get_partitions(
        self, *, DatabaseName: str, TableName: str, Segment: dict[str, int] | None = None, **_: Any
    ) -> dict[str, Any]:
        """All partitions, in the first segment."""
        held = self._of(DatabaseName, TableName, "GetPartitions")
        first = Segment is None or Segment["SegmentNumber"] == 0
        return {"Partitions": list(held.values()) if first else []}

    def batch_get_partition(
        self, *, DatabaseName: str, TableName: str, PartitionsToGet: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Those partitions that exist."""
        held = self._of(DatabaseName, TableName, "BatchGetPartition")
        wanted = [tuple(item["Values"]) for item in PartitionsToGet]
        return {"Partitions": [held[values] for values in wanted if values in held]}

    def batch_create_partition(
        self, *, DatabaseName: str, TableName: str, PartitionInputList: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Create partitions; those that exist are refused one by one."""
        held, errors = self._of(DatabaseName, TableName, "BatchCreatePartition"), []
        for item in PartitionInputList:
            values = tuple(item["Values"])
            if values in held:
                errors.append(_refused("PartitionValues", values, "AlreadyExistsException"))
            else:
                held[values] = item
        self.changes += 1
        return {"Errors": errors}

    def batch_update_partition(
        self, *, DatabaseName: str, TableName: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Replace partitions, whatever they are by now; those that do not exist are refused one by one."""
        held, errors = self._of(DatabaseName, TableName, "BatchUpdatePartition"), []
        for item in Entries:
            values = tuple(item["PartitionValueList"])
            if values in held:
                held[values] = item["PartitionInput"]
            else:
                errors.append(_refused("PartitionValueList", values, "EntityNotFoundException"))
        self.changes += 1
        return {"Errors": errors}

    def batch_delete_partition(
        self, *, DatabaseName: str, TableName: str, PartitionsToDelete: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Drop partitions; those that do not exist are refused one by one."""
        held, errors = self._of(DatabaseName, TableName, "BatchDeletePartition"), []
        for item in PartitionsToDelete:
            if held.pop(tuple(item["Values"]), None) is None:
                errors.append(_refused("PartitionValues", tuple(item["Values"]), "EntityNotFoundException"))
        self.changes += 1
        return {"Errors": errors}

    def get_partition_indexes(self, **_: Any) -> dict[str, Any]:
        """None: the simulated tables have a handful of partitions."""
        return {"PartitionIndexDescriptorList": []}

    def _of(self, database: str, table: str, operation: str) -> dict[Values, dict[str, Any]]:
        held = self.partitions.get((database, table))
        if held is None:
            raise failure("EntityNotFoundException", 400, operation)
        return held


def _refused(key: str, values: Values, code: str) -> dict[str, Any]:
    return {key: list(values), "ErrorDetail": {"ErrorCode": code, "ErrorMessage": code}}

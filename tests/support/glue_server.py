"""A small Glue catalog over HTTP that is as strict as AWS where moto is not.

It speaks the protocol boto3 speaks (JSON 1.1, `X-Amz-Target: AWSGlue.<Operation>`) and knows databases, tables, partitions and
partition indexes. It refuses batches above AWS's limits, pages and segments GetPartitions, rejects a stale table version, and
throttles whole calls or single items when told to (`faults`). Written from the Glue API reference and botocore's service model; it
holds everything in memory and shares no code with lakeworks. Run it: `python -m tests.support.glue_server <port>`.
"""

import sys
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from tests.support.json_service import ServiceRefusal, serving_json

Call = dict[str, Any]
LIMITS = {
    "BatchCreatePartition": ("PartitionInputList", 100),
    "BatchUpdatePartition": ("Entries", 100),
    "BatchDeletePartition": ("PartitionsToDelete", 25),
    "BatchGetPartition": ("PartitionsToGet", 1000),
}


class GlueError(ServiceRefusal):
    """A refusal of Glue."""


class Glue:
    """The catalog itself. `faults` maps (operation, value of the first key or "") to how often it is throttled.

    `reach` says of each BatchGetPartition to come how many of so many keys it gets to; the others come back as unprocessed.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.databases: dict[str, dict[str, Any]] = {}
        self.partitions: dict[tuple[str, str], dict[tuple[str, ...], dict[str, Any]]] = {}
        self.indexes: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.calls: Counter[str] = Counter()
        self.faults: Counter[tuple[str, str]] = Counter()
        self.refused: dict[str, str] = {}
        self.reach: Callable[[int], int] = lambda keys: keys
        self.cuts: dict[tuple[int, int], list[tuple[str, ...]]] = {}

    def answer(self, operation: str, call: Call) -> Any:
        with self.lock:
            self.calls[operation] += 1
            if self._faulty(operation, ""):
                raise GlueError("ThrottlingException", "Rate exceeded")
            if operation in LIMITS:
                name, limit = LIMITS[operation]
                if len(call[name]) > limit:
                    raise GlueError(
                        "ValidationException", f"{name}: member must have length less than or equal to {limit}"
                    )
            handler: Callable[[Call], Any] | None = getattr(self, f"do_{operation}", None)
            if handler is None:
                raise GlueError("UnknownOperationException", operation)
            return handler(call)

    def _faulty(self, operation: str, item: str) -> bool:
        if self.faults[operation, item] > 0:
            self.faults[operation, item] -= 1
            return True
        return False

    # databases and tables

    def do_GetDatabases(self, call: Call) -> Any:  # noqa: N802
        return {"DatabaseList": [{"Name": name} for name in self.databases]}

    def do_GetDatabase(self, call: Call) -> Any:  # noqa: N802
        self._database(call["Name"])
        return {"Database": {"Name": call["Name"]}}

    def do_CreateDatabase(self, call: Call) -> Any:  # noqa: N802
        if call["DatabaseInput"]["Name"] in self.databases:
            raise GlueError("AlreadyExistsException", "Database already exists.")
        self.databases[call["DatabaseInput"]["Name"]] = {}
        return {}

    def do_CreateTable(self, call: Call) -> Any:  # noqa: N802
        tables, wanted = self._database(call["DatabaseName"]), call["TableInput"]
        if wanted["Name"] in tables:
            raise GlueError("AlreadyExistsException", "Table already exists.")
        tables[wanted["Name"]] = {**wanted, "DatabaseName": call["DatabaseName"], "VersionId": "0"}
        self.partitions[call["DatabaseName"], wanted["Name"]] = {}
        return {}

    def do_GetTable(self, call: Call) -> Any:  # noqa: N802
        return {"Table": self._table(call["DatabaseName"], call["Name"])}

    def do_UpdateTable(self, call: Call) -> Any:  # noqa: N802
        found = self._table(call["DatabaseName"], call["TableInput"]["Name"])
        if call.get("VersionId", found["VersionId"]) != found["VersionId"]:
            raise GlueError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        number = int(found["VersionId"]) + 1
        found.clear()
        found.update({**call["TableInput"], "DatabaseName": call["DatabaseName"], "VersionId": str(number)})
        return {}

    def do_DeleteTable(self, call: Call) -> Any:  # noqa: N802
        self._table(call["DatabaseName"], call["Name"])
        del self.databases[call["DatabaseName"]][call["Name"]]
        del self.partitions[call["DatabaseName"], call["Name"]]
        return {}

    # partitions

    def do_GetPartitions(self, call: Call) -> Any:  # noqa: N802
        held = self._partitions(call)
        segment = call.get("Segment", {"SegmentNumber": 0, "TotalSegments": 1})
        if not 1 <= segment["TotalSegments"] <= 10:
            raise GlueError("InvalidInputException", "TotalSegments must be 1 to 10")
        size, start = min(call.get("MaxResults", 100), 1000), int(call.get("NextToken", 0))
        total = segment["TotalSegments"]
        if start == 0:  # a token goes on in the order its listing began with
            cut = [v for v in held if zlib.crc32("/".join(v).encode()) % total == segment["SegmentNumber"]]
            self.cuts[total, segment["SegmentNumber"]] = cut
        mine = [values for values in self.cuts[total, segment["SegmentNumber"]][start : start + size] if values in held]
        page = [held[values] for values in mine]
        if call.get("ExcludeColumnSchema"):
            page = [{**p, "StorageDescriptor": {**p["StorageDescriptor"], "Columns": []}} for p in page]
        return {"Partitions": page} | (
            {"NextToken": str(start + size)} if start + size < len(self.cuts[total, segment["SegmentNumber"]]) else {}
        )

    def do_BatchGetPartition(self, call: Call) -> Any:  # noqa: N802
        held, keys = self._partitions(call), call["PartitionsToGet"]
        reached = self.reach(len(keys))
        return {
            "Partitions": [held[v] for v in map(_values, keys[:reached]) if v in held],
            "UnprocessedKeys": keys[reached:],
        }

    def do_BatchCreatePartition(self, call: Call) -> Any:  # noqa: N802
        held, errors = self._partitions(call), []
        for item in call["PartitionInputList"]:
            if code := self._refusal(
                "BatchCreatePartition", item, "AlreadyExistsException" if _values(item) in held else ""
            ):
                errors.append({"PartitionValues": item["Values"], "ErrorDetail": {"ErrorCode": code}})
            else:
                held[_values(item)] = item
        return {"Errors": errors}

    def do_BatchUpdatePartition(self, call: Call) -> Any:  # noqa: N802
        held, errors = self._partitions(call), []
        for entry in call["Entries"]:
            item, values = entry["PartitionInput"], tuple(entry["PartitionValueList"])
            if code := self._refusal("BatchUpdatePartition", item, "" if values in held else "EntityNotFoundException"):
                errors.append({"PartitionValueList": list(values), "ErrorDetail": {"ErrorCode": code}})
            else:
                held[values] = item
        return {"Errors": errors}

    def do_BatchDeletePartition(self, call: Call) -> Any:  # noqa: N802
        held, errors = self._partitions(call), []
        for item in call["PartitionsToDelete"]:
            if code := self._refusal(
                "BatchDeletePartition", item, "" if _values(item) in held else "EntityNotFoundException"
            ):
                errors.append({"PartitionValues": item["Values"], "ErrorDetail": {"ErrorCode": code}})
            else:
                del held[_values(item)]
        return {"Errors": errors}

    def do_GetPartitionIndexes(self, call: Call) -> Any:  # noqa: N802
        self._partitions(call)
        return {"PartitionIndexDescriptorList": self.indexes.get((call["DatabaseName"], call["TableName"]), [])}

    def do_CreatePartitionIndex(self, call: Call) -> Any:  # noqa: N802
        wanted = call["PartitionIndex"]
        keys = [{"Name": key, "Type": "string"} for key in wanted["Keys"]]
        made = {"IndexName": wanted["IndexName"], "Keys": keys, "IndexStatus": "CREATING"}
        present = self.indexes.setdefault((call["DatabaseName"], call["TableName"]), [])
        if any(index["IndexName"] == made["IndexName"] for index in present):
            raise GlueError("AlreadyExistsException", "Index with the given name already exists.")
        present.append(made)
        return {}

    def _refusal(self, operation: str, item: Call, code: str) -> str:
        first = item["Values"][0]
        if first in self.refused:
            return self.refused[first]
        return "ThrottlingException" if self._faulty(operation, first) else code

    def _database(self, name: str) -> dict[str, Any]:
        if name not in self.databases:
            raise GlueError("EntityNotFoundException", f"Database {name} not found.")
        return self.databases[name]

    def _table(self, database: str, name: str) -> dict[str, Any]:
        tables = self._database(database)
        if name not in tables:
            raise GlueError("EntityNotFoundException", f"Table {name} not found.")
        return dict.__getitem__(tables, name)  # type: ignore[no-any-return]

    def _partitions(self, call: Call) -> dict[tuple[str, ...], dict[str, Any]]:
        self._table(call["DatabaseName"], call["TableName"])
        return self.partitions[call["DatabaseName"], call["TableName"]]


def _values(item: Call) -> tuple[str, ...]:
    return tuple(item["Values"])


@contextmanager
def serving_glue(port: int = 0) -> Any:
    """Serve on loopback; gives the catalog and its address."""
    glue = Glue()

    with serving_json(glue.answer, port) as url:
        yield glue, url


if __name__ == "__main__":
    with serving_glue(int(sys.argv[1])):
        threading.Event().wait()

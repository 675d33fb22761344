"""A small Glue for large catalogs: partitions in a dictionary, AWS's limits (100 a call) and pages of 1,000.

moto needs about 0.6 ms a listed partition and gives all in one page: it would be what is measured, and paging would not.
This stand-in answers only what these benchmarks ask.
"""

import json
import os
import sys
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_PAGE, _BATCH = 1000, 100
_tables: dict[tuple[str, str], dict[str, Any]] = {}
_partitions: dict[tuple[str, str], dict[tuple[str, ...], dict[str, Any]]] = {}
_databases: set[str] = set()


class Refused(Exception):
    """An error of Glue, by its code."""


async def answer(request: Request) -> Response:
    """One call of the JSON protocol."""
    operation = request.headers["x-amz-target"].rpartition(".")[2]
    try:
        found, status = _call(operation, json.loads(await request.body())), 200
    except Refused as error:
        found, status = {"__type": str(error), "Message": str(error)}, 400
    return Response(json.dumps(found), status, media_type="application/x-amz-json-1.1")


def _call(operation: str, given: dict[str, Any]) -> dict[str, Any]:
    table = (given.get("DatabaseName", ""), given.get("TableName", given.get("Name", "")))
    if operation.startswith("Create"):
        return _create(operation, given, table)
    held = _partitions.setdefault(table, {})
    match operation:
        case "GetDatabase":
            return {"Database": {"Name": _known(given["Name"], _databases)}}
        case "GetTable":
            return {"Table": _tables[_known(table, _tables)]}
        case "BatchCreatePartition" if len(given["PartitionInputList"]) <= _BATCH:
            held.update({tuple(item["Values"]): item for item in given["PartitionInputList"]})
            return {"Errors": []}
        case "BatchGetPartition":
            wanted = [tuple(item["Values"]) for item in given["PartitionsToGet"]]
            return {"Partitions": [held[item] for item in wanted if item in held], "UnprocessedKeys": []}
        case "GetPartitions":
            return _listed(list(held.values()), given)
    raise Refused("InvalidInputException")


def _listed(held: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    """A page of a segment; segments are disjoint, as Glue's are (API reference, GetPartitions)."""
    segment = given.get("Segment") or {"SegmentNumber": 0, "TotalSegments": 1}
    mine = range(segment["SegmentNumber"], len(held), segment["TotalSegments"])
    start = int(given.get("NextToken") or 0)
    page = [held[place] for place in mine[start : start + min(_PAGE, given.get("MaxResults") or _PAGE)]]
    if given.get("ExcludeColumnSchema"):
        page = [{**item, "StorageDescriptor": {**item["StorageDescriptor"], "Columns": []}} for item in page]
    more = {"NextToken": str(start + len(page))} if start + len(page) < len(mine) else {}
    return {"Partitions": page, **more}


def _create(operation: str, given: dict[str, Any], table: tuple[str, str]) -> dict[str, Any]:
    if operation == "CreateDatabase":
        if given["DatabaseInput"]["Name"] in _databases:
            raise Refused("AlreadyExistsException")
        _databases.add(given["DatabaseInput"]["Name"])
    elif operation == "CreateTable":
        _tables[given["DatabaseName"], given["TableInput"]["Name"]] = given["TableInput"]
    else:
        _partitions.setdefault(table, {})[tuple(given["PartitionInput"]["Values"])] = given["PartitionInput"]
    return {}


def _known(name: Any, held: Any) -> Any:
    if name not in held:
        raise Refused("EntityNotFoundException")
    return name


def main() -> None:
    """`python -m benchmarks.glue <port>`."""
    import uvicorn

    app = Starlette(routes=[Route("/", answer, methods=["POST"]), Route("/", lambda _: Response(), methods=["GET"])])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level=os.environ.get("LOG_LEVEL", "warning"))


if __name__ == "__main__":
    main()

"""Partition pages: read the partitions in Glue's answers to GetPartitions with readers made once from botocore's model.

botocore looks up the model of every member of every partition. The request stays botocore's: address, signature, retries,
error kinds. The partitions are the same: members unknown to the model are left out, and so is null.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from lakeworks.s3.listing_pages import timestamp

CatalogClient = TypeVar("CatalogClient")
ShapeReader = Callable[[Any], Any] | None  # None: the JSON value is what botocore returns
_ID = "lakeworks-partition-pages"


def quick_partitions(client: CatalogClient) -> CatalogClient:
    """Make a boto3 Glue client read pages of GetPartitions fast. Return the client."""
    client.meta.events.register("before-parse.glue.GetPartitions", _PartitionPages().read, unique_id=_ID)  # type: ignore[attr-defined]
    return client


class _PartitionPages:
    """Reader of pages, made with the first one."""

    def __init__(self) -> None:
        self.reader: ShapeReader = None

    def read(
        self,
        operation_model: OperationModel,
        response_dict: dict[str, Any],
        customized_response_dict: dict[str, Any],
        **_: Any,
    ) -> None:
        """Take the partitions out of a page's body; botocore reads the rest of it, and adds them to its own answer."""
        shape = operation_model.output_shape
        if response_dict["status_code"] != 200 or shape is None:
            return
        self.reader = self.reader or _reader(shape.members["Partitions"])
        try:
            answer = json.loads(response_dict["body"])
            partitions = self.reader(answer.pop("Partitions")) if self.reader else None
        except (AttributeError, KeyError, TypeError, ValueError):
            return  # botocore reads the page, or words the error
        customized_response_dict["Partitions"] = partitions
        response_dict["body"] = json.dumps(answer).encode()


def _reader(shape: Shape) -> ShapeReader:
    """Return what makes botocore's value of a shape from JSON's."""
    if isinstance(shape, StructureShape):
        return _structure({name: _reader(member) for name, member in shape.members.items()})
    if isinstance(shape, ListShape):
        item = _reader(shape.member)
        return (lambda values: [item(value) for value in values]) if item else None
    if isinstance(shape, MapShape):
        held = _reader(shape.value)
        return (lambda values: {key: held(value) for key, value in values.items()}) if held else None
    return timestamp if shape.type_name == "timestamp" else None


def _structure(members: dict[str, ShapeReader]) -> ShapeReader:
    def read(values: dict[str, Any]) -> dict[str, Any]:
        kept = {}
        for name, value in values.items():
            if value is not None and name in members:
                reader = members[name]
                kept[name] = reader(value) if reader else value
        return kept

    return read

"""Partition indexes: with one, Glue finds partitions by their leading keys instead of loading and filtering all.

https://docs.aws.amazon.com/glue/latest/dg/partition-indexes.html: up to three a table, built in the background, kept by Glue.
"""

from collections.abc import Mapping
from typing import Any, Literal

from botocore.exceptions import ClientError

from lakeworks.aws_errors import translated
from lakeworks.errors import LakeUnavailable

INDEX = "lakeworks"
# With fewer partitions, a filter over all of them is as fast as an index.
WORTH_IT = 10_000

IndexOutcome = Literal["created", "present", "not needed", "unsupported here"]


def ensure_index(client: Any, place: Mapping[str, str], keys: tuple[str, ...], partitions: int) -> IndexOutcome:
    """Give a table of many partitions an index over its keys, in their order; `place` names its database and table."""
    if partitions < WORTH_IT or not keys:
        return "not needed"
    name = "{DatabaseName}.{TableName}".format(**place)
    desired = [key.lower() for key in keys]
    try:
        with translated("look up the partition indexes of", name):
            current = client.get_partition_indexes(**place)["PartitionIndexDescriptorList"]
        if any([key["Name"] for key in index["Keys"]] == desired for index in current):
            return "present"
        with translated("create a partition index of", name):
            client.create_partition_index(**place, PartitionIndex={"Keys": desired, "IndexName": INDEX})
    except LakeUnavailable as error:
        if _is_missing_operation(error.__cause__):
            return "unsupported here"
        raise
    return "created"


def _is_missing_operation(cause: BaseException | None) -> bool:
    """Return True for an emulator without the operation: moto sends HTML with status 500, others name the action."""
    if not isinstance(cause, ClientError):
        return False
    code = str(cause.response.get("Error", {}).get("Code", ""))
    return code in ("500", "501", "InvalidAction", "UnknownOperationException", "NotImplemented")

"""Partition indexes: with one, Glue finds partitions by their leading keys instead of loading and filtering all.

https://docs.aws.amazon.com/glue/latest/dg/partition-indexes.html: up to three a table, built in the background, kept by Glue.
"""

import logging
from collections.abc import Mapping
from typing import Any, Literal

from botocore.exceptions import ClientError

from lakeworks.aws_errors import translated
from lakeworks.catalog.responses import created
from lakeworks.errors import LakeUnavailable, RequestRefused

INDEX = "lakeworks"
# With fewer partitions, a filter over all of them is as fast as an index.
WORTH_IT = 10_000

IndexOutcome = Literal["created", "present", "failed", "not needed", "unsupported here"]
log = logging.getLogger(__name__)


def ensure_index(client: Any, place: Mapping[str, str], keys: tuple[str, ...], partitions: int) -> IndexOutcome:
    """Give a table of many partitions an index over its keys, in their order; `place` names its database and table.

    Glue builds an index later and may fail at it (a value with characters that it cannot index). Such an index serves no
    query. It is `failed`, with Glue's reasons in a warning, and is left to a person: the same index would fail again.
    """
    if partitions < WORTH_IT or not keys:
        return "not needed"
    name = "{DatabaseName}.{TableName}".format(**place)
    desired = [key.lower() for key in keys]
    try:
        with translated("look up the partition indexes of", name):
            current = client.get_partition_indexes(**place)["PartitionIndexDescriptorList"]
        ours = [index for index in current if [key["Name"] for key in index["Keys"]] == desired]
        if ours:
            return _outcome(name, ours[0])
        wish = {"Keys": desired, "IndexName": INDEX}
        is_new = created(
            "a partition index of", name, lambda: client.create_partition_index(**place, PartitionIndex=wish)
        )
    except (LakeUnavailable, RequestRefused) as error:
        if _is_missing_operation(error.__cause__):
            return "unsupported here"
        raise
    return "created" if is_new else "present"


def _outcome(name: str, index: Mapping[str, Any]) -> IndexOutcome:
    if index.get("IndexStatus") != "FAILED":
        return "present"
    reasons = [
        f"{one.get('Code')} ({len(one.get('Partitions', []))} partitions)" for one in index.get("BackfillErrors", [])
    ]
    log.warning(
        "Glue could not build the partition index `%s` of `%s`: %s. Queries filter without it. Correct or withdraw those "
        "partitions, delete the index in Glue, then run: lakeworks catalog repair",
        index["IndexName"],
        name,
        ", ".join(reasons) or "no reason given",
    )
    return "failed"


def _is_missing_operation(cause: BaseException | None) -> bool:
    """Return True for an emulator without the operation: moto sends HTML with status 500, others name the action."""
    if not isinstance(cause, ClientError):
        return False
    code = str(cause.response.get("Error", {}).get("Code", ""))
    return code in ("500", "501", "InvalidAction", "UnknownOperationException", "NotImplemented")

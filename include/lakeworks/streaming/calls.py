"""Calls to Kinesis and DynamoDB: boto3's errors become ours, and an answer that was cut off is an error too."""

from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.aws_errors import AWS_ERRORS, lake_error
from lakeworks.errors import LakeError, StreamUnavailable, TerminalError


def ask(
    call: Callable[..., Any], needed: Sequence[str], action: str, where: str, /, **arguments: Any
) -> dict[str, Any]:
    """Return the answer of a call, which has the members `needed`.

    Raises:
        StreamUnavailable: the service did not answer, throttled the call, or its answer was cut off.
        LakeNotFound, LakeAccessDenied: retrying cannot help.
    """
    try:
        answer: dict[str, Any] = call(**arguments)
    except AWS_ERRORS as error:
        raise explained(error, action, where) from error
    if missing := [name for name in needed if name not in answer]:
        raise StreamUnavailable(
            f"Could not {action} `{where}`: the answer lacks {missing[0]}, it was cut off. Run again."
        )
    return answer


def explained(error: Exception, action: str, where: str) -> LakeError:
    """Return our error for one of boto3's."""
    cause = lake_error(error, action, where)
    return cause if isinstance(cause, TerminalError) else StreamUnavailable(str(cause))

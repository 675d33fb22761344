"""Athena's refusals as lakeworks errors. What Athena calls invalid stays invalid, so it is never retried."""

from collections.abc import Iterator
from contextlib import contextmanager

from lakeworks.aws_errors import AWS_ERRORS, error_code, lake_error
from lakeworks.errors import LakeError, LakeNotFound, QueryFailed


@contextmanager
def asking(action: str, work_group: str) -> Iterator[None]:
    """Raise boto3's errors in this block as lakeworks errors; `action` is a verb and what it is done to.

    Raises:
        QueryFailed: Athena refuses the request.
        LakeNotFound: there is no such work group.
    """
    try:
        yield
    except AWS_ERRORS as error:
        raise _translated(error, action, work_group) from error


def _translated(error: Exception, action: str, work_group: str) -> LakeError:
    where = f"Athena work group {work_group}"
    if error_code(error) != "InvalidRequestException":
        return lake_error(error, action, where)
    says = str(getattr(error, "response", {}).get("Error", {}).get("Message", "")).rstrip(". ")
    if "WorkGroup" in says and "not found" in says:
        return LakeNotFound(
            f"There is no work group `{work_group}`: {says}. Nothing was run. lakeworks bootstrap makes the one that lake.yml "
            "declares."
        )
    return QueryFailed(
        f"Could not {action} `{where}`: {says}. Nothing was returned; correct the query or the work group."
    )

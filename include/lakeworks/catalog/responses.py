"""Checks of Glue's answers: a missing member, and an object that a concurrent writer created first."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lakeworks.aws_errors import translated
from lakeworks.errors import LakeAccessDenied, LakeUnavailable


def created(what: str, name: str, create: Callable[[], object]) -> bool:
    """Create an object; return False if another writer, or our own earlier call with a lost response, was first."""
    with translated(f"create {what}", name):
        try:
            create()
        except ClientError as error:
            if error.response["Error"].get("Code") != "AlreadyExistsException":
                raise
            return False
    return True


def hidden(what: str, name: str) -> LakeAccessDenied:
    """Return the error for what exists by one call and not by the next.

    Lake Formation answers EntityNotFound for what it does not let a caller see:
    https://docs.aws.amazon.com/lake-formation/latest/dg/updated-error-messages.html
    """
    return LakeAccessDenied(
        f"Glue refuses to create {what} `{name}` because it exists, and says that it does not when asked for it: Lake "
        "Formation hides it from these credentials. The catalog was not changed; data that is live stays live. Name this "
        "role in `lake_formation.roles` of lake.yml, run `lakeworks bootstrap` as a data lake administrator "
        "(docs/lake-formation.md), then run: lakeworks catalog repair --all"
    )


def required_member(answer: Mapping[str, Any], key: str, where: str) -> Any:
    """Return a part that every answer has: boto3 reads truncated JSON as an answer without any.

    Raises:
        LakeUnavailable: it is not there.
    """
    if key not in answer:
        raise LakeUnavailable(
            f"Glue's answer about `{where}` was cut off (no {key}). Finished steps remain. Run again."
        )
    return answer[key]

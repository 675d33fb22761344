"""Parts of S3 requests and answers: conditions and their failures, checksums, versions, media types."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from mimetypes import MimeTypes
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from lakeworks.aws_errors import translated
from lakeworks.errors import LostRace

R = TypeVar("R")
_MEDIA_TYPES = {
    ".avro": "application/vnd.apache.avro",
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".zst": "application/zstd",
}
# Python's own table, independent of the machine's.
_KNOWN_TYPES = MimeTypes(filenames=())
# S3 answers 412 (404 for If-Match) when the condition fails.
_CONDITION_FAILED = {"PreconditionFailed", "412"}
# S3 answers 409 while another conditional write to the key is under way and its result is not decided.
_CONFLICT = "ConditionalRequestConflict"
_CONFLICT_TRIES = 4
_CONFLICT_SECONDS = 0.2
# With If-Match, S3 answers these with 404 where the object is gone.
_CONDITIONAL = ("PutObject", "CompleteMultipartUpload", "DeleteObject")


class conditional(translated):  # noqa: N801 - read as `with conditional(address)`
    """Translate errors of a conditional request; a condition that does not hold becomes LostRace."""

    def __init__(self, where: str, action: str = "write") -> None:
        super().__init__(action, where)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Translate what the request raised."""
        if isinstance(error, ClientError):
            code = error.response["Error"].get("Code")
            gone = code == "NoSuchKey" and error.operation_name in _CONDITIONAL
            if code in _CONDITION_FAILED or code == _CONFLICT or gone:
                raise LostRace(
                    f"`{self.where}` was changed by another writer meanwhile. Nothing was written."
                ) from error
        super().__exit__(kind, error, trace)


def settled(send: Callable[[], R]) -> R:
    """Send a conditional request until S3 decides on its condition: a conflict of milliseconds is no lost race."""
    tries = Retrying(
        retry=retry_if_exception(_is_conflict),
        stop=stop_after_attempt(_CONFLICT_TRIES),
        wait=wait_random(0, _CONFLICT_SECONDS),
        reraise=True,
    )
    return tries(send)


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, ClientError) and error.response["Error"].get("Code") == _CONFLICT


def media_type(key: str) -> str:
    """Return an object's media type for browsers and other tools, by its file ending."""
    ending = f".{key.rpartition('.')[2].lower()}"
    return _MEDIA_TYPES.get(ending) or _KNOWN_TYPES.types_map[1].get(ending, "application/octet-stream")


def sha256_base64(body: bytes) -> str:
    """Return the digest in the form of S3's `x-amz-checksum-sha256`."""
    return b64encode(hashlib.sha256(body).digest()).decode()


def version(version_id: str | None) -> dict[str, Any]:
    """Return the request argument that pins a version."""
    return {"VersionId": version_id} if version_id else {}


def version_id_of(answer: Mapping[str, Any]) -> str | None:
    """Return the version id S3 reports; None on a bucket without versioning (which reports none or `null`)."""
    version = answer.get("VersionId")
    return None if version in (None, "null") else str(version)

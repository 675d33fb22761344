"""Objects small enough for a test that are yet copied inside S3 in three parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from lakeworks.s3 import multipart

# SeaweedFS takes, as S3 does, no part under 5 MiB but the last; both enforce conditions on CompleteMultipartUpload.
PART_BYTES = {"ministack": 1000, "seaweed": 5 * 1024 * 1024}


@contextmanager
def copied_in_parts(part_bytes: int) -> Iterator[None]:
    """Copies take another path from 5 GB on; here from one part on."""
    with (
        patch.object(multipart, "SINGLE_REQUEST_BYTES", part_bytes),
        patch.object(multipart, "_PART_BYTES", part_bytes),
    ):
        yield


def of_three_parts(word: str, part_bytes: int) -> str:
    """A content of two and a half parts that begins with a word."""
    return word.ljust(5 * part_bytes // 2, ".")

"""moto's server, corrected in two places.

What is asked of an upload that is over is refused as S3 refuses it (moto 5.2 answers 500). A copy of an object that was uploaded in
parts has a checksum of its own, as S3 computes one (moto keeps the sum of the parts' sums, which no client can confirm).
"""

import sys
from collections.abc import Callable
from typing import Any

from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend
from moto.server import main


def _refusing(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation on an upload that refuses one that was completed or aborted."""

    def refusing(self: S3Backend, bucket: str, upload: str, *rest: Any) -> Any:
        if upload not in self.get_bucket(bucket).multiparts:
            raise NoSuchUpload(upload_id=upload)
        return act(self, bucket, upload, *rest)

    return refusing


def _with_own_checksum(copy: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy operation after which the new object has no checksum that was made of parts."""

    def copying(self: S3Backend, source: Any, bucket: str, key: str, *rest: Any, **more: Any) -> Any:
        answer = copy(self, source, bucket, key, *rest, **more)
        if source.multipart is not None:
            made = self.get_bucket(bucket).keys[key]
            made.checksum_algorithm = made.checksum_value = None
        return answer

    return copying


if __name__ == "__main__":
    for operation in ("upload_part", "complete_multipart_upload"):
        setattr(S3Backend, operation, _refusing(getattr(S3Backend, operation)))
    S3Backend.copy_object = _with_own_checksum(S3Backend.copy_object)  # type: ignore[method-assign]
    main(sys.argv[1:])

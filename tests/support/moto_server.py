"""moto's server, but what is asked of an upload that is over is refused as S3 refuses it: moto 5.2 answers 500 there."""

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


if __name__ == "__main__":
    for operation in ("upload_part", "complete_multipart_upload"):
        setattr(S3Backend, operation, _refusing(getattr(S3Backend, operation)))
    main(sys.argv[1:])

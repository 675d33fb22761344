"""moto's server, but a part of an upload that is over is refused as S3 refuses it: moto 5.2 answers 500 there."""

import sys
from typing import Any

from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend
from moto.server import main

_send = S3Backend.upload_part


def upload_part(self: S3Backend, bucket_name: str, multipart_id: str, part_id: int, value: bytes) -> Any:
    """Take a part, unless the upload was completed or aborted."""
    try:
        return _send(self, bucket_name, multipart_id, part_id, value)
    except KeyError as error:
        raise NoSuchUpload(upload_id=multipart_id) from error


if __name__ == "__main__":
    S3Backend.upload_part = upload_part  # type: ignore[method-assign]
    main(sys.argv[1:])

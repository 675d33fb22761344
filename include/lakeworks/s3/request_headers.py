"""Headers that a company's policies may require: server-side encryption on every write, the bucket's owner on every request.

Some bucket policies refuse a PUT without `x-amz-server-side-encryption`, although the bucket encrypts by default. The owner
protects against a bucket of the same name that another account made after ours was deleted.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

S3 = TypeVar("S3")
WriteEncryption = Literal["default", "AES256", "aws:kms"]
_ENCRYPTED = {"PutObject", "CreateMultipartUpload"}
_ID = "lakeworks-request-headers"


@dataclass(frozen=True)
class RequestHeaders:
    """Headers that requests to some buckets get; of `default` encryption none, so that the bucket's setting holds."""

    buckets: Collection[str] = ()
    encryption: WriteEncryption = "default"
    kms_key_id: str | None = None
    owner: str | None = None

    @property
    def writing(self) -> dict[str, str]:
        """Return the members of a write about its encryption."""
        if self.encryption == "default":
            return {}
        key = {"SSEKMSKeyId": self.kms_key_id} if self.encryption == "aws:kms" and self.kms_key_id else {}
        return {"ServerSideEncryption": self.encryption, **key}

    @property
    def compiled(self) -> dict[str, str]:
        """Return the same as settings of the compiled client."""
        names = {"ServerSideEncryption": "aws_server_side_encryption", "SSEKMSKeyId": "aws_sse_kms_key_id"}
        return {names[name]: value for name, value in self.writing.items()}

    def on(self, client: S3) -> S3:
        """Make a boto3 client send them with each request. Return the client."""
        if self.writing or self.owner:
            client.meta.events.register("provide-client-params.s3", self._complete, unique_id=_ID)  # type: ignore[attr-defined]
        return client

    def _complete(self, params: Mapping[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        """Return the parameters of a call, completed; what the caller says itself stays."""
        more: dict[str, str] = {}
        if params.get("Bucket") in self.buckets:
            more = dict(self.writing) if model.name in _ENCRYPTED else {}
            if self.owner and "ExpectedBucketOwner" in model.input_shape.members:
                more["ExpectedBucketOwner"] = self.owner
            source = params.get("CopySource")
            if self.owner and isinstance(source, Mapping) and source.get("Bucket") in self.buckets:
                more["ExpectedSourceBucketOwner"] = self.owner
        return {**more, **params}

"""A bucket: created if it is missing, accepted if it is ours, an error if another account owns it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from lakeworks.aws_errors import error_code, lake_error, translated
from lakeworks.errors import ConfigError, LakeAccessDenied, LakeError
from lakeworks.infrastructure.bucket_names import check_bucket_name
from lakeworks.infrastructure.resource import Document, Resource


@dataclass(frozen=True)
class Bucket(Resource):
    """The bucket itself. Its other settings need it, so its errors end the run instead of being noted.

    `account` is the number of its required owner; None if the endpoint has no STS.
    """

    kind: ClassVar[str] = "bucket"
    essential: ClassVar[bool] = True
    home: str = "us-east-1"
    account: str | None = None
    other_region: str | None = field(default=None, kw_only=True)

    @property
    def region(self) -> str | None:
        """The region of the client; a replica's bucket is in another region."""
        return self.other_region

    def desired(self) -> Document:
        """Return the bucket's document. Raise ConfigError if the name breaks S3's rules."""
        check_bucket_name(self.name)
        return {"Name": self.name, "Region": self.home}

    def read(self, client: Any) -> Document | None:
        """Read it as its owner. Another account's bucket is an error, even if we have access."""
        check_bucket_name(self.name)
        owner = {"ExpectedBucketOwner": self.account} if self.account else {}
        try:
            head = client.head_bucket(Bucket=self.name, **owner)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 301:
                self._elsewhere(
                    error.response["ResponseMetadata"]
                    .get("HTTPHeaders", {})
                    .get("x-amz-bucket-region", "another region")
                )
            if status == 403 and error_code(error) in ("403", "AccessDenied"):
                self._anothers(error)
            if status == 404:
                return None
            raise
        if (region := head.get("BucketRegion") or self.home) != self.home:
            self._elsewhere(region)
        return {"Name": self.name, "Region": region}

    def write(self, client: Any, target: Document) -> None:
        """Create it. A bucket that appeared meanwhile is accepted if it is ours."""
        # us-east-1 is the default and must not be named; every other region must.
        place = {} if self.home == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.home}}
        try:
            with translated("create the bucket", self.name):
                client.create_bucket(Bucket=self.name, **place)
        except LakeError as error:
            if (code := error_code(error)) == "BucketAlreadyExists":
                raise LakeAccessDenied(
                    f"The bucket name `{self.name}` is taken by another account (names are global). It was not created. "
                    "Choose another LAKE_BUCKET, or another `unique` in lake.yml."
                ) from error
            if code != "BucketAlreadyOwnedByYou":  # two bootstraps at once: the other one made it
                raise

    def _anothers(self, error: ClientError) -> None:
        raise LakeAccessDenied(
            f"`{self.name}` exists, but these credentials cannot read it. It belongs to another account, or the "
            "credentials lack s3:ListBucket. Nothing was changed. Choose another LAKE_BUCKET, or correct the "
            "connection."
        ) from lake_error(error, "look at the bucket", self.name)

    def _elsewhere(self, region: str) -> None:
        raise ConfigError(
            f"`{self.name}` is in {region}, not in {self.home}. A bucket cannot change its region. Nothing was "
            f"changed. Set LAKE_REGION={region}, or choose another LAKE_BUCKET."
        )

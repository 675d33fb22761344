"""Server access logs: the record of every read, for storage advice and audits."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.resource import Document, Resource


@dataclass(frozen=True)
class AccessLogs(Resource):
    """Deliver the bucket's access logs to another bucket, which S3 must be allowed to write (see `policy`)."""

    kind: ClassVar[str] = "access logging"
    to: str = ""
    prefix: str = "access-logs/"

    def desired(self) -> Document:
        """Return the target with one prefix per bucket, so that several buckets may log to it."""
        return {"TargetBucket": self.to, "TargetPrefix": f"{self.prefix}{self.name}/"}

    def read(self, client: Any) -> Document | None:
        """Return the target; None if logging is off."""
        logging = client.get_bucket_logging(Bucket=self.name).get("LoggingEnabled")
        return {key: logging[key] for key in ("TargetBucket", "TargetPrefix")} if logging else None

    def conflict(self, current: Document) -> str:
        """Refuse to change another target: those logs may be a person's audit trail."""
        if current["TargetBucket"] != self.to:
            return (
                f"already logs to {current['TargetBucket']}, which was not changed; name it in lake.yml: logging.bucket"
            )
        return ""

    def write(self, client: Any, target: Document) -> None:
        """Switch it on."""
        client.put_bucket_logging(Bucket=self.name, BucketLoggingStatus={"LoggingEnabled": target})

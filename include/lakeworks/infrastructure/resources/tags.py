"""Tags of a bucket; ours are added to the existing ones."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lakeworks.infrastructure.resource import Document, SharedDocument


@dataclass(frozen=True)
class Tags(SharedDocument):
    """Cost allocation and ownership. A tag with one of our keys gets our value; all others stay."""

    kind: ClassVar[str] = "tags"
    tags: dict[str, str] = field(default_factory=dict)
    other_region: str | None = None

    @property
    def region(self) -> str | None:
        """Return the bucket's region."""
        return self.other_region

    def owns(self, entry: str) -> bool:
        """Return False: a tag does not show who set it, so none is ever removed."""
        return False

    def desired(self) -> Document:
        """Return the tags of lake.yml, and the tag that names lakeworks as manager."""
        return {**self.tags, "managed-by": "lakeworks"}

    def read(self, client: Any) -> Document | None:
        """Return the values by key."""
        return {tag["Key"]: tag["Value"] for tag in client.get_bucket_tagging(Bucket=self.name)["TagSet"]}

    def write(self, client: Any, target: Document) -> None:
        """Write the whole set: S3 replaces it."""
        tags = [{"Key": key, "Value": value} for key, value in sorted(target.items())]
        client.put_bucket_tagging(Bucket=self.name, Tagging={"TagSet": tags})

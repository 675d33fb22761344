"""Object store: conditional, checksummed, versioned S3 objects in one bucket.

Only `PutObject` and `CompleteMultipartUpload` carry conditions: every S3 we tried enforces those. Two emulators silently
ignore the newer conditions on `CopyObject` (docs/adr/0003).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lakeworks.aws_errors import translated
from lakeworks.core.layout import LEDGER
from lakeworks.core.parallel import map_ordered
from lakeworks.core.tenant import Tenant
from lakeworks.core.transfer_profile import TransferProfile
from lakeworks.errors import LakeAccessDenied, LakeNotFound, LakeUnavailable
from lakeworks.s3.archive import reading
from lakeworks.s3.dev_branch import DevBranch
from lakeworks.s3.fast_client import FastS3Client
from lakeworks.s3.key_space import KeySpace
from lakeworks.s3.layer_buckets import LayerBuckets
from lakeworks.s3.listed.body_memory import BodyMemory
from lakeworks.s3.requests import conditional, media_type, settled, sha256_base64, version, version_id_of
from lakeworks.s3.tag_header import tagging, untagged

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Metadata of every object that lakeworks writes: the hex digest of its bytes.
SHA256 = "lakeworks-sha256"
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class StoredObject:
    """An object's identity as S3 reports it."""

    key: str
    size: int
    etag: str
    version_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: datetime | None = None
    storage_class: str = "STANDARD"  # set by listings only
    tag_count: int = field(default=0, compare=False)  # set by `head` only


@dataclass(frozen=True)
class Target:
    """The key to write and its condition: unconditional, only if absent, or only over the ETag `if_match`."""

    key: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    if_match: str | None = None
    if_absent: bool = False

    @property
    def conditions(self) -> dict[str, Any]:
        """Return the request's condition headers."""
        if self.if_match:
            return {"IfMatch": self.if_match}
        return {"IfNoneMatch": "*"} if self.if_absent else {}


class ObjectStore:
    """One bucket, one bucket per layer, a tenant's share or a dev lake. The client is passed in; boto3 clients are thread-safe.

    `fast_client` transfers whole objects without conditions. `tags` gives a key's object tags.

    Callers use the lake's keys. The store translates them (`KeySpace`), so no step can reach outside its share.
    """

    def __init__(  # noqa: PLR0913 - its collaborators, most of them by name
        self,
        client: "S3Client",
        bucket: str,
        threads: int = 8,
        *,
        layers: Mapping[str, str] | None = None,
        tenant: Tenant | None = None,
        dev: DevBranch | None = None,
        fast_client: FastS3Client | None = None,
        tags: Callable[[str], Mapping[str, str]] = untagged,
        transfer: TransferProfile | None = None,
    ) -> None:
        self.layers = LayerBuckets(bucket, layers or {})
        self.client: S3Client = self.layers.route(client)
        self.bucket = bucket
        self.threads = threads
        self.tenant = tenant
        self.keys = KeySpace(tenant, dev)
        self.fast_client = fast_client
        self.tags = tags
        self.transfer = transfer
        self.memory = BodyMemory()

    def at(self, key: str) -> str:
        """Return the key in the bucket; NotStorable for one that is too long."""
        return self.keys.at(key)

    def place(self, key: str) -> Any:
        """Return bucket and key for a request."""
        return {"Bucket": self.bucket, "Key": self.at(key)}

    def uri(self, key: str) -> str:
        """Return the `s3://` address of a key."""
        return "s3://{}/{}".format(*self._address(key))

    def _address(self, key: str) -> tuple[str, str]:
        at = self.at(key)
        return self.layers.of(at), at

    def now(self) -> datetime:
        """Return the time by S3's clock, to the end of its second: a worker's clock may be wrong, and ages are S3's."""
        prefix = self.at(f"{LEDGER}/")
        with translated("ask the time of", self.uri(prefix)):
            answer = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=1)
        date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
        return parsedate_to_datetime(date).astimezone(UTC) + timedelta(seconds=1)

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None:
        """Return the object, or None if there is none."""
        try:
            with translated("look at", self.uri(key)):
                answer = self.client.head_object(**self.place(key), **version(version_id))
        except LakeNotFound:
            return None
        headers = answer["ContentLength"], answer["ETag"], version_id_of(answer), answer.get("Metadata", {})
        return StoredObject(key, *headers, tag_count=answer.get("TagCount", 0))

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, StoredObject]:
        """Return the whole object and its identity; for small objects.

        Raises:
            LakeNotFound: there is no such object or version.
        """
        with self._reading("read", key):
            fetched = self.fast_client and self.fast_client.get(*self._address(key), version_id)
            if fetched:
                return fetched.body, StoredObject(
                    key, len(fetched.body), fetched.etag, fetched.version_id, fetched.metadata
                )
            answer = self.client.get_object(**self.place(key), **version(version_id))
            body = answer["Body"].read()
        if len(body) != answer["ContentLength"]:
            raise LakeUnavailable(
                f"`{self.uri(key)}` was cut off after {len(body)} bytes. Nothing was changed. Run again."
            )
        return body, StoredObject(key, len(body), answer["ETag"], version_id_of(answer), answer.get("Metadata", {}))

    def get_listed(self, key: str, etag: str) -> tuple[bytes, str]:
        """Return a document and its ETag. No request, if the ETag is that of a listing and this process kept the body.

        Raises:
            LakeNotFound: there is no such object.
        """
        known = self.memory.recall(key, etag)
        if known is not None:
            return known, etag
        body, stored = self.get(key)
        return body, stored.etag

    def names(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield key and ETag of every object below a prefix, in key order: half the cost of a `scan` of small documents."""
        for item in self._listed(prefix):
            yield self.keys.own(item["Key"]), item["ETag"]

    def get_range(
        self, key: str, start: int, length: int, version_id: str | None = None, *, if_match: str | None = None
    ) -> bytes:
        """Return `length` bytes from `start`; with `if_match`, only of the object that has this ETag."""
        byte_range = f"bytes={start}-{start + length - 1}"
        condition: dict[str, Any] = {"IfMatch": if_match} if if_match else {}
        with self._reading("read", key):
            answer = self.client.get_object(**self.place(key), Range=byte_range, **version(version_id), **condition)
            body = answer["Body"].read()
        # A server may ignore Range and answer 200 with everything (RFC 9110, 14.2); ministack does for old versions.
        return body if answer["ResponseMetadata"]["HTTPStatusCode"] == 206 else body[start : start + length]

    def download(self, key: str, path: Path, version_id: str | None = None) -> str:
        """Stream an object into a local file, and return its ETag."""
        with self._reading("download", key):
            answer = self.client.get_object(**self.place(key), **version(version_id))
            with path.open("wb") as file:
                for chunk in answer["Body"].iter_chunks(1 << 20):
                    file.write(chunk)
        return str(answer["ETag"])

    def put(self, target: Target | str, body: bytes) -> StoredObject:
        """Write an object in one step; S3 checks its SHA-256 on arrival.

        Raises:
            LostRace: the target's condition does not hold; nothing was written.
        """
        target = Target(target) if isinstance(target, str) else target
        self.keys.refuse_write(target.key)
        if self.fast_client and not target.conditions:
            attributes = {**target.metadata, "Content-Type": media_type(target.key)}
            sent = self.fast_client.put(*self._address(target.key), body, attributes, self.tags(target.key))
            if sent:
                return StoredObject(target.key, len(body), sent.etag, sent.version_id, target.metadata)
        with conditional(self.uri(target.key)):
            answer = settled(
                lambda: self.client.put_object(
                    **self.place(target.key),
                    Body=body,
                    ChecksumSHA256=sha256_base64(body),
                    ContentType=media_type(target.key),
                    Metadata=dict(target.metadata),
                    **tagging(self.tags(target.key)),
                    **target.conditions,
                )
            )
        return StoredObject(target.key, len(body), answer["ETag"], version_id_of(answer), target.metadata)

    def scan(self, prefix: str, *, start_after: str = "") -> Iterator[StoredObject]:
        """Yield every object below a prefix, in key order."""
        for item in self._listed(prefix, start_after):
            key = self.keys.own(item["Key"])
            kept = {"modified": item["LastModified"], "storage_class": item.get("StorageClass", "STANDARD")}
            yield StoredObject(key, item["Size"], item["ETag"], **kept)

    def _listed(self, prefix: str, start_after: str = "") -> Iterator[Any]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.at(prefix), StartAfter=self.at(start_after) if start_after else ""
        )
        with translated("list", self.uri(prefix)):
            for page in pages:
                yield from page.get("Contents", [])

    def delete(self, keys: Iterable[str]) -> int:
        """Delete keys, 1,000 per call, and return how many. On a versioned bucket their versions stay.

        Raises:
            LakeUnavailable, LakeAccessDenied: S3 refused some keys; the message names the first.
        """
        pending = [*keys]
        for key in pending:
            self.keys.refuse_write(key)
        for start in range(0, len(pending), 1000):
            chunk = pending[start : start + 1000]
            with translated("delete", self.uri(chunk[0])):
                answer = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": [{"Key": self.at(key)} for key in chunk], "Quiet": True}
                )
            if errors := answer.get("Errors"):
                first = errors[0]
                denied = first.get("Code") == "AccessDenied"
                check = " (denied: s3:DeleteObject). Check the credentials and their policy" if denied else ""
                raise (LakeAccessDenied if denied else LakeUnavailable)(
                    f"{len(errors)} of {len(chunk)} objects were not deleted, first `{first.get('Key', '')}`: "
                    f"{first.get('Code')} {first.get('Message')}{check}. Deleted objects stay deleted. Run again."
                )
        return len(pending)

    def delete_if(self, stored: StoredObject) -> None:
        """Delete an object unless it changed since it was read (on a versioned bucket the version stays).

        Raises:
            LostRace: another object or none is there by now; nothing was deleted.
        """
        self.keys.refuse_write(stored.key)
        with conditional(self.uri(stored.key), "delete"):
            settled(lambda: self.client.delete_object(**self.place(stored.key), IfMatch=stored.etag))

    def _reading(self, action: str, key: str) -> reading:
        return reading(action, key, self.uri(key), self.client)

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Apply a function to items with the store's concurrency, keeping their order."""
        return map_ordered(function, items, self.threads)

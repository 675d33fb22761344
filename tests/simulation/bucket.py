"""An S3 bucket in memory: versions, delete markers, conditions, storage classes, uploads in parts and lifecycle.

The methods answer as boto3's client does. The tests of `tests/lakeworks/s3` prove the same behaviour on real servers.
"""

import hashlib
from bisect import bisect_left, bisect_right, insort
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from tests.simulation.clock import Clock
from tests.simulation.stored import Body as Content
from tests.simulation.stored import Upload, Version, failure

RESTORE = timedelta(hours=48)  # what a bulk restore takes at most
_UNREAD = ("_staging/", "metadata/")


class Bucket:
    """One versioned bucket."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.keys: dict[str, list[Version]] = {}
        self.uploads: dict[str, Upload] = {}
        self.changes, self._names = 0, list[str]()  # what readers watch; the keys in order
        self._number = 0
        self._dated, self._sent = datetime.min, dict[str, Any]()  # when an answer was sent last, and its headers

    # What a reader outside of the product sees.

    def current(self, key: str) -> Version | None:
        """The object of a key, unless there is none or it was deleted."""
        versions = self.keys.get(key)
        return versions[-1] if versions and not versions[-1].marker else None

    def below(self, prefix: str, after: str = "") -> list[str]:
        """The keys of all objects below a prefix."""
        first, end = bisect_left(self._names, prefix), bisect_left(self._names, f"{prefix}\U0010ffff")
        found = self._names[max(first, bisect_right(self._names, after)) : end]
        return [key for key in found if not self.keys[key][-1].marker]

    # S3's operations.

    def put_object(self, *, Key: str, Body: bytes, **other: Any) -> dict[str, Any]:
        """Write a version, on a condition."""
        self._check(Key, other, "PutObject")
        return self._store(Key, Body, f'"{hashlib.md5(Body).hexdigest()}"', other.get("Metadata") or {})

    def head_object(self, *, Key: str, VersionId: str | None = None, **_: Any) -> dict[str, Any]:
        """Describe a version."""
        found = self._find(Key, VersionId, "404", "HeadObject")
        answer = {
            "ETag": found.etag, "VersionId": found.id, "Metadata": dict(found.metadata),
            "ContentLength": len(found.body), "LastModified": found.modified,
        }  # fmt: skip
        if found.storage_class != "STANDARD":
            answer["StorageClass"] = found.storage_class
        if found.readable_from and found.readable_until and found.readable_until > self.clock.now:
            ongoing = "true" if found.readable_from > self.clock.now else "false"
            expiry = (
                "" if ongoing == "true" else f', expiry-date="{format_datetime(found.readable_until, usegmt=True)}"'
            )
            answer["Restore"] = f'ongoing-request="{ongoing}"{expiry}'
        return answer

    def get_object(self, *, Key: str, VersionId: str | None = None, **other: Any) -> dict[str, Any]:
        """Read a version; an archived one only once it was restored."""
        found = self._find(Key, VersionId, "NoSuchVersion" if VersionId else "NoSuchKey", "GetObject")
        if self.is_archived(found):
            raise failure("InvalidObjectState", 403, "GetObject", StorageClass=found.storage_class)
        content = found.body
        status = 200
        if asked := other.get("Range"):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            content, status = content[int(first) : int(last) + 1], 206
        answer = self.head_object(Key=Key, VersionId=VersionId)
        answer |= {"ContentLength": len(content), "Body": Content(content)}
        return answer | {"ResponseMetadata": {"HTTPStatusCode": status}}

    def delete_object(self, *, Key: str, VersionId: str | None = None, **other: Any) -> dict[str, Any]:
        """Put a delete marker, or remove one version."""
        if VersionId:
            self._remove(Key, VersionId)
            return {}
        if wanted := other.get("IfMatch"):
            found = self.current(Key)
            if found is None:
                raise failure("NoSuchKey", 404, "DeleteObject")
            if wanted not in ("*", found.etag):
                raise failure("PreconditionFailed", 412, "DeleteObject")
        return {"DeleteMarker": True, "VersionId": self.mark_deleted(Key)}

    def delete_objects(self, *, Delete: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Delete several keys; those whose ETag is named must still have it."""
        errors = []
        for item in Delete["Objects"]:
            wanted, found = item.get("ETag"), self.current(item["Key"])
            if wanted and (found is None or found.etag.strip('"') != wanted.strip('"')):
                code = "PreconditionFailed" if found else "NoSuchKey"
                errors.append({"Key": item["Key"], "Code": code, "Message": code})
            elif item.get("VersionId"):
                self._remove(item["Key"], item["VersionId"])
            else:
                self.mark_deleted(item["Key"])
        return {"Errors": errors} if errors else {}

    def list_objects_v2(self, *, Prefix: str = "", StartAfter: str = "", **_: Any) -> dict[str, Any]:
        """All keys below a prefix on one page: a simulated bucket has fewer than 1,000."""
        contents = [self.keys[key][-1].listed(key) for key in self.below(Prefix, StartAfter)]
        if self._dated is not self.clock.now:
            self._dated = self.clock.now
            self._sent = {"HTTPHeaders": {"date": _date(self._dated.replace(microsecond=0))}}
        return {"Contents": contents, "IsTruncated": False, "ResponseMetadata": self._sent}

    def list_object_versions(self, *, Prefix: str = "", **_: Any) -> dict[str, Any]:
        """Every version and delete marker below a prefix, newest first within a key."""
        answer: dict[str, Any] = {"Versions": [], "DeleteMarkers": [], "IsTruncated": False}
        for key in sorted(key for key in self.keys if key.startswith(Prefix)):
            for place, found in enumerate(reversed(self.keys[key])):
                item = {"Key": key, "VersionId": found.id, "IsLatest": place == 0, "LastModified": found.modified}
                if found.marker:
                    answer["DeleteMarkers"].append(item)
                else:
                    item |= {"ETag": found.etag, "Size": len(found.body), "StorageClass": found.storage_class}
                    answer["Versions"].append(item)
        return answer

    def list_multipart_uploads(self, **_: Any) -> dict[str, Any]:
        """Uploads that were never completed."""
        found = self.uploads.items()
        return {"Uploads": [{"Key": up.key, "UploadId": name, "Initiated": up.started} for name, up in found]}

    def create_multipart_upload(self, *, Key: str, **other: Any) -> dict[str, Any]:
        """Begin an upload in parts."""
        name = f"upload-{self._next()}"
        self.uploads[name] = Upload(Key, other.get("Metadata") or {}, self.clock.now)
        return {"UploadId": name}

    def upload_part(self, *, UploadId: str, PartNumber: int, Body: bytes, **_: Any) -> dict[str, Any]:
        """Send a part."""
        self._upload(UploadId, "UploadPart").parts[PartNumber] = Body
        return {"ETag": f'"{hashlib.md5(Body).hexdigest()}"'}

    def upload_part_copy(
        self, *, UploadId: str, PartNumber: int, CopySource: dict[str, str], CopySourceRange: str, **other: Any
    ) -> dict[str, Any]:
        """Copy a range of another object as a part."""
        found = self._find(CopySource["Key"], CopySource.get("VersionId"), "NoSuchKey", "UploadPartCopy")
        if other.get("CopySourceIfMatch") not in (None, found.etag):
            raise failure("PreconditionFailed", 412, "UploadPartCopy")
        first, _, last = CopySourceRange.removeprefix("bytes=").partition("-")
        part = found.body[int(first) : int(last) + 1]
        self._upload(UploadId, "UploadPartCopy").parts[PartNumber] = part
        return {"CopyPartResult": {"ETag": f'"{hashlib.md5(part).hexdigest()}"'}}

    def complete_multipart_upload(self, *, Key: str, UploadId: str, **other: Any) -> dict[str, Any]:
        """Make the parts one object, on a condition; a repeated call finds no upload."""
        upload = self._upload(UploadId, "CompleteMultipartUpload")
        self._check(Key, other, "CompleteMultipartUpload")
        del self.uploads[UploadId]
        parts = [upload.parts[number] for number in sorted(upload.parts)]
        digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
        return self._store(Key, b"".join(parts), f'"{digest}-{len(parts)}"', upload.metadata)

    def abort_multipart_upload(self, *, UploadId: str, **_: Any) -> dict[str, Any]:
        """Forget an upload."""
        self._upload(UploadId, "AbortMultipartUpload")
        del self.uploads[UploadId]
        return {}

    def restore_object(self, *, Key: str, VersionId: str | None = None, **other: Any) -> dict[str, Any]:
        """Make an archived version readable for some days."""
        found = self._find(Key, VersionId, "NoSuchKey", "RestoreObject")
        found.readable_from = self.clock.now + RESTORE
        found.readable_until = found.readable_from + timedelta(days=other["RestoreRequest"]["Days"])
        return {}

    # Without a request: the bucket's own acts.

    def is_archived(self, found: Version) -> bool:
        """Whether a version has to be restored before it can be read."""
        asked = found.readable_from is not None and found.readable_until is not None
        restored = asked and found.readable_from <= self.clock.now < found.readable_until
        return found.storage_class in ("GLACIER", "DEEP_ARCHIVE") and not restored

    def mark_deleted(self, key: str) -> str:
        """Put a delete marker on a key."""
        marker = f"v{self._next()}"
        if self.current(key):  # markers upon markers change nothing that a reader sees
            self._append(key, Version(marker, b"", "", {}, self.clock.now, marker=True))
        return marker

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _append(self, key: str, version: Version) -> None:
        if key not in self.keys:
            insort(self._names, key)
        versions = self.keys.setdefault(key, [])
        if versions:
            versions[-1].noncurrent_since = self.clock.now
        versions.append(version)
        self._note(key)

    def _store(self, key: str, body: bytes, etag: str, metadata: dict[str, str]) -> dict[str, Any]:
        version = Version(f"v{self._next()}", body, etag, dict(metadata), self.clock.now)
        self._append(key, version)
        return {"ETag": etag, "VersionId": version.id}

    def _check(self, key: str, conditions: dict[str, Any], operation: str) -> None:
        found = self.current(key)
        if conditions.get("IfNoneMatch") and found:
            raise failure("PreconditionFailed", 412, operation)
        if wanted := conditions.get("IfMatch"):
            if found is None:
                raise failure("NoSuchKey", 404, operation)
            if found.etag != wanted:
                raise failure("PreconditionFailed", 412, operation)

    def _find(self, key: str, version_id: str | None, code: str, operation: str) -> Version:
        found = self.current(key)
        if version_id:
            found = next((item for item in self.keys.get(key, ()) if item.id == version_id and not item.marker), None)
        if found is None:
            raise failure(code, 404, operation)
        return found

    def _remove(self, key: str, version_id: str) -> None:
        if key not in self.keys:
            return
        left = [item for item in self.keys[key] if item.id != version_id]
        if left:
            left[-1].noncurrent_since = None
            self.keys[key] = left
        else:
            self._names.remove(key)
            del self.keys[key]
        self._note(key)

    def _note(self, key: str) -> None:
        """Count a change that readers could see."""
        self.changes += not key.startswith(_UNREAD)

    def _upload(self, name: str, operation: str) -> Upload:
        if name not in self.uploads:
            raise failure("NoSuchUpload", 404, operation)
        return self.uploads[name]


@lru_cache
def _date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)

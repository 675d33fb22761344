"""An S3 of one process for tests that make thousands of requests: conditional writes, uploads, versions, listings; nothing else."""

import copy
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from lakeworks.contract import Contract, load_contract
from lakeworks.contract.sections import Catalog
from lakeworks.core.names import TableName
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.s3.object_store import ObjectStore


class MemoryS3:
    """Answers like boto3's client does; the storage tests prove the same behaviour on real servers."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.objects: dict[str, dict[str, Any]] = {}
        self.versions: dict[tuple[str, str], dict[str, Any]] = {}
        self.uploads: dict[str, tuple[dict[str, str], dict[int, bytes]]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def saved(self) -> Any:
        """All that is stored, for `restore` in a bucket of another test."""
        number = next(self._numbers)
        self._numbers = itertools.count(number)
        return copy.deepcopy((self.objects, self.versions, self.uploads, number))

    def restore(self, saved: Any) -> None:
        """Store what another bucket had, and nothing else."""
        self.objects, self.versions, self.uploads, number = copy.deepcopy(saved)
        self._numbers = itertools.count(number)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **other: Any) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            current = self.objects.get(Key)
            if other.get("IfNoneMatch") and current:
                raise failure("PreconditionFailed", 412, "PutObject")
            if (wanted := other.get("IfMatch")) and (current is None or current["ETag"] != wanted):
                raise failure("PreconditionFailed", 412, "PutObject")
            return self._store(Key, Body, f'"{hashlib.md5(Body).hexdigest()}"', other.get("Metadata", {}))

    def _store(self, key: str, body: bytes, etag: str, metadata: dict[str, str]) -> dict[str, Any]:
        version = f"v{next(self._numbers)}"
        stored = {"body": body, "ETag": etag, "VersionId": version, "Metadata": metadata, "modified": self.clock()}
        self.objects[key] = self.versions[key, version] = stored
        return {"ETag": etag, "VersionId": version}

    def create_multipart_upload(self, *, Bucket: str, Key: str, **other: Any) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            name = f"upload-{next(self._numbers)}"
            self.uploads[name] = other.get("Metadata", {}), {}
        return {"UploadId": name}

    def upload_part(self, *, UploadId: str, PartNumber: int, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            self._parts(UploadId, "UploadPart")[1][PartNumber] = Body
        return {"ETag": f'"{hashlib.md5(Body).hexdigest()}"'}

    def complete_multipart_upload(self, *, Key: str, UploadId: str, **other: Any) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            metadata, parts = self._parts(UploadId, "CompleteMultipartUpload")
            if other.get("IfNoneMatch") and Key in self.objects:
                raise failure("PreconditionFailed", 412, "CompleteMultipartUpload")
            del self.uploads[UploadId]
            body = b"".join(parts[number] for number in sorted(parts))
            return self._store(Key, body, f'"{hashlib.md5(body).hexdigest()}-{len(parts)}"', metadata)

    def abort_multipart_upload(self, *, UploadId: str, **_: Any) -> None:  # noqa: N803
        with self._lock:
            self._parts(UploadId, "AbortMultipartUpload")
            del self.uploads[UploadId]

    def _parts(self, name: str, operation: str) -> tuple[dict[str, str], dict[int, bytes]]:
        if name not in self.uploads:
            raise failure("NoSuchUpload", 404, operation)
        return self.uploads[name]

    def head_object(self, *, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:  # noqa: N803
        found = self._find(Key, VersionId, "404", "HeadObject")
        return {
            **{name: found[name] for name in ("ETag", "VersionId", "Metadata")},
            "ContentLength": len(found["body"]),
        }

    def get_object(self, *, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:  # noqa: N803
        found = self._find(Key, VersionId, "NoSuchKey", "GetObject")
        body = StreamingBody(BytesIO(found["body"]), len(found["body"]))
        return {**self.head_object(Bucket=Bucket, Key=Key, VersionId=VersionId), "Body": body}

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        for item in Delete["Objects"]:
            self.objects.pop(item["Key"], None)
        return {}

    def delete_object(self, *, Bucket: str, Key: str, IfMatch: str) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            current = self.objects.get(Key)
            if current is None or current["ETag"] != IfMatch:
                raise failure("PreconditionFailed", 412, "DeleteObject")
            del self.objects[Key]
        return {}

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        """Answer with the date that the lake takes for S3's clock."""
        return {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(datetime.now(UTC), usegmt=True)}}}

    def get_paginator(self, _: str) -> "MemoryS3":
        return self

    def paginate(self, *, Bucket: str, Prefix: str = "", StartAfter: str = "") -> Iterator[dict[str, Any]]:  # noqa: N803
        with self._lock:
            keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > StartAfter)
        found = ((key, self.objects[key]) for key in keys)
        yield {
            "Contents": [
                {"Key": key, "Size": len(item["body"]), "ETag": item["ETag"], "LastModified": item["modified"]}
                for key, item in found
            ]
        }

    def _find(self, key: str, version: str | None, code: str, operation: str) -> dict[str, Any]:
        found = self.versions.get((key, version)) if version else self.objects.get(key)
        if found is None:
            raise failure(code, 404, operation)
        return found


@dataclass(frozen=True)
class NoPartitions:
    """The partitions of a table over raw answers, which nobody asks for here."""

    def get(self, _: Any) -> dict[Any, Any]:
        """There are none."""
        return {}

    def create(self, _: Any) -> dict[Any, str]:
        """Forget them; nothing is refused."""
        return {}

    update = create


@dataclass(frozen=True)
class NoCatalog:
    """Glue is not what these tests are about."""

    tenant: Any = None
    dev: Any = None

    @property
    def client(self) -> "NoCatalog":
        """Glue's client, for the table over raw answers."""
        return self

    def create_table(self, **_: Any) -> None:
        """Forget it."""

    def database(self, table: TableName) -> str:
        """The database that the table would have."""
        return table.database

    def ensure_database(self, _: str) -> None:
        """Forget it."""

    def calls(self, _: TableName) -> NoPartitions:
        """The calls about a table's partitions."""
        return NoPartitions()

    def upsert_table(self, *_: Any, **__: Any) -> None:
        """Forget it."""

    def upsert_partitions(self, *_: Any) -> None:
        """Forget it."""

    def drop_partitions(self, *_: Any) -> None:
        """Forget it."""

    def table(self, *_: Any) -> None:
        """There is no table."""

    def columns(self, *_: Any) -> list[dict[str, str]]:
        """Nothing is remembered."""
        return []


def memory_lake(scratch: Path) -> Lake:
    """A lake without servers."""
    client: Any = MemoryS3()
    catalog: Any = NoCatalog()
    engine = DuckDbEngine(scratch=scratch, pii_salt="a salt for tests only")
    return Lake(ObjectStore(client, "lake", threads=2), catalog, engine, scratch, contract=_without_iceberg)


def _without_iceberg(name: str) -> Contract:
    """An Iceberg table is named by Glue, which these tests do not have."""
    contract = load_contract(name)
    return contract.model_copy(update={"catalog": Catalog()}) if contract.catalog.iceberg else contract


def failure(code: str, status: int, operation: str) -> ClientError:
    details: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(details, operation)

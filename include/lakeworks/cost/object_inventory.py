"""Object versions of the bucket: from a listing, or from an S3 Inventory (cheaper above some million objects)."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from lakeworks.aws_errors import translated
from lakeworks.errors import ConfigError
from lakeworks.prices import ObjectVersion
from lakeworks.s3.object_store import ObjectStore

# The columns that a cost report needs, with their names in an inventory's CSV schema and in its Parquet files.
_NAMES = {
    "key": ("Key", "key"),
    "size": ("Size", "size"),
    "modified": ("LastModifiedDate", "last_modified_date"),
    "storage_class": ("StorageClass", "storage_class"),
}
_OPTIONAL = {
    "current": ("IsLatest", "is_latest"),
    "deleted": ("IsDeleteMarker", "is_delete_marker"),
    "tier": ("IntelligentTieringAccessTier", "intelligent_tiering_access_tier"),
}


def from_listing(store: ObjectStore, prefix: str = "") -> Iterator[ObjectVersion]:
    """Yield every version below a prefix of the bucket, tenants included: the bill counts more than live objects."""
    everywhere = dict.fromkeys((store.bucket, *store.layers.by_layer.values()))
    for bucket in [store.layers.of(prefix)] if prefix else everywhere:
        pages = store.client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        with translated("list the versions below", f"s3://{bucket}/{prefix}"):
            for page in pages:
                yield from (_version(item) for item in page.get("Versions", []))


def _version(item: Mapping[str, Any]) -> ObjectVersion:
    storage_class = item.get("StorageClass", "STANDARD")
    return ObjectVersion(item["Key"], item["Size"], storage_class, item["LastModified"], item["IsLatest"])


def from_inventory(store: ObjectStore, manifest_key: str) -> Iterator[ObjectVersion]:
    """Yield the versions of an S3 Inventory report (CSV or Parquet). `manifest_key` is the key of its `manifest.json`.

    Raises:
        ConfigError: it is no inventory, is in ORC, or lacks a column the report needs; names it.
    """
    body, _ = store.get(manifest_key)
    try:
        manifest = json.loads(body)
        kind, files = manifest["fileFormat"], [item["key"] for item in manifest["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"`{store.uri(manifest_key)}` is not the manifest of an S3 Inventory. Nothing was computed. The "
            f"problem: {error!r}."
        ) from error
    for key in files:
        content, _ = store.get(key)
        if kind == "CSV":
            yield from _csv(content, manifest["fileSchema"], store.uri(key))
        elif kind == "Parquet":
            yield from _parquet(content, store.uri(key))
        else:
            raise ConfigError(
                f"`{store.uri(manifest_key)}`: an inventory must be in CSV or Parquet. Nothing was computed. This one "
                f"is in {kind}."
            )


def _csv(content: bytes, schema: str, where: str) -> Iterator[ObjectVersion]:
    names = [name.strip() for name in schema.split(",")]
    _check(set(names), where)
    text = io.TextIOWrapper(gzip.GzipFile(fileobj=io.BytesIO(content)), encoding="utf-8", newline="")
    for values in csv.reader(text):
        row = dict(zip(names, values, strict=True))
        row["Key"] = unquote_plus(row["Key"])  # inventories in CSV percent-encode keys
        if version := _holding(row):
            yield version


def _parquet(content: bytes, where: str) -> Iterator[ObjectVersion]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(io.BytesIO(content)) as file:
        _check(set(file.schema_arrow.names), where)
        for batch in file.iter_batches():
            yield from (version for row in batch.to_pylist() if (version := _holding(row)))


def _holding(row: Mapping[str, Any]) -> ObjectVersion | None:
    def value(name: str, default: Any = None) -> Any:
        spelled = {**_NAMES, **_OPTIONAL}[name]
        return next((row[text] for text in spelled if row.get(text) not in (None, "")), default)

    if str(value("deleted", default="false")).lower() == "true":
        return None
    moment = value("modified")
    when = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    current = str(value("current", default="true")).lower() == "true"
    return ObjectVersion(
        value("key"), int(value("size", default=0)), value("storage_class"), when, current, value("tier", default="")
    )


def _check(names: set[str], where: str) -> None:
    if missing := [spelled[0] for spelled in _NAMES.values() if not names & set(spelled)]:
        raise ConfigError(
            f"The inventory `{where}` has no column {', '.join(missing)}. Nothing was computed. Add the optional fields Size, "
            "LastModifiedDate and StorageClass to the bucket's inventory configuration."
        )

"""The stock: what a listing and an S3 Inventory say of the same bucket."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.tenant import Tenant
from lakeworks.cost.object_inventory import from_inventory, from_listing
from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.prices import ObjectVersion
from lakeworks.s3.object_store import ObjectStore

AT = datetime(2026, 11, 1, 1, 30, tzinfo=UTC)
FIELDS = ["Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "StorageClass", "IntelligentTieringAccessTier"]  # fmt: skip
ROWS: list[list[Any]] = [
    ["b", "silver/a/b/x y=1.parquet", "v2", True, False, 5, AT, "STANDARD", None],
    ["b", "silver/a/b/x y=1.parquet", "v1", False, False, 7, AT, "GLACIER_IR", None],
    ["b", "silver/a/b/tiered", "v1", True, False, 9, AT, "INTELLIGENT_TIERING", "INFREQUENT"],
    ["b", "silver/a/b/gone", "v3", True, True, None, AT, None, None],
]
EXPECTED = [
    ObjectVersion("silver/a/b/x y=1.parquet", 5, "STANDARD", AT),
    ObjectVersion("silver/a/b/x y=1.parquet", 7, "GLACIER_IR", AT, current=False),
    ObjectVersion("silver/a/b/tiered", 9, "INTELLIGENT_TIERING", AT, tier="INFREQUENT"),
]


@pytest.mark.parametrize("server", ["moto", "ministack"])
def test_a_listing_knows_every_version_and_its_class(server: str, request: pytest.FixtureRequest) -> None:
    from tests.conftest import new_store

    store = new_store(request.getfixturevalue(f"{server}_url"))
    store.put("silver/a/b/x", b"123")
    store.put("silver/a/b/x", b"12345")
    store.client.put_object(Bucket=store.bucket, Key="silver/a/b/cold", Body=b"1", StorageClass="GLACIER_IR")
    store.delete(["silver/a/b/x"])
    store.put("gold/a/b/other", b"1")
    found = {(item.key, item.size, item.storage_class, item.current) for item in from_listing(store, "silver/")}
    assert found == {
        ("silver/a/b/x", 3, "STANDARD", False), ("silver/a/b/x", 5, "STANDARD", False), ("silver/a/b/cold", 1, "GLACIER_IR", True),
    }  # fmt: skip
    assert len(list(from_listing(store))) == 4


def csv_file(names: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for row in ROWS:
        spelled = dict(zip(FIELDS, row, strict=True))
        spelled["Key"] = quote_plus(spelled["Key"], safe="/=")
        spelled["LastModifiedDate"] = f"{AT:%Y-%m-%dT%H:%M:%S}.000Z"
        writer.writerow([{True: "true", False: "false", None: ""}.get(spelled[n], spelled[n]) for n in names])
    return gzip.compress(text.getvalue().encode())


def parquet_file() -> bytes:
    names = ["bucket", "key", "version_id", "is_latest", "is_delete_marker", "size", "last_modified_date", "storage_class", "intelligent_tiering_access_tier"]  # fmt: skip
    columns = list(zip(*ROWS, strict=True))
    sink = io.BytesIO()
    pq.write_table(pa.table({name: list(values) for name, values in zip(names, columns, strict=True)}), sink)
    return sink.getvalue()


def put_inventory(store: ObjectStore, kind: str, content: bytes, schema: str) -> str:
    store.put("inventory/data/1", content)
    manifest = {"fileFormat": kind, "fileSchema": schema, "files": [{"key": "inventory/data/1", "size": 1}]}
    store.put("inventory/manifest.json", json.dumps(manifest).encode())
    return "inventory/manifest.json"


def test_an_inventory_in_csv(store: ObjectStore) -> None:
    key = put_inventory(store, "CSV", csv_file(FIELDS), ", ".join(FIELDS))
    assert list(from_inventory(store, key)) == EXPECTED


def test_an_inventory_in_parquet(store: ObjectStore) -> None:
    assert list(from_inventory(store, put_inventory(store, "Parquet", parquet_file(), "message"))) == EXPECTED


def test_an_inventory_that_cannot_tell_is_refused(store: ObjectStore) -> None:
    short = [name for name in FIELDS if name not in ("Size", "StorageClass")]
    with pytest.raises(ConfigError, match="no column Size, StorageClass"):
        list(from_inventory(store, put_inventory(store, "CSV", csv_file(short), ", ".join(short))))
    with pytest.raises(ConfigError, match="This one is in ORC"):
        list(from_inventory(store, put_inventory(store, "ORC", b"", "")))
    store.put("inventory/manifest.json", b'["x"]')
    with pytest.raises(ConfigError, match="not the manifest"):
        list(from_inventory(store, "inventory/manifest.json"))
    with pytest.raises(LakeNotFound):
        list(from_inventory(store, "inventory/none.json"))


def test_a_bucket_a_layer_is_listed_whole(store: ObjectStore) -> None:
    """Tenants' levels come after the layer, so their keys go to the layer's bucket too."""
    gold = f"{store.bucket}-gold"
    store.client.create_bucket(Bucket=gold)
    layered = ObjectStore(store.client, store.bucket, layers={"gold": gold}, tenant=Tenant("acme"))
    layered.put("gold/a/b/x", b"1")
    layered.put("silver/a/b/x", b"12")
    assert layered.uri("gold/a/b/x") == f"s3://{gold}/gold/tenant=acme/a/b/x"
    assert [item.key for item in layered.scan("gold/a/")] == ["gold/a/b/x"]
    assert [(item.key, item.size) for item in from_listing(layered)] == [
        ("silver/tenant=acme/a/b/x", 2),
        ("gold/tenant=acme/a/b/x", 1),
    ]
    assert [item.size for item in from_listing(layered, "gold/tenant=acme/")] == [1]

"""One bucket a layer: the whole pipeline works, and every layer's keys lie in its own bucket."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.core.placement_stamp import new_stamp
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.garbage_collection import collect
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.s3.layer_buckets import LayerBuckets
from lakeworks.s3.multipart import copy_object
from lakeworks.s3.object_store import ObjectStore, StoredObject, Target
from lakeworks.sources import open_source
from tests.conftest import client

ZONES = "reference.transport.zones"


@pytest.fixture(params=["moto", "ministack", "seaweed"])
def layered(request: pytest.FixtureRequest) -> ObjectStore:
    url = request.getfixturevalue(f"{request.param}_url")
    names = [f"lake-{part}-{uuid.uuid4().hex[:8]}" for part in ("main", "bronze", "reference")]
    s3 = client("s3", url)
    for name in names:
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return ObjectStore(s3, names[0], 4, layers={"bronze": names[1], "reference": names[2]})


def keys(s3: Any, bucket: str) -> list[str]:
    """What a client without the routing sees."""
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_every_request_goes_to_the_keys_bucket(layered: ObjectStore) -> None:
    main, bronze = layered.bucket, layered.layers.by_layer["bronze"]
    plain = client("s3", layered.client.meta.endpoint_url)
    first = layered.put(Target("bronze/a/b/x", if_absent=True), b"one")
    layered.put("silver/a/b/x", b"two")
    assert (keys(plain, bronze), keys(plain, main)) == (["bronze/a/b/x"], ["silver/a/b/x"])
    assert layered.uri("bronze/a/b/x") == f"s3://{bronze}/bronze/a/b/x"
    assert layered.get("bronze/a/b/x", first.version_id)[0] == b"one"
    assert layered.get_range("bronze/a/b/x", 1, 1) == b"n"
    assert [item.key for item in layered.scan("bronze/")] == ["bronze/a/b/x"]
    found = layered.head("silver/a/b/x")
    assert isinstance(found, StoredObject)
    copy_object(layered, found, Target("bronze/a/b/y"), new_stamp())
    assert keys(plain, bronze) == ["bronze/a/b/x", "bronze/a/b/y"]
    layered.delete(["bronze/a/b/x", "bronze/a/b/y"])
    assert (keys(plain, bronze), keys(plain, main)) == ([], ["silver/a/b/x"])


def test_large_copies_inside_s3_cross_buckets(layered: ObjectStore) -> None:
    bronze = layered.layers.by_layer["bronze"]
    layered.put("_staging/x", b"0" * (5 << 20))
    upload = layered.client.create_multipart_upload(Bucket=layered.bucket, Key="bronze/x")["UploadId"]
    place: Any = {"Bucket": layered.bucket, "Key": "bronze/x", "UploadId": upload}
    origin: Any = {"Bucket": layered.bucket, "Key": "_staging/x"}
    part = layered.client.upload_part_copy(**place, PartNumber=1, CopySource=origin)["CopyPartResult"]["ETag"]
    layered.client.complete_multipart_upload(**place, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    assert keys(client("s3", layered.client.meta.endpoint_url), bronze) == ["bronze/x"]


def test_a_delete_over_two_buckets_is_refused_whole() -> None:
    layers = LayerBuckets("main", {"bronze": "b"})
    request = {"Bucket": "main", "Delete": {"Objects": [{"Key": "bronze/x"}, {"Key": "silver/x"}]}}
    with pytest.raises(ConfigError, match=r"several buckets \(b, main\)\. Nothing was deleted"):
        layers._routed(request)
    assert layers._routed({"Bucket": "another", "Key": "bronze/x"}) == {"Bucket": "another", "Key": "bronze/x"}


def test_the_pipeline_publishes_into_the_layers_bucket(
    layered: ObjectStore, moto_url: str, replay_url: str, run_at: Callable[..., Run], tmp_path: Path
) -> None:
    glue = client("glue", moto_url)
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    lake = Lake(layered, GlueCatalog(glue), DuckDbEngine(scratch=tmp_path), tmp_path)
    contract, period, run = load_contract(ZONES), Period.parse("2019-01"), run_at(1)
    land(lake, contract, period, run, open_source("nyc_tlc", replay_url))
    publish(lake, audit(lake, write(lake, ZONES, period, run).key).key)
    own = layered.layers.by_layer["reference"]
    plain = client("s3", layered.client.meta.endpoint_url)
    assert keys(plain, own) == ["reference/transport/zones/part-00000.parquet"]
    assert not any(key.startswith("reference/") for key in keys(plain, layered.bucket))
    table = glue.get_table(DatabaseName="reference_transport", Name="zones")["Table"]
    assert table["StorageDescriptor"]["Location"].startswith(f"s3://{own}/reference/transport/zones")
    assert verify(lake, contract, deep=True) == []
    layered.client.create_multipart_upload(Bucket=layered.bucket, Key="bronze/a/b/x")
    found = collect(lake, older_than=timedelta(seconds=-60), dry_run=False)
    assert [item.where for item in found if item.kind == "multipart upload"] == ["bronze/a/b/x"]
    assert not [item for item in collect(lake, older_than=timedelta(seconds=-60)) if item.kind == "multipart upload"]

"""Object tags from contracts: written with the object, whichever way it goes, and priced; older objects get them later."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lakeworks.contract import Contract, load_contract
from lakeworks.contract.object_tags import classification_of
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.lake import Lake, object_tags
from lakeworks.maintenance.tagging import tag_versions
from lakeworks.s3 import multipart
from lakeworks.s3.fast_client import FastS3Client
from lakeworks.s3.object_store import ObjectStore, Target
from tests.conftest import new_store

pytestmark = pytest.mark.integration
KEY = "silver/commerce/orders/year=2019/month=01/day=05/part-00000.parquet"
TAGS = {"owner": "commerce-data", "classification": "restricted", "domain": "commerce & more"}
NAMES = ("owner", "classification", "domain", "source", "retention")


def kept(store: ObjectStore, key: str, version: str | None = None) -> dict[str, str]:
    which = {"VersionId": version} if version else {}
    answer: Any = store.client.get_object_tagging(Bucket=store.layers.of(key), Key=store.at(key), **which)
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def tagging_store(store: ObjectStore, *, fast: bool = False) -> ObjectStore:
    tags = {**TAGS, "domain": "commerce + 1/2"}
    shortcut = FastS3Client.of(store.client) if fast else None
    return ObjectStore(store.client, store.bucket, store.threads, fast_client=shortcut, tags=lambda key: tags)


@pytest.mark.parametrize("fast", [False, True])
def test_an_object_is_written_with_its_tags(any_store: ObjectStore, *, fast: bool) -> None:
    store = tagging_store(any_store, fast=fast)
    store.put(Target(KEY, {"lakeworks-rows": "1"}), b"rows")
    if fast:
        assert store.fast_client is not None
        assert store.fast_client.carried == 1, "the compiled client carried them"
    assert kept(store, KEY) == store.tags(KEY)
    conditional = store.put(Target(f"{KEY}2", if_absent=True), b"rows")
    assert kept(store, conditional.key) == store.tags(KEY)


def test_an_upload_in_parts_has_them_too(seaweed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real server: ministack forgets the tags of CreateMultipartUpload."""
    monkeypatch.setattr(multipart, "SINGLE_REQUEST_BYTES", 1 << 20)
    store, path = tagging_store(new_store(seaweed_url)), tmp_path / "big"
    path.write_bytes(b"x" * (6 << 20))
    written = multipart.upload_file(store, path, Target(KEY))
    assert kept(store, KEY) == store.tags(KEY)
    copied = multipart.copy_object(store, written, Target(f"{KEY}-copy"), "stamp")
    assert kept(store, copied.key) == store.tags(KEY)


def test_without_the_setting_nothing_has_tags(any_store: ObjectStore) -> None:
    any_store.put(KEY, b"rows")
    assert kept(any_store, KEY) == {}
    assert object_tags(LakeConfig())(KEY) == {}


def test_tags_are_the_contracts() -> None:
    orders = load_contract("bronze.commerce.orders")
    tags = object_tags(LakeConfig(object_tags=NAMES))
    found = tags("bronze/commerce/orders/year=2019/month=01/part-00000.parquet")
    assert found["owner"] == orders.team
    assert found["classification"] == classification_of([orders])
    assert (found["domain"], found["source"]) == ("commerce", orders.source)
    assert tags("bronze/tenant=acme/commerce/orders/year=2019/x.parquet") == found
    assert tags("gold/commerce/daily_sales/x.parquet")["retention"] == "1095 days"
    landed = tags("landing/commerce/shopify/orders/year=2019/month=01/fetch=1/1.json.gz")
    assert (landed["owner"], landed["source"]) == (orders.team, "shopify.orders")
    for key in (
        "_ledger/silver/commerce/orders/1.json",
        "_staging/silver/commerce/orders/x",
        "metadata/x",
        "silver/a/b/c",
    ):
        assert tags(key) == {}, key
    assert set(object_tags(LakeConfig(object_tags=("owner",)))("gold/commerce/daily_sales/x")) == {"owner"}


def test_a_value_that_no_tag_can_have_is_refused_as_the_contract_loads() -> None:
    contract = load_contract("bronze.commerce.orders").model_dump(exclude_unset=True)
    for team, words in (("a" * 257, "has 257 characters"), ("sales & co", "which a tag cannot have")):
        with pytest.raises(ValidationError, match=words):
            Contract.model_validate({**contract, "team": team})


def test_tagging_asks_for_the_setting(lake: Lake) -> None:
    with pytest.raises(ConfigError, match="asks for no tags"):
        list(tag_versions(lake, load_contract("bronze.commerce.orders")))

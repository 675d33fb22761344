"""Shares against a server that checks signatures' conditions: exactly one version for a while, exactly one place to drop a file."""

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from requests_toolbelt import MultipartEncoder

from lakeworks.contract import load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError, ContractError, LakeError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.shares.downloads import Terms, share_key, share_partition
from lakeworks.shares.record import records
from lakeworks.shares.signing import Signer, duration_of
from lakeworks.shares.uploads import Upload, share_upload
from tests.conftest import KEYS, new_store
from tests.lakeworks.publications.test_publications import published

EVENTS, CUSTOMERS = "bronze.commerce.events", "bronze.commerce.customers"
DAY = Period.parse("2019-01-05")
PARTITION = Partition.of_period(DAY)
HOUR = Terms(timedelta(hours=1), to="partner")
RunAt = Callable[..., Run]


def event(number: int) -> dict[str, Any]:
    lineage = {"_ingested_at": datetime(2019, 1, 5), "_source_url": "inbox", "_run_id": "r"}
    return {
        "event_id": f"e{number}",
        **{key: value for key, value in lineage.items() if key in load_contract(EVENTS).columns},
    }


@pytest.fixture
def shop(lake: Lake, ministack_url: str, run_at: RunAt) -> Lake:
    shop = replace(lake, store=new_store(ministack_url))
    published(shop, load_contract(EVENTS), [event(1)], run_at(1), DAY)
    return shop


@pytest.fixture
def signer(ministack_url: str) -> Signer:
    # The one secret that the server knows: it checks every signature of an address.
    session = boto3.Session("test", "test", region_name="us-east-1")
    return Signer(session.client("s3", endpoint_url=ministack_url, config=Config(signature_version="s3v4")), "test")


def fetched(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return bytes(answer.read())


def status_of(address: str) -> int:
    try:
        fetched(address)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def post(address: str, fields: dict[str, str], body: bytes, name: str = "till.jsonl", **changed: str) -> int:
    form = MultipartEncoder({**fields, **changed, "file": (name, body)})
    request = urllib.request.Request(address, form.to_string(), {"Content-Type": form.content_type})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def now() -> datetime:
    return datetime.now(UTC)


def test_an_address_gives_the_published_version_also_after_the_next_publication(
    shop: Lake, signer: Signer, run_at: RunAt, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    found = share_partition(shop, load_contract(EVENTS), PARTITION, signer, HOUR, now())
    (item,), (address,) = found.record.objects, found.addresses
    body, _ = shop.store.get(item.key, item.version_id)
    published(shop, load_contract(EVENTS), [event(1), event(2)], run_at(2), DAY)
    assert fetched(address) == body != shop.store.get(item.key)[0]
    assert status_of(address.replace(str(item.version_id), "other")) == 403
    (record,) = records(shop.store)
    assert (record.table, record.publication, record.to, record.signed_by) == (EVENTS, 1, "partner", "test")
    (stored,) = shop.store.scan("_shares/")
    kept = shop.store.get(stored.key)[0].decode() + caplog.text
    assert "Signature" not in kept
    assert address not in kept


def test_an_address_ends(shop: Lake, signer: Signer) -> None:
    terms = Terms(timedelta(seconds=1))
    (address,) = share_partition(shop, load_contract(EVENTS), PARTITION, signer, terms, now()).addresses
    assert "X-Amz-Expires=1&" in address
    time.sleep(2.1)
    assert status_of(address) == 403


def test_a_form_takes_one_file_of_its_key_size_and_type_and_no_other(shop: Lake, signer: Signer) -> None:
    upload = Upload("commerce_events", DAY, "till.jsonl", most_bytes=20, content_type="application/x-ndjson")
    form = share_upload(shop, [load_contract(EVENTS)], upload, signer, HOUR, now())
    refused = [
        post(form.address, form.fields, b"x" * 21),
        post(form.address, form.fields, b""),
        post(form.address, form.fields, b"{}", key="inbox/commerce_events/2019-01-05/other.jsonl"),
        post(form.address, form.fields, b"{}", key="_ledger/x.json"),
        post(form.address, form.fields, b"{}", **{"Content-Type": "text/html"}),
    ]
    assert set(refused) <= {400, 403}, refused
    assert [item.key for item in shop.store.scan("inbox/")] == []
    assert post(form.address, form.fields, b'{"event_id": "e9"}') in (200, 204)
    assert [item.key for item in shop.store.scan("inbox/")] == ["inbox/commerce_events/2019-01-05/till.jsonl"]
    assert next(records(shop.store)).kind == "upload"


def test_a_form_without_a_name_takes_any_name_in_its_folder_only(shop: Lake, signer: Signer) -> None:
    form = share_upload(shop, [load_contract(EVENTS)], Upload("commerce_events", DAY), signer, HOUR, now())
    assert post(form.address, form.fields, b"{}", key="inbox/commerce_events/2019-01-06/a.jsonl") in (400, 403)
    assert post(form.address, form.fields, b"{}", name="b.jsonl") in (200, 204)
    assert [item.key for item in shop.store.scan("inbox/")] == ["inbox/commerce_events/2019-01-05/b.jsonl"]


@pytest.mark.parametrize(
    ("upload", "says"),
    [
        (Upload("commerce_event", DAY), "Did you mean `commerce_events`"),
        (Upload("commerce_events", DAY, "../x.csv"), "is not a file name"),
        (Upload("commerce_events", DAY, "${filename}"), "is not a file name"),
        (Upload("commerce_events", DAY, most_bytes=6 << 30), "bytes, not"),
    ],
)
def test_a_form_for_another_place_is_not_made(shop: Lake, signer: Signer, upload: Upload, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        share_upload(shop, [load_contract(EVENTS)], upload, signer, HOUR, now())
    assert list(records(shop.store)) == []


def test_what_is_not_published_for_others_is_not_shared(shop: Lake, signer: Signer) -> None:
    own = [f"{area}/x" for area in ("_ledger", "_shares", "_quarantine", "landing", "metadata", "inbox", "_staging")]
    wrong: list[tuple[str, type[LakeError]]] = [
        *((key, ConfigError) for key in own),
        ("silver/tenant=acme/market/prices/part-00000.parquet", ConfigError),
        ("bronze/commerce/events/year=2019/month=01/day=06/part-00000.parquet", LakeNotFound),
        ("bronze/commerce/events/year=2019/month=01/day=05/other.parquet", LakeNotFound),
        ("exports/none.csv", LakeNotFound),
    ]
    for key in [*own, "bronze/commerce/events/year=2019/month=01/day=05/other.parquet"]:
        shop.store.put(key, b"secret")
    before = len(list(shop.store.scan("_shares/")))
    for key, kind in wrong:
        with pytest.raises(kind, match="Nothing was shared"):
            share_key(shop, key, signer, HOUR, now())
    assert len(list(shop.store.scan("_shares/"))) == before


def test_an_export_and_a_live_object_are_shared_by_their_keys(shop: Lake, signer: Signer) -> None:
    shop.store.put("exports/a.csv", b"first")
    found = share_key(shop, "exports/a.csv", signer, HOUR, now())
    shop.store.put("exports/a.csv", b"second")
    assert fetched(found.addresses[0]) == b"first"
    key = "bronze/commerce/events/year=2019/month=01/day=05/part-00000.parquet"
    assert share_key(shop, key, signer, HOUR, now()).record.publication == 1


def test_personal_data_is_shared_only_on_purpose(shop: Lake, signer: Signer, run_at: RunAt) -> None:
    contract = load_contract(CUSTOMERS)
    row = {"id": 1, "email": "a@b", "_ingested_at": datetime(2019, 1, 5), "_source_url": "x", "_run_id": "r"}
    published(shop, contract, [row], run_at(1), DAY)
    with pytest.raises(ContractError, match=r"personal or confidential columns \(email, phone"):
        share_partition(shop, contract, PARTITION, signer, HOUR, now())
    assert share_partition(shop, contract, PARTITION, signer, replace(HOUR, allow=True), now()).record.allowed


def test_a_tenant_shares_its_own_only(shop: Lake, signer: Signer, run_at: RunAt) -> None:
    acme = shop.for_tenant(Tenant("acme"))
    with pytest.raises(LakeNotFound):
        share_partition(acme, load_contract(EVENTS), PARTITION, signer, HOUR, now())
    published(acme, load_contract(EVENTS), [event(7)], run_at(1), DAY)
    (address,) = share_partition(acme, load_contract(EVENTS), PARTITION, signer, HOUR, now()).addresses
    assert "/bronze/tenant%3Dacme/commerce/events/" in address
    assert next(item.key for item in shop.store.scan("_shares/")).startswith("_shares/tenant=acme/")
    form = share_upload(acme, [load_contract(EVENTS)], Upload("commerce_events", DAY), signer, HOUR, now())
    assert form.fields["key"].startswith("inbox/tenant=acme/")


def test_an_address_lives_no_longer_than_its_credentials(shop: Lake) -> None:
    end = now() + timedelta(minutes=20)

    class Session:
        """boto3's session with the credentials of a role."""

        client = boto3.Session(region_name="us-east-1", **KEYS).client

        def get_credentials(self) -> Any:
            return RefreshableCredentials("a", "b", "token", end, refresh_using=dict, method="assume-role")

    role = Signer.of(Session(), Config(), "us-east-1")
    assert (role.temporary, role.end) == (True, end)
    record = share_partition(shop, load_contract(EVENTS), PARTITION, role, HOUR, now()).record
    assert record.until == end
    with pytest.raises(ConfigError, match="have expired"):
        role.until(end, timedelta(hours=1))


@pytest.mark.parametrize("text", ["8d", "0h", "", "1", "1w", "-1h", "169h"])
def test_a_time_to_share_for_is_at_most_seven_days(text: str) -> None:
    assert duration_of("7d") == timedelta(days=7)
    with pytest.raises(ConfigError, match="at most 7d"):
        duration_of(text)


def test_the_record_is_one_object_that_a_program_reads(shop: Lake, signer: Signer) -> None:
    share_partition(shop, load_contract(EVENTS), PARTITION, signer, HOUR, now())
    (item,) = shop.store.scan("_shares/")
    document = json.loads(shop.store.get(item.key)[0])
    assert {"id", "kind", "objects", "signed_by", "until", "created_at", "format"} <= set(document)
    assert item.key.startswith(f"_shares/{now():%Y/%m}/")

"""Two tenants on an endpoint that checks signatures and policies: what one may never do to the other, and what it may do itself."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakeworks.contract import load_contract
from lakeworks.core.layout import TENANT_AREAS, registry_key, tenant_key
from lakeworks.core.partition import Period
from lakeworks.core.tenant import Tenant
from lakeworks.errors import LakeAccessDenied
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.verification import verify
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import open_source
from lakeworks.tenants.iam_policy import tenant_policy, trust_policy
from lakeworks.tenants.iam_simulation import Request, decide
from tests.lakeworks.tenants.conftest import ACCOUNT, ACME, GLOBEX, Shared

BUCKET, ZONES = "shared-lake", "reference.transport.zones"
SECRET = b"globex only"


def code_of(call: Callable[[], Any]) -> int:
    """The HTTP status a call ends with."""
    try:
        return int(call()["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def key(tenant: Tenant, area: str = "silver") -> str:
    return tenant_key(tenant, f"{area}/market/prices/x")


@pytest.fixture(autouse=True, scope="module")
def secret(shared: Shared) -> None:
    """Every area of Globex holds an object; so does the owner's own part of the lake."""
    store = shared.owner.store
    for area in TENANT_AREAS:
        store.put(key(GLOBEX, area), SECRET)
    store.put("silver/market/prices/x", b"the owner's")


CALLS: dict[str, Callable[[Any, str], Any]] = {
    "read": lambda s3, where: s3.get_object(Bucket=BUCKET, Key=where),
    "read a version": lambda s3, where: s3.get_object(Bucket=BUCKET, Key=where, VersionId="null"),
    "look at": lambda s3, where: s3.head_object(Bucket=BUCKET, Key=where),
    "write": lambda s3, where: s3.put_object(Bucket=BUCKET, Key=where, Body=b"x"),
    "delete": lambda s3, where: s3.delete_object(Bucket=BUCKET, Key=where),
    "start an upload": lambda s3, where: s3.create_multipart_upload(Bucket=BUCKET, Key=where),
    "copy from": lambda s3, where: s3.copy_object(
        Bucket=BUCKET, Key=key(ACME) + "-stolen", CopySource={"Bucket": BUCKET, "Key": where}
    ),
    "copy to": lambda s3, where: s3.copy_object(
        Bucket=BUCKET, Key=where, CopySource={"Bucket": BUCKET, "Key": key(ACME) + "-mine"}
    ),
    "change the access of": lambda s3, where: s3.put_object_acl(Bucket=BUCKET, Key=where, ACL="public-read"),
    "list": lambda s3, where: s3.list_objects_v2(Bucket=BUCKET, Prefix=where.rpartition("/")[0] + "/"),
    "list with the old call": lambda s3, where: s3.list_objects(Bucket=BUCKET, Prefix=where.rpartition("/")[0] + "/"),
    "list versions of": lambda s3, where: s3.list_object_versions(Bucket=BUCKET, Prefix=where.rpartition("/")[0] + "/"),
}


@pytest.mark.parametrize("area", ["silver", "landing", "_ledger", "_staging", "_quarantine"])
@pytest.mark.parametrize("what", CALLS)
def test_no_tenant_reaches_anothers_objects(shared: Shared, as_tenant: Any, what: str, area: str) -> None:
    acme = as_tenant(ACME)
    acme.put_object(Bucket=BUCKET, Key=key(ACME) + "-mine", Body=b"mine")
    assert code_of(lambda: CALLS[what](acme, key(GLOBEX, area))) == 403
    assert shared.owner.store.get(key(GLOBEX, area))[0] == SECRET


@pytest.mark.parametrize("what", [name for name in CALLS if name not in ("read a version", "change the access of")])
def test_the_same_calls_work_on_ones_own(as_tenant: Any, what: str) -> None:
    """So a refusal above is the policy's, not a mistake of the call."""
    acme = as_tenant(ACME)
    for name in ("x", "x-mine"):
        acme.put_object(Bucket=BUCKET, Key=key(ACME).removesuffix("x") + name, Body=b"mine")
    assert code_of(lambda: CALLS[what](acme, key(ACME))) in (200, 204)


@pytest.mark.parametrize(
    "prefix", ["", "silver", "silver/", "silver/tenant=", "silver/tenant=acme", "silver/tenant=acme-", "silver/market/"]
)
def test_no_listing_reaches_beyond_ones_own_prefix(as_tenant: Any, prefix: str) -> None:
    assert code_of(lambda: as_tenant(ACME).list_objects_v2(Bucket=BUCKET, Prefix=prefix)) == 403
    assert code_of(lambda: as_tenant(ACME).list_objects_v2(Bucket=BUCKET, Prefix=prefix, Delimiter="/")) == 403


def test_the_register_and_the_owners_tables_are_closed(as_tenant: Any) -> None:
    for where in (registry_key(ACME), registry_key(GLOBEX), "silver/market/prices/x"):
        assert code_of(lambda where=where: CALLS["read"](as_tenant(ACME), where)) == 403
        assert code_of(lambda where=where: CALLS["write"](as_tenant(ACME), where)) == 403
    assert code_of(lambda: as_tenant(ACME).get_bucket_policy(Bucket=BUCKET)) == 403
    assert code_of(lambda: as_tenant(ACME).delete_bucket(Bucket=BUCKET)) == 403


@pytest.mark.parametrize("call", ["get_object", "put_object"])
def test_a_presigned_address_opens_nothing_its_signer_may_not(shared: Shared, as_tenant: Any, call: str) -> None:
    acme = as_tenant(ACME)
    acme.put_object(Bucket=BUCKET, Key=key(ACME), Body=b"mine")

    def open_(where: str) -> int:
        url = acme.generate_presigned_url(call, Params={"Bucket": BUCKET, "Key": where}, ExpiresIn=60)
        method, body = ("GET", None) if call == "get_object" else ("PUT", b"x")
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body, method=method), timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert (open_(key(ACME)), open_(key(GLOBEX))) == (200, 403)
    assert shared.owner.store.get(key(GLOBEX))[0] == SECRET


def test_deleting_many_spares_what_is_anothers(shared: Shared, as_tenant: Any) -> None:
    acme = as_tenant(ACME)
    acme.put_object(Bucket=BUCKET, Key=key(ACME), Body=b"mine")
    keys = [{"Key": key(ACME)}, {"Key": key(GLOBEX)}]
    with pytest.raises(
        ClientError, match="AccessDenied"
    ):  # ministack refuses the request; S3 reports the key among `Errors`
        acme.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})
    assert shared.owner.store.get(key(GLOBEX))[0] == SECRET


def test_catalog_of_others_is_closed(shared: Shared) -> None:
    glue = shared.cloud.client("glue", shared.keys[ACME])
    own, other = (tenant.database("silver_transport") for tenant in (ACME, GLOBEX))
    assert code_of(lambda: glue.get_table(DatabaseName=own, Name="trips")) != 403
    for call in (
        lambda: glue.get_tables(DatabaseName=other),
        lambda: glue.get_table(DatabaseName=other, Name="trips"),
        lambda: glue.create_table(DatabaseName=other, TableInput={"Name": "x"}),
        lambda: glue.get_partitions(DatabaseName=other, TableName="trips"),
        lambda: glue.get_tables(DatabaseName="silver_transport"),
        lambda: glue.delete_database(Name=other),
        lambda: glue.delete_database(Name=own),
    ):
        assert code_of(call) == 403


def test_a_wrong_or_missing_signature_opens_nothing(shared: Shared) -> None:
    identity, _ = shared.keys[ACME]
    forged = shared.cloud.client("s3", (identity, "wrong-secret"))
    assert code_of(lambda: CALLS["read"](forged, key(ACME))) == 403
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{shared.cloud.url}/{BUCKET}/{key(GLOBEX)}", timeout=5)


def test_a_tenant_runs_its_own_tables_with_its_own_credentials(
    shared: Shared, replay_url: str, run_at: Callable[..., Run]
) -> None:
    """Land, write, audit, publish, register, verify and read: nothing but the tenant's policy, nothing outside its prefixes."""
    before = {item.key for item in shared.owner.store.scan("")}
    lake, period, run, contract = shared.of(ACME), Period.parse("2019-01"), run_at(1), load_contract(ZONES)
    land(lake, contract, period, run, open_source("nyc_tlc", replay_url))
    record = publish(lake, audit(lake, write(lake, ZONES, period, run).key).key)
    assert (record.balance.staged, record.outcome) == (265, {"published": 1})
    assert verify(lake, contract, deep=True) == []
    again = publish(lake, audit(lake, write(lake, ZONES, period, run_at(2)).key).key)
    assert again.outcome == {"unchanged": 1}
    written = {item.key for item in shared.owner.store.scan("")} - before
    assert tenant_key(ACME, "reference/transport/zones/part-00000.parquet") in written
    assert {item.split("/")[1] for item in written} == {"tenant=acme"}
    table = shared.owner.catalog.client.get_table(DatabaseName="acme__reference_transport", Name="zones")["Table"]
    assert table["StorageDescriptor"]["Location"] == f"s3://{BUCKET}/reference/tenant=acme/transport/zones/"


def test_the_library_says_who_was_refused_and_where(shared: Shared) -> None:
    """A tenant's credentials on another tenant's share: one clear error, whatever the step."""
    intruder = shared.of(ACME).for_tenant(GLOBEX)
    with pytest.raises(LakeAccessDenied, match=r"list.*silver/tenant=acme-emea/.*Check the credentials"):
        list(intruder.store.scan("silver/market/"))
    with pytest.raises(LakeAccessDenied, match="_ledger/tenant=acme-emea/"):
        intruder.ledger.live_partitions(load_contract(ZONES).table)


def test_our_decision_logic_agrees_with_the_endpoint(as_tenant: Any) -> None:
    """The property tests stand on `decide`: here it answers the same questions as an endpoint that enforces the policy."""
    address = LakeAddress(BUCKET, "us-east-1", ACCOUNT)
    document, acme = tenant_policy(ACME, address), as_tenant(ACME)
    for where in (key(ACME), key(GLOBEX), "silver/market/prices/x", "silver/tenant=acm/x", "silver/tenant=acme", "x"):
        for action, call in (("s3:GetObject", "read"), ("s3:PutObject", "write")):
            ours = decide(document, Request(action, address.object_arn(where))) == "allowed"
            if call == "read" and ours:
                acme.put_object(Bucket=BUCKET, Key=where, Body=b"mine")
            assert (code_of(lambda c=call, w=where: CALLS[c](acme, w)) == 200) == ours, (action, where)
        listing = (
            decide(document, Request("s3:ListBucket", address.bucket_arn(where), {"s3:prefix": where})) == "allowed"
        )
        assert (code_of(lambda w=where: acme.list_objects_v2(Bucket=BUCKET, Prefix=w)) == 200) == listing, where


def test_the_policy_bounds_even_an_administrator(shared: Shared) -> None:
    """As a permissions boundary it holds for anyone who else grants more."""
    iam, document = shared.cloud.client("iam"), tenant_policy(ACME, LakeAddress(BUCKET, "us-east-1", ACCOUNT))
    arn = iam.create_policy(PolicyName="acme-boundary", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    keys = shared.cloud.user("acme-admin", everything, PermissionsBoundary=arn)
    s3 = shared.cloud.client("s3", keys)
    assert code_of(lambda: CALLS["write"](s3, key(ACME))) == 200
    assert code_of(lambda: CALLS["read"](s3, key(ACME))) == 200
    assert code_of(lambda: CALLS["read"](s3, key(GLOBEX))) == 403
    assert code_of(lambda: CALLS["list"](s3, key(GLOBEX))) == 403


def test_the_role_is_taken_by_airflow_only_and_only_for_its_tenant(shared: Shared) -> None:
    """The way of docs/tenants.md: Airflow's own identity may take the role if it names the tenant, and has its rights then."""
    iam, address = shared.cloud.client("iam"), LakeAddress(BUCKET, "us-east-1", ACCOUNT)
    role = f"arn:aws:iam::{ACCOUNT}:role/lake-acme"
    may_assume = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}],
    }
    airflow, other = (shared.cloud.user(name, may_assume) for name in ("airflow", "someone"))
    trust = trust_policy(ACME, f"arn:aws:iam::{ACCOUNT}:user/airflow")
    iam.create_role(RoleName="lake-acme", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(
        RoleName="lake-acme", PolicyName="lake", PolicyDocument=json.dumps(tenant_policy(ACME, address))
    )

    def assume(keys: tuple[str, str], **extra: str) -> Any:
        sts = shared.cloud.client("sts", keys)
        return sts.assume_role(RoleArn=role, RoleSessionName="run", **extra)

    assert code_of(lambda: assume(other, ExternalId="acme")) == 403
    assert code_of(lambda: assume(airflow)) == 403
    assert code_of(lambda: assume(airflow, ExternalId="acme-emea")) == 403
    found = assume(airflow, ExternalId="acme")["Credentials"]
    s3 = shared.cloud.client("s3", (found["AccessKeyId"], found["SecretAccessKey"]), found["SessionToken"])
    assert code_of(lambda: CALLS["write"](s3, key(ACME))) == 200
    assert code_of(lambda: CALLS["read"](s3, key(GLOBEX))) == 403
    before = shared.cloud.client("s3", airflow)
    assert code_of(lambda: CALLS["read"](before, key(ACME))) == 403, "its own rights open nothing"

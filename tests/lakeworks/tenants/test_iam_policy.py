"""A tenant's policy, for every pair of tenants: its own is allowed, the other's and the lake's are not."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lakeworks.core.layout import REGISTRY, TENANT_AREAS, own_key, policy_key, registry_key, tenant_key
from lakeworks.core.tenant import Tenant
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.readers.work_groups import tenant_groups
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.tenants.iam_policy import CATALOG_ACTIONS, GROUP_ACTIONS, LIST_ACTIONS, OBJECT_ACTIONS, tenant_policy
from lakeworks.tenants.iam_simulation import Request, decide

ONE = LakeAddress("lake", "eu-west-1", "123456789012")
PER_LAYER = replace(ONE, layers={"landing": "lake-landing", "bronze": "lake-bronze", "_ledger": "lake-ledger"})
WORD = st.text("ab1", min_size=1, max_size=3).filter(lambda word: not word[0].isdigit())
# Ids that are prefixes, suffixes and near misses of each other are the interesting ones.
IDS = st.lists(WORD, min_size=1, max_size=3).map("-".join).filter(lambda text: len(text) > 1)
TENANTS = IDS.map(Tenant)
AREA = st.sampled_from(TENANT_AREAS)
# What a key may hold behind its area, also what was made to look like a person's level.
REST = st.lists(st.sampled_from(["a", "b", "tenant=ab", "tenant=aa", "..", "*", "?", "x.parquet", ""]), max_size=4).map(
    "/".join
)


LAKES = st.sampled_from([ONE, PER_LAYER])


def may(lake: LakeAddress, tenant: Tenant, action: str, resource: str, **context: str) -> bool:
    return decide(tenant_policy(tenant, lake), Request(action, resource, context)) == "allowed"


@settings(max_examples=300, deadline=None)
@given(LAKES, TENANTS, TENANTS, AREA, REST)
def test_objects_are_the_owners_alone(lake: LakeAddress, one: Tenant, other: Tenant, area: str, rest: str) -> None:
    own = lake.object_arn(tenant_key(one, f"{area}/{rest}"))
    assert all(may(lake, one, action, own) for action in OBJECT_ACTIONS)
    assert not may(lake, one, "s3:DeleteObjectVersion", own), "history is the lake's"
    assume(one != other)
    assert not any(may(lake, other, action, own) for action in OBJECT_ACTIONS)


@settings(max_examples=300, deadline=None)
@given(LAKES, TENANTS, TENANTS, AREA, REST)
def test_a_listing_shows_nothing_of_others(lake: LakeAddress, one: Tenant, other: Tenant, area: str, rest: str) -> None:
    """Any prefix that is allowed lies inside the tenant, so none shows another's keys; every shorter one is denied."""
    prefix = tenant_key(one, f"{area}/{rest}")
    for action in LIST_ACTIONS:
        assert may(lake, one, action, lake.bucket_arn(prefix), **{"s3:prefix": prefix})
        for shorter in {prefix[:end] for end in range(len(f"{area}/{one.level}/"))}:
            assert not may(lake, one, action, lake.bucket_arn(prefix), **{"s3:prefix": shorter}), shorter
        assert not may(lake, one, action, lake.bucket_arn()), "no prefix at all"
        if one != other:
            assert not may(lake, other, action, lake.bucket_arn(prefix), **{"s3:prefix": prefix})


@settings(max_examples=300, deadline=None)
@given(LAKES, TENANTS, TENANTS, st.sampled_from(["silver_market", "gold_a", "bronze_a_b"]))
def test_databases_are_the_owners_alone(lake: LakeAddress, one: Tenant, other: Tenant, name: str) -> None:
    for resource in (f"database/{one.database(name)}", f"table/{one.database(name)}/prices"):
        assert all(may(lake, one, action, lake.glue_arn(resource)) for action in CATALOG_ACTIONS)
        if one != other:
            assert not any(may(lake, other, action, lake.glue_arn(resource)) for action in CATALOG_ACTIONS)
    for resource in (f"database/{name}", f"table/{name}/prices"):
        assert not any(may(lake, one, action, lake.glue_arn(resource)) for action in CATALOG_ACTIONS), "the lake's own"


@given(LAKES, TENANTS, AREA, REST)
def test_what_belongs_to_no_tenant_is_closed(lake: LakeAddress, tenant: Tenant, area: str, rest: str) -> None:
    for key in (
        f"{area}/market/{rest}",
        registry_key(tenant),
        policy_key(tenant),
        REGISTRY,
        f"metadata/contracts/{rest}",
    ):
        assert not any(may(lake, tenant, action, lake.object_arn(key)) for action in OBJECT_ACTIONS)
    for action in (
        "s3:DeleteBucket",
        "s3:PutBucketPolicy",
        "s3:ListAllMyBuckets",
        "iam:PutUserPolicy",
        "glue:CreateDatabase",
    ):
        assert not may(lake, tenant, action, lake.bucket_arn())


@settings(max_examples=300, deadline=None)
@given(LAKES, TENANTS, TENANTS)
def test_a_work_group_is_the_owners_alone(lake: LakeAddress, one: Tenant, other: Tenant) -> None:
    declared = LakeConfig.model_validate({"athena": {"tenants": [{"tenant": str(t)} for t in {one, other}]}})
    lake = replace(lake, tenant_groups=tenant_groups(declared.athena, lake.bucket))
    group = lake.arn("athena", f"workgroup/lake-tenant-{one}")
    assert all(may(lake, one, action, group) for action in GROUP_ACTIONS)
    assert {"athena:StartQueryExecution", "athena:StopQueryExecution"} <= set(GROUP_ACTIONS)
    for action in (*GROUP_ACTIONS, "athena:ListQueryExecutions"):
        for foreign in ("lake", "lake-finance", "primary", f"lake-tenant-{one}x"):
            assert not may(lake, one, action, lake.arn("athena", f"workgroup/{foreign}"))
        assert one == other or not may(lake, other, action, group)
    for action in ("athena:UpdateWorkGroup", "athena:DeleteWorkGroup", "athena:CreateWorkGroup"):
        assert not may(lake, one, action, group), "the limit is the lake's to set"
    assert may(lake, one, "glue:GetTables", lake.glue_arn(f"database/{one.database('gold_market')}"))
    assert not may(lake, one, "glue:GetTables", lake.glue_arn("database/gold_market"))
    assert may(lake, one, "s3:PutObject", lake.object_arn(f"_results/tenant={one}/x.csv")), "Athena writes the answer"


def test_without_a_declared_work_group_a_tenant_may_not_query() -> None:
    assert not may(ONE, Tenant("acme"), "athena:StartQueryExecution", ONE.arn("athena", "workgroup/lake"))
    assert "athena" not in str(tenant_policy(Tenant("acme"), ONE))


@given(TENANTS, AREA, REST)
def test_keys_find_their_way_there_and_back(tenant: Tenant, area: str, rest: str) -> None:
    key = f"{area}/{rest}"
    assert own_key(tenant, tenant_key(tenant, key)) == key
    assert own_key(None, tenant_key(None, key)) == key


@pytest.mark.parametrize("text", ["", "a", "Acme", "a_b", "a--b", "-ab", "ab-", "1ab", "ab/", "a*", "a?b", "a" * 32, "ab\n", "${x}", "..", "äb"])  # fmt: skip
def test_ids_that_could_reach_further_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a tenant id"):
        Tenant(text)


@pytest.mark.parametrize("key", ["", "silver", "/silver", "/"])
def test_a_key_without_an_area_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="reaches outside"):
        tenant_key(Tenant("acme"), key)


def test_every_area_of_the_lake_has_tenants() -> None:
    """A new area must be given to tenants too, or their runs would be denied there."""
    from lakeworks.core import layout

    constants: dict[str, Any] = {
        name: value for name, value in vars(layout).items() if name.isupper() and name[0] != "_"
    }
    areas = {value for value in constants.values() if isinstance(value, str) and "/" not in value}
    assert areas <= set(TENANT_AREAS)


def test_the_key_is_the_only_thing_an_encrypted_lake_adds() -> None:
    arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
    document = tenant_policy(Tenant("acme"), LakeAddress("lake", "eu-west-1", "123456789012", kms_key_arn=arn))
    assert decide(document, Request("kms:Decrypt", arn)) == "allowed"
    assert decide(document, Request("kms:Decrypt", arn + "2")) == "denied"
    assert all("Condition" not in part or part["Sid"] == "ListOwnPrefixes" for part in document["Statement"])


def test_a_tenant_may_tag_its_own_objects_where_objects_have_tags() -> None:
    lake, acme = ONE, Tenant("acme")
    own, others = (lake.object_arn(f"silver/tenant={name}/market/prices/x") for name in ("acme", "globex"))
    assert not may(lake, acme, "s3:PutObjectTagging", own)
    tagged = replace(lake, tags=True)
    assert may(tagged, acme, "s3:PutObjectTagging", own)
    assert not may(tagged, acme, "s3:PutObjectTagging", others)

"""Tenants in one bucket: the register, and that nothing one of them does reaches another."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.layout import policy_key, registry_key
from lakeworks.core.partition import Period
from lakeworks.core.tenant import Tenant
from lakeworks.core.types import LakeType
from lakeworks.errors import ConfigError, LakeNotFound, LedgerCorrupt, LostRace, TenantHasData
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.verification import verify
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.registration import Registrar
from lakeworks.pipeline.write_step import write
from lakeworks.publications.rollbacks import rollback
from lakeworks.s3.object_store import ObjectStore
from lakeworks.settings import deployed_tenants
from lakeworks.sources import open_source
from lakeworks.status.table_summary import summarise
from lakeworks.tenants import onboarding as tenants
from lakeworks.tenants.registry import TenantRecord, TenantRegistry

ZONES = "reference.transport.zones"
ACME, GLOBEX = Tenant("acme"), Tenant("acme-emea")
ADDRESS = LakeAddress("lake", "us-east-1", "123456789012")
PERIOD = Period.parse("2019-01")


def noon(day: int = 1) -> Callable[[], datetime]:
    return lambda: datetime(2026, 1, day, 12, tzinfo=UTC)


def build(lake: Lake, replay_url: str, run: Run) -> Any:
    land(lake, load_contract(ZONES), PERIOD, run, open_source("nyc_tlc", replay_url))
    return publish(lake, audit(lake, write(lake, ZONES, PERIOD, run).key).key)


def test_adding_again_changes_nothing_and_completes_what_is_missing(lake: Lake) -> None:
    first = tenants.add(lake, ACME, "team-a", ADDRESS, clock=noon(1))
    assert {change.outcome for change in first} == {"created"}
    assert {change.setting for change in first} >= {"tenant", "policy", "database acme__silver_transport"}
    lake.catalog.client.delete_database(Name="acme__silver_transport")
    lake.store.delete([policy_key(ACME)])
    second = {change.setting: change.outcome for change in tenants.add(lake, ACME, "team-a", ADDRESS, clock=noon(2))}
    assert {name for name, outcome in second.items() if outcome != "unchanged"} == {
        "database acme__silver_transport",
        "policy",
    }
    assert TenantRegistry(lake.store).get(ACME) == TenantRecord(id="acme", owner="team-a", since=noon(1)())


def test_another_owner_is_an_update(lake: Lake) -> None:
    tenants.add(lake, ACME, "team-a", ADDRESS, clock=noon(1))
    (change, *_) = tenants.add(lake, ACME, "team-b", ADDRESS, clock=noon(2))
    assert (change.outcome, TenantRegistry(lake.store).get(ACME)) == (
        "updated", TenantRecord(id="acme", owner="team-b", since=noon(2)()),
    )  # fmt: skip


def test_of_two_at_once_one_gets_an_error(lake: Lake) -> None:
    """The other's record appears between our look and our write: the condition catches it."""

    class Late(ObjectStore):
        def put(self, target: Any, body: bytes) -> Any:
            lake.store.put(registry_key(ACME), body)
            return super().put(target, body)

    late = TenantRegistry(Late(lake.store.client, lake.store.bucket))
    with pytest.raises(LostRace, match="another writer is changing this tenant. Nothing was written"):
        late.save(TenantRecord(id="acme", since=noon()()))


def test_removing_refuses_while_there_is_data_and_deletes_none(lake: Lake) -> None:
    with pytest.raises(LakeNotFound, match="no tenant `acme`"):
        tenants.remove(lake, ACME)
    tenants.add(lake, ACME, "", ADDRESS)
    lake.for_tenant(ACME).store.put("silver/market/prices/x", b"12345")
    with pytest.raises(TenantHasData, match=r"1 objects \(silver/ 1\).*--keep-data"):
        tenants.remove(lake, ACME)
    record = TenantRegistry(lake.store).get(ACME)
    assert record is not None
    assert record.state == "active"
    assert tenants.remove(lake, ACME, keep_data=True) is True
    assert tenants.remove(lake, ACME, keep_data=True) is False
    assert [(use.area, use.objects, use.bytes) for use in tenants.data_of(lake, ACME)] == [("silver", 1, 5)]
    assert [(record.id, record.state) for record in TenantRegistry(lake.store).all()] == [("acme", "removed")]
    tenants.add(lake, ACME, "", ADDRESS)
    assert [record.state for record in TenantRegistry(lake.store).all()] == ["active"]


def test_a_damaged_record_is_reported_with_its_place(lake: Lake) -> None:
    lake.store.put(registry_key(ACME), b'{"id": "acme"}')
    with pytest.raises(LedgerCorrupt, match="metadata/tenants/acme.json"):
        TenantRegistry(lake.store).get(ACME)


def test_no_request_of_a_tenant_names_anything_outside_its_prefixes(
    lake: Lake, replay_url: str, run_at: Callable[..., Run]
) -> None:
    """However much another has: every key and prefix asked for lies in the tenant's own level, in every step."""
    acme, globex = lake.for_tenant(ACME), lake.for_tenant(GLOBEX)
    build(lake, replay_url, run_at(1))
    build(globex, replay_url, run_at(1))
    asked: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.extend(str(params[name]) for name in ("Key", "Prefix", "StartAfter") if params.get(name))
        asked.extend(item["Key"] for item in params.get("Delete", {}).get("Objects", []))

    lake.store.client.meta.events.register("before-parameter-build.s3", note)
    build(acme, replay_url, run_at(1))
    contract = load_contract(ZONES)
    assert verify(acme, contract, deep=True) == []
    assert summarise(acme, contract).published == 265
    garbage.collect(acme, dry_run=False)
    lake.store.client.meta.events.unregister("before-parameter-build.s3", note)
    assert len(asked) > 20
    assert {key.split("/")[1] for key in asked} == {"tenant=acme"}


def test_volume_of_one_costs_the_other_no_request(lake: Lake, replay_url: str, run_at: Callable[..., Run]) -> None:
    acme = lake.for_tenant(ACME)
    build(acme, replay_url, run_at(1))

    def listings() -> int:
        calls: list[str] = []

        def count(model: Any, **_: Any) -> None:
            calls.append(model.name)

        lake.store.client.meta.events.register("before-call.s3", count)
        summarise(acme, load_contract(ZONES))
        lake.store.client.meta.events.unregister("before-call.s3", count)
        return len(calls)

    listings()  # what it lists is read once, and remembered
    alone = listings()
    crowd = lake.for_tenant(GLOBEX).store
    crowd.map(lambda n: crowd.put(f"_ledger/reference/transport/zones/{n:08d}.json", b"{}"), range(30))
    assert listings() == alone


def test_a_failure_of_one_leaves_the_other_alone(lake: Lake, replay_url: str, run_at: Callable[..., Run]) -> None:
    """One tenant's writer dies in the middle of a publication; the other publishes, and sees nothing to repair."""
    acme, globex = lake.for_tenant(ACME), lake.for_tenant(GLOBEX)
    land(globex, load_contract(ZONES), PERIOD, run_at(1), open_source("nyc_tlc", replay_url))
    manifest = audit(globex, write(globex, ZONES, PERIOD, run_at(1)).key)

    def die(**_: Any) -> None:
        raise KeyboardInterrupt

    events = globex.store.client.meta.events
    events.register("before-call.s3.CompleteMultipartUpload", die)  # the upload that fills the empty key
    try:
        with pytest.raises(KeyboardInterrupt):
            publish(globex, manifest.key)
    finally:
        events.unregister("before-call.s3.CompleteMultipartUpload", die)
    contract = load_contract(ZONES)
    assert [finding.kind for finding in verify(globex, contract, patience=timedelta(0))] == [
        "unfinished",
        "table not in catalog",
    ]
    assert build(acme, replay_url, run_at(0)).outcome == {"published": 1}, (
        "an older run: no fence of another tenant counts"
    )
    assert verify(acme, contract, deep=True) == []
    assert verify(lake, contract) == []


def test_a_schema_of_one_does_not_show_in_the_others(lake: Lake, replay_url: str, run_at: Callable[..., Run]) -> None:
    acme, globex = lake.for_tenant(ACME), lake.for_tenant(GLOBEX)
    contract = load_contract(ZONES)
    build(acme, replay_url, run_at(1))
    before = acme.catalog.table(contract.table)
    build(globex, replay_url, run_at(1))
    live = globex.ledger.live_partitions(contract.table)
    Registrar(globex, contract, (("surprise", LakeType.parse("string")),))(list(live.values()))
    changed = globex.catalog.table(contract.table)
    assert changed is not None
    assert before is not None
    assert changed["DatabaseName"] == "acme_emea__reference_transport"
    assert changed["StorageDescriptor"]["Columns"][-1]["Name"] == "surprise"
    assert acme.catalog.table(contract.table) == before
    assert lake.catalog.table(contract.table) is None


def test_rolling_one_tenant_back_changes_no_other(lake: Lake, replay_url: str, run_at: Callable[..., Run]) -> None:
    acme, globex = lake.for_tenant(ACME), lake.for_tenant(GLOBEX)
    contract = load_contract(ZONES)
    for share in (acme, globex):
        build(share, replay_url, run_at(1))
    with pytest.raises(LakeNotFound, match="no earlier publication"):
        rollback(acme, contract, next(iter(acme.ledger.live_partitions(contract.table))))
    acme.store.delete(item.key for area in ("_ledger", "reference") for item in acme.store.scan(f"{area}/"))
    assert acme.ledger.live_partitions(contract.table) == {}
    assert verify(globex, contract, deep=True) == []


def test_the_owners_garbage_collection_leaves_tenants_attempts_alone(lake: Lake) -> None:
    lake.for_tenant(ACME).store.put("_staging/a/b/c/period=x/r.1/f", b"1")
    lake.store.put("_staging/a/b/c/period=x/r.1/f", b"1")
    from datetime import timedelta

    found = garbage.collect(lake, older_than=timedelta(seconds=-60), dry_run=False)
    assert [item.where for item in found] == ["_staging/a/b/c/period=x/r.1"]
    found = garbage.collect(lake.for_tenant(ACME), older_than=timedelta(seconds=-60), dry_run=False)
    assert [item.where for item in found] == ["_staging/a/b/c/period=x/r.1"]
    assert list(lake.store.scan("_staging/")) == []


def test_the_policy_is_written_where_the_platform_team_finds_it(lake: Lake) -> None:
    tenants.add(lake, ACME, "", ADDRESS)
    document = json.loads(lake.store.get("metadata/policies/acme.json")[0])
    assert [part["Sid"] for part in document["Statement"]] == ["ListOwnPrefixes", "UseOwnObjects", "UseOwnTables"]


def test_deployed_tenants_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_TENANTS", "")
    assert deployed_tenants() == ()
    monkeypatch.setenv("LAKE_TENANTS", "acme, acme-emea,")
    assert deployed_tenants() == (ACME, GLOBEX)
    for wrong, says in (("acme,acme", "twice"), ("acme,Globex", "not a tenant id")):
        monkeypatch.setenv("LAKE_TENANTS", wrong)
        with pytest.raises(ConfigError, match=says):
            deployed_tenants()

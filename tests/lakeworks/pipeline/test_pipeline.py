"""The whole path on real HTTP, S3 and Glue protocols: landing to gold, twice, corrected, and on its bad days."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests

from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import (
    AuditFailed,
    FencedError,
    LakeNotFound,
    MalformedSource,
    QuarantineLimitExceeded,
    SchemaDrift,
    SourceGone,
    StagedChanged,
)
from lakeworks.lake import Lake
from lakeworks.landing.files import newest_or_fail
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land, land_file
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import Source
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.vendors.nyc_tlc import NycTlc
from lakeworks.status.table_summary import summarise

JANUARY = Period.parse("2019-01")
ZONES, BRONZE, SILVER = "reference.transport.zones", "bronze.transport.yellow_trips", "silver.transport.trips"
UNCHECKED = {"required": False, "minimum": None, "maximum": None, "allowed": None, "pattern": None}
TAXI = [name for name in all_tables() if ".transport." in name]
RunAt = Callable[..., Run]


@pytest.fixture
def source(replay_url: str) -> Source:
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    return NycTlc(HttpSource(replay_url, sleep=lambda _: None))


def step(lake: Lake, table: str, run: Run, source: Source | None = None, period: Period = JANUARY) -> RunRecord:
    if source and load_contract(table).source:
        land(lake, load_contract(table), period, run, source)
    return publish(lake, audit(lake, write(lake, table, period, run).key).key)


def objects(lake: Lake, table: str) -> dict[str, Any]:
    """Every live object of a table: key to version and content."""
    live = lake.ledger.live_partitions(load_contract(table).table)
    return {item.key: (item.version_id, item.sha256) for entry in live.values() for item in entry.objects}


def glue(lake: Lake, table: str) -> dict[Partition, dict[str, Any]]:
    contract = load_contract(table)
    keys = contract.partition_keys
    found = lake.catalog.partitions(contract)
    return {Partition(tuple(zip(keys, item["Values"], strict=True))): item for item in found}


def test_a_month_becomes_gold_and_every_row_is_accounted_for(lake: Lake, source: Source, run_at: RunAt) -> None:
    for table in TAXI:
        step(lake, table, run_at(1), source)
    rows = {table: summarise(lake, load_contract(table)) for table in TAXI}
    assert {name: row.partitions for name, row in rows.items()}.items() >= {
        ZONES: 1, BRONZE: 1, SILVER: 31, "gold.transport.hourly_demand": 31, "gold.transport.zone_daily_summary": 31,
    }.items()  # fmt: skip
    assert all(row.rows_in == row.published + row.quarantined + row.deduplicated for row in rows.values())
    assert (rows[SILVER].rows_in, rows[SILVER].quarantined) == (10_000, 18)
    assert list(lake.store.scan("_staging/")) == [], "staging is cleared"

    for table in (BRONZE, SILVER):
        listed, live = glue(lake, table), lake.ledger.live_partitions(load_contract(table).table)
        assert listed.keys() == live.keys()
        for partition, entry in live.items():
            item = listed[partition]
            assert item["StorageDescriptor"]["Location"] == lake.store.uri(entry.location)
            assert item["Parameters"]["numRows"] == str(entry.rows)
            assert item["Parameters"]["lakeworks.publication"] == str(entry.live_seq)
            assert item["Parameters"]["lakeworks.audit"] == "passed"

    quarantine = [item.key for item in lake.store.scan("_quarantine/")]
    assert len(quarantine) == 1
    broken = pq.read_table(io.BytesIO(lake.store.get(quarantine[0])[0])).to_pylist()
    assert len(broken) == 18
    assert all(row["_reason"] and row["_broken_rules"] for row in broken)


def test_running_again_changes_nothing(lake: Lake, source: Source, run_at: RunAt) -> None:
    tables = (ZONES, BRONZE, SILVER)
    for table in tables:
        step(lake, table, run_at(1), source)
    before = {table: (objects(lake, table), glue(lake, table)) for table in tables}
    for table in tables:
        assert set(step(lake, table, run_at(2), source).outcome or {}) == {"unchanged"}
    assert {table: (objects(lake, table), glue(lake, table)) for table in tables} == before
    history = lake.ledger.history(load_contract(SILVER).table, Partition.of_period(Period.parse("2019-01-05")))
    assert [entry.state for entry in history] == ["published", "unchanged"]
    assert len(list(lake.store.scan("landing/transport/nyc_tlc/yellow_trips/"))) == 1


def test_a_republished_file_changes_the_partitions_it_touches_and_no_other(
    lake: Lake, source: Source, run_at: RunAt, replay_url: str
) -> None:
    for table in (ZONES, BRONZE, SILVER):
        step(lake, table, run_at(1), source)
    requests.post(f"{replay_url}/_control/faults", json={"match": "*2019-01*", "kind": "republished"}, timeout=5)
    contract = load_contract(BRONZE)
    first = newest_or_fail(lake, contract, JANUARY)
    corrected = land(lake, contract, JANUARY, run_at(2), source)
    assert corrected.is_new
    assert corrected.item.key != first.item.key, "the first file stays"
    assert step(lake, BRONZE, run_at(2)).outcome == {"published": 1}
    row = pq.read_table(
        io.BytesIO(lake.store.get("bronze/transport/yellow_trips/year=2019/month=01/part-00000.parquet")[0])
    )
    assert row["_source_etag"][0].as_py() == corrected.etag
    # every silver row carries when its file was fetched, so all 31 days follow the new file
    assert step(lake, SILVER, run_at(2)).outcome == {"published": 31}


def test_months_with_different_schemas_give_one_schema(lake: Lake, source: Source, run_at: RunAt) -> None:
    step(lake, ZONES, run_at(1), source)
    for number, month in enumerate(("2020-04", "2020-09", "2020-10"), 1):
        for table in (BRONZE, SILVER):
            step(lake, table, run_at(number), source, Period.parse(month))
    contract = load_contract(BRONZE)
    for key in objects(lake, BRONZE):
        assert pq.read_schema(io.BytesIO(lake.store.get(key)[0])).equals(contract.arrow_schema)
    columns = {str(item["StorageDescriptor"]["Columns"]) for item in glue(lake, BRONZE).values()}
    assert len(columns) == 1


def test_a_renamed_column_and_an_unknown_one_are_kept(
    lake: Lake, source: Source, run_at: RunAt, replay_url: str
) -> None:
    fault = {"match": "*2019-01*", "kind": "rename", "column": "airport_fee", "to": "Airport_fee"}
    requests.post(f"{replay_url}/_control/faults", json=fault, timeout=5)
    assert any("spelled `Airport_fee`" in text for text in step(lake, BRONZE, run_at(1), source).drift)
    fault |= {"column": "extra", "to": "request_source"}
    requests.post(f"{replay_url}/_control/faults", json=fault, timeout=5)
    record = step(lake, BRONZE, run_at(2), source)
    assert [column.name for column in record.extra_columns] == ["request_source"]
    table = lake.catalog.table(load_contract(BRONZE).table)
    assert table is not None
    assert "request_source" in [column["Name"] for column in table["StorageDescriptor"]["Columns"]]


def test_a_retyped_column_that_loses_values_stops_before_staging(
    lake: Lake, source: Source, run_at: RunAt, replay_url: str
) -> None:
    step(lake, BRONZE, run_at(1), source)
    before = objects(lake, BRONZE)
    fault = {"match": "*2019-01*", "kind": "retype", "column": "VendorID", "to": "string"}
    requests.post(f"{replay_url}/_control/faults", json=fault, timeout=5)
    land(lake, load_contract(BRONZE), JANUARY, run_at(2), source)
    with pytest.raises(SchemaDrift, match=r"`VendorID`.*is string.*The file stays in landing; nothing was staged"):
        write(lake, BRONZE, JANUARY, run_at(2))
    assert objects(lake, BRONZE) == before


def test_bronze_is_rebuilt_from_landing_without_the_network(lake: Lake, source: Source, run_at: RunAt) -> None:
    step(lake, BRONZE, run_at(1), source)
    before = objects(lake, BRONZE)
    lake.store.delete(before)
    assert step(lake, BRONZE, run_at(2)).outcome == {"published": 1}
    assert {sha for _, sha in objects(lake, BRONZE).values()} == {sha for _, sha in before.values()}


def test_a_missing_upstream_says_what_to_run(lake: Lake, run_at: RunAt) -> None:
    with pytest.raises(LakeNotFound, match=r"`bronze.transport.yellow_trips` has nothing published.*2019-01 first"):
        write(lake, SILVER, JANUARY, run_at(1))
    with pytest.raises(LakeNotFound, match=r"nothing was landed .*Run the fetch step first"):
        write(lake, BRONZE, JANUARY, run_at(1))


def test_a_landing_object_cut_in_half_stops_bronze(lake: Lake, source: Source, run_at: RunAt) -> None:
    landed = land(lake, load_contract(BRONZE), JANUARY, run_at(1), source)
    body, found = lake.store.get(landed.item.key)
    lake.store.client.put_object(
        Bucket=lake.store.bucket, Key=landed.item.key, Body=body[: len(body) // 2], Metadata=dict(found.metadata)
    )
    with pytest.raises(MalformedSource, match=r"differs from the landed file.*live data is unchanged"):
        write(lake, BRONZE, JANUARY, run_at(1))


def test_unaudited_rows_are_never_published(lake: Lake, source: Source, run_at: RunAt) -> None:
    land(lake, load_contract(ZONES), JANUARY, run_at(1), source)
    manifest = write(lake, ZONES, JANUARY, run_at(1))
    with pytest.raises(AuditFailed, match=r"have not passed an audit\. Nothing was published"):
        publish(lake, manifest.key)
    assert list(lake.store.scan("reference/")) == []


def test_a_failed_audit_names_check_column_and_rows_and_publishes_nothing(
    lake: Lake, source: Source, run_at: RunAt
) -> None:
    strict = load_contract(ZONES)
    check = {
        "expectation": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "service_zone", "value_set": ["Yellow Zone"]},
    }
    changed = Contract.model_validate({**strict.model_dump(), "checks": [check]})
    land(lake, strict, JANUARY, run_at(1), source)
    manifest = write(lake, ZONES, JANUARY, run_at(1))
    with pytest.raises(AuditFailed) as raised:
        audit(replace(lake, contract=lambda _: changed), manifest.key)
    for part in (
        "expect_column_values_to_be_in_set",
        "`service_zone`",
        "of 265 rows",
        "'zone_id': '1'",
        "Nothing was published",
    ):
        assert part in str(raised.value)
    with pytest.raises(AuditFailed):
        publish(lake, manifest.key)
    assert list(lake.store.scan("reference/")) == []
    pages = [item.key for item in lake.store.scan("_audits/")]
    assert sorted(Path(key).suffix for key in pages) == [".html", ".json"]
    html = lake.store.get(next(key for key in pages if key.endswith("html")))[0].decode()
    assert "service_zone" in html
    assert not re.findall(r"""(?:src|url\(|<link[^>]*href)=?["'(]*https?://""", html), "opens without any network"


def test_a_large_partition_is_audited_in_pieces_with_the_same_outcome(
    lake: Lake, source: Source, run_at: RunAt
) -> None:
    plain = load_contract(BRONZE)
    cut = Contract.model_validate(
        {**plain.model_dump(), "storage": {**plain.storage.model_dump(), "row_group_rows": 900}}
    )
    pieced = replace(lake, contract=lambda _: cut)
    land(lake, plain, JANUARY, run_at(1), source)
    staged = write(pieced, BRONZE, JANUARY, run_at(1))
    whole, pieces = audit(pieced, staged.key), audit(pieced, staged.key, chunk_rows=2_000)
    assert whole.audit == pieces.audit
    assert pieces.audit is not None
    assert pieces.audit["rows"] == 10_000
    check = {"expectation": "expect_column_values_to_be_between", "kwargs": {"column": "fare_amount", "max_value": 100}}
    strict = replace(lake, contract=lambda _: Contract.model_validate({**cut.model_dump(), "checks": [check]}))
    broken = []
    for chunk_rows in (10_000, 2_000):
        with pytest.raises(AuditFailed, match="fare_amount") as raised:
            audit(strict, staged.key, chunk_rows)
        broken.append(sum(map(int, re.findall(r"(\d+) of \d+ rows", str(raised.value)))))
    assert broken[0] == broken[1] > 0


def test_rows_are_counted_where_no_check_reads_a_column(lake: Lake, source: Source, run_at: RunAt) -> None:
    """Tables without a column are joined to one without rows."""
    for table in (ZONES, BRONZE):
        step(lake, table, run_at(1), source)
    given = load_contract(SILVER).model_dump()
    checks = [{"expectation": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 9_000}}]
    columns = {name: {**column, **UNCHECKED} for name, column in given["columns"].items()}
    bare = Contract.model_validate({**given, "columns": columns, "grain": [], "deduplicate_by": None, "checks": checks})
    staged = write(lake, SILVER, JANUARY, run_at(1))
    report = audit(replace(lake, contract=lambda _: bare), staged.key).audit
    assert report is not None
    assert report["rows"] == staged.balance.staged


def test_too_many_broken_rows_stop_the_run_and_stay_to_be_looked_at(lake: Lake, source: Source, run_at: RunAt) -> None:
    for table in (ZONES, BRONZE):
        step(lake, table, run_at(1), source)
    strict = load_contract(SILVER)
    changed = Contract.model_validate({**strict.model_dump(), "quarantine": {"limit": 0.001}})
    strict_lake = replace(lake, contract=lambda name: changed if name == SILVER else load_contract(name))
    with pytest.raises(
        QuarantineLimitExceeded, match=r"18 of 10000 rows .*positive_fare 10.*limit of 0%.*_quarantine/silver"
    ):
        write(strict_lake, SILVER, JANUARY, run_at(1))
    assert list(lake.store.scan("silver/")) == []
    assert len(list(lake.store.scan("_quarantine/"))) == 1


def test_publishing_twice_gives_the_same_record(lake: Lake, source: Source, run_at: RunAt) -> None:
    """A task that died right after publishing asks again, when its staging is already gone."""
    land(lake, load_contract(ZONES), JANUARY, run_at(1), source)
    manifest = audit(lake, write(lake, ZONES, JANUARY, run_at(1)).key)
    assert publish(lake, manifest.key) == publish(lake, manifest.key)


@pytest.mark.parametrize("meanwhile", ["completed", "cleared", "changed"])
def test_staging_that_another_process_touches_meanwhile_leaves_no_number_open(
    lake: Lake, source: Source, run_at: RunAt, meanwhile: str
) -> None:
    """Seed 2036018: repair completed a run whose writer tried again, and the writer's new number stayed unfinished."""
    contract = load_contract(ZONES)
    land(lake, contract, JANUARY, run_at(1), source)
    manifest = audit(lake, write(lake, ZONES, JANUARY, run_at(1)).key)
    staged = manifest.partitions[0].objects[0].key
    taken: list[str] = []

    def touch(params: dict[str, Any], **_: Any) -> None:
        if not params["Key"].startswith(f"_ledger/{contract.table.path}/") or taken:
            return
        taken.append(params["Key"])
        if meanwhile == "changed":
            lake.store.put(staged, b"another program's bytes")
        else:
            lake.store.delete([item.key for item in lake.store.scan(manifest.prefix)])
        if meanwhile == "completed":
            lake.store.put(manifest.run_key, manifest.model_dump_json().encode())

    lake.store.client.meta.events.register("provide-client-params.s3.PutObject", touch)
    if meanwhile == "completed":
        assert publish(lake, manifest.key) == manifest
    elif meanwhile == "cleared":
        with pytest.raises(SourceGone, match="no process has completed their run.*Run the period again from its write"):
            publish(lake, manifest.key)
    else:
        with pytest.raises(StagedChanged, match="Run the partition again from its write step"):
            publish(lake, manifest.key)
    newest = lake.ledger.latest(contract.table, manifest.partitions[0].parsed)
    assert newest
    assert newest.entry.state == "abandoned"
    assert objects(lake, ZONES) == {}


def test_an_older_run_with_other_rows_is_refused(lake: Lake, source: Source, run_at: RunAt, replay_url: str) -> None:
    land(lake, load_contract(BRONZE), JANUARY, run_at(1), source)
    older = audit(lake, write(lake, BRONZE, JANUARY, run_at(1)).key)
    requests.post(f"{replay_url}/_control/faults", json={"match": "*2019-01*", "kind": "republished"}, timeout=5)
    step(lake, BRONZE, run_at(2), source)
    live = objects(lake, BRONZE)
    with pytest.raises(FencedError):
        publish(lake, older.key)
    assert objects(lake, BRONZE) == live


def test_a_live_day_without_rows_is_not_left_behind_silently(lake: Lake, source: Source, run_at: RunAt) -> None:
    for table in (ZONES, BRONZE, SILVER):
        step(lake, table, run_at(1), source)
    before = objects(lake, SILVER)
    manifest = audit(lake, write(lake, SILVER, JANUARY, run_at(2)).key)
    manifest.model_copy(update={"partitions": manifest.partitions[1:]}).save(lake.store)
    with pytest.raises(
        AuditFailed, match=r"1 live partitions would become empty, first 2019-01-01\. Nothing was published"
    ):
        publish(lake, manifest.key)
    assert objects(lake, SILVER) == before


def test_a_source_that_goes_back_to_an_earlier_file_is_followed(
    lake: Lake, source: Source, run_at: RunAt, replay_url: str
) -> None:
    contract = load_contract(BRONZE)
    first = land_file(lake, contract, JANUARY, run_at(1), source)
    requests.post(f"{replay_url}/_control/faults", json={"match": "*2019-01*", "kind": "republished"}, timeout=5)
    second = land_file(lake, contract, JANUARY, run_at(2), source)
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    third = land_file(lake, contract, JANUARY, run_at(3), source)
    assert len({first.key, second.key, third.key}) == 3
    assert newest_or_fail(lake, contract, JANUARY).key == third.key
    assert newest_or_fail(lake, contract, JANUARY).item.metadata["sha256"] == first.item.metadata["sha256"]
    assert land_file(lake, contract, JANUARY, run_at(4), source).key == third.key, "nothing new is landed once"

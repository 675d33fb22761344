"""Quarantined rows come back once their rule is repaired, and every row is accounted for before and after."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
import requests

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound, QuarantineLimitExceeded
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.downstream_rebuild import downstream, rebuild
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.write_step import write
from lakeworks.quarantine.quarantined_rows import rows
from lakeworks.quarantine.replays import find, list_quarantined, replay
from lakeworks.sources import open_source

JANUARY = Period.parse("2019-01")
ZONES, BRONZE, SILVER = "reference.transport.zones", "bronze.transport.yellow_trips", "silver.transport.trips"
DAILY = "gold.transport.zone_daily_summary"
RunAt = Callable[..., Run]


def without_rules(names: Iterable[str]) -> Callable[[str], Contract]:
    """Silver's contract after a person decided that these rules were wrong."""

    def load(name: str) -> Contract:
        contract = load_contract(name)
        if name != SILVER:
            return contract
        return contract.model_copy(
            update={"rows": tuple(rule for rule in contract.rows if rule.name not in set(names))}
        )

    return load


@pytest.fixture
def built(lake: Lake, run_at: RunAt, replay_url: str) -> Lake:
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    source = open_source("nyc_tlc", replay_url)
    for table in (ZONES, BRONZE):
        land(lake, load_contract(table), JANUARY, run_at(1), source)
        rebuild(lake, table, JANUARY, run_at(1))
    rebuild(lake, SILVER, JANUARY, run_at(1))
    return lake


def test_rows_rejoin_after_the_contract_is_repaired_and_the_balance_holds(built: Lake) -> None:
    contract = load_contract(SILVER)
    before = find(built, contract, JANUARY)
    assert before.balance is not None
    (rule, count), *_ = sorted(before.balance.broken.items(), key=lambda item: -item[1])
    shown = rows(built, before, 5)
    assert len(shown) == 5
    assert all(row["_reason"] and row["_broken_rules"] for row in shown)

    repaired = replace(built, contract=without_rules([rule]))
    done = replay(repaired, repaired.contract(SILVER), JANUARY)
    balance = done.record.balance
    assert 0 < done.rejoined <= count
    assert balance.read == before.balance.read == balance.staged + balance.quarantined + balance.deduplicated
    assert balance.staged == before.balance.staged + done.rejoined
    assert rule not in balance.broken
    assert verify(repaired, repaired.contract(SILVER), deep=True) == []
    again = replay(repaired, repaired.contract(SILVER), JANUARY)
    assert (again.rejoined, again.record.outcome) == (0, {"unchanged": 31})


def test_nothing_is_listed_once_every_row_rejoined(built: Lake) -> None:
    everything = [rule.name for rule in load_contract(SILVER).rows]
    repaired = replace(built, contract=without_rules(everything))
    replay(repaired, repaired.contract(SILVER), JANUARY)
    left = list_quarantined(repaired, repaired.contract(SILVER))
    assert sum(item.rows for item in left) < 18
    if not left:
        with pytest.raises(LakeNotFound, match="has no quarantined rows"):
            replay(repaired, repaired.contract(SILVER), JANUARY)


def test_rows_of_a_stopped_run_are_listed_and_replayed(lake: Lake, built: Lake, run_at: RunAt) -> None:
    def strict(name: str) -> Contract:
        contract = load_contract(name)
        return (
            contract
            if name != SILVER
            else Contract.model_validate({**contract.model_dump(), "quarantine": {"limit": 0.0001}})
        )

    with pytest.raises(QuarantineLimitExceeded):
        write(replace(built, contract=strict), SILVER, JANUARY, run_at(2))
    (found,) = list_quarantined(built, load_contract(SILVER))
    assert (found.published, found.rows) == (False, 18)
    done = replay(built, load_contract(SILVER), JANUARY)
    assert (done.rejoined, done.record.balance.quarantined) == (0, 18)
    assert [item.published for item in list_quarantined(built, load_contract(SILVER))] == [True]


def test_tables_built_from_it_are_rebuilt_when_asked(built: Lake) -> None:
    assert downstream(built, BRONZE)[0] == SILVER
    assert DAILY in downstream(built, SILVER)
    repaired = replace(built, contract=without_rules(["possible_duration"]))
    done = replay(repaired, repaired.contract(SILVER), JANUARY, with_downstream=True)
    assert done.rebuilt == tuple(downstream(built, SILVER))
    live = repaired.ledger.live_partitions(load_contract(DAILY).table)
    assert {entry.run.id for entry in live.values()} == {done.record.run.id}


def test_rows_with_an_unknown_column_are_quarantined_and_rejoin_when_the_contract_knows_it(
    built: Lake, run_at: RunAt
) -> None:
    whole = load_contract(BRONZE)
    columns = {name: column for name, column in whole.columns.items() if name != "congestion_surcharge"}
    narrow = Contract.model_validate(
        {**whole.model_dump(), "version": "2.0.0", "schema_policy": "quarantine_unknown", "columns": columns, "quarantine": {"limit": 1}}
    )  # fmt: skip
    record = rebuild(replace(built, contract=lambda _: narrow), BRONZE, JANUARY, run_at(2))
    balance = record.balance
    assert balance.broken == {"unknown_column": balance.quarantined}
    assert 0 < balance.quarantined < balance.read == balance.staged + balance.quarantined == 10_000
    found = find(built, narrow, JANUARY)
    assert "`congestion_surcharge` is not in the contract." in rows(built, found, 1)[0]["_reason"]
    known = whole.model_copy(update={"version": "2.1.0"})
    done = replay(replace(built, contract=lambda _: known), known, JANUARY)
    assert (done.rejoined, done.record.balance.staged) == (balance.quarantined, 10_000)

"""A run under a contract that breaks readers stops before it writes, unless its version says so."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import ContractError
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.contract_history import published, record
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.write_step import write
from lakeworks.s3.object_store import ObjectStore, Target
from lakeworks.sources import open_source

JANUARY = Period.parse("2019-01")
ZONES = "reference.transport.zones"
RunAt = Callable[..., Run]


def under(lake: Lake, **changes: Any) -> Lake:
    changed = Contract.model_validate({**load_contract(ZONES).model_dump(), **changes})
    return replace(lake, contract=lambda name: changed if name == ZONES else load_contract(name))


@pytest.fixture
def zones(lake: Lake, run_at: RunAt, replay_url: str) -> Lake:
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    land(lake, load_contract(ZONES), JANUARY, run_at(1), open_source("nyc_tlc", replay_url))
    rebuild(lake, ZONES, JANUARY, run_at(1))
    return lake


def test_a_breaking_contract_needs_a_new_major_version(zones: Lake, run_at: RunAt) -> None:
    columns = {name: column.model_dump() for name, column in load_contract(ZONES).columns.items()}
    name = next(name for name in columns if name not in load_contract(ZONES).grain)
    columns.pop(name)
    with pytest.raises(ContractError, match=rf"breaks readers of 1\.0\.0.*`{name}`: removed.*set `version: 2\.0\.0`"):
        write(under(zones, columns=columns), ZONES, JANUARY, run_at(2))
    assert list(zones.store.scan("_staging/")) == []
    assert published(zones, load_contract(ZONES)) == load_contract(ZONES)


def test_a_compatible_change_runs_and_a_new_version_is_kept(
    zones: Lake, run_at: RunAt, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        rebuild(under(zones, team="another team"), ZONES, JANUARY, run_at(2))
    assert "changed without a new version (1.0.0 asks for 1.0.1)" in caplog.text
    newer = under(zones, team="another team", version="1.0.1")
    rebuild(newer, ZONES, JANUARY, run_at(3))
    known = published(zones, load_contract(ZONES))
    assert known is not None
    assert (known.version, known.team) == ("1.0.1", "another team")


def with_column(name: str) -> dict[str, Any]:
    columns = {known: column.model_dump() for known, column in load_contract(ZONES).columns.items()}
    return {**columns, name: {"type": "double", "description": "not in the landed file"}}


def test_a_column_published_without_a_new_version_cannot_be_taken_back_unseen(zones: Lake, run_at: RunAt) -> None:
    """The first contract under a version number used to stand, so that what was added later could vanish."""
    record(zones, under(zones, columns=with_column("area")).contract(ZONES))
    with pytest.raises(ContractError, match=r"breaks readers of 1\.0\.0.*`area`: removed.*set `version: 2\.0\.0`"):
        write(zones, ZONES, JANUARY, run_at(3))
    assert list(zones.store.scan("_staging/")) == []


def test_a_run_that_ends_late_takes_back_nothing_that_was_recorded_meanwhile(zones: Lake) -> None:
    more = under(zones, columns=with_column("area")).contract(ZONES)
    record(zones, more)
    record(zones, load_contract(ZONES))
    assert published(zones, more) == more


def test_what_others_record_at_the_same_moment_is_looked_at_again(zones: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    area, height = (under(zones, columns=with_column(name)).contract(ZONES) for name in ("area", "height"))
    put = ObjectStore.put

    def overtaken(store: ObjectStore, target: Target | str, body: bytes) -> Any:
        monkeypatch.setattr(ObjectStore, "put", put)
        record(zones, area)
        return put(store, target, body)

    monkeypatch.setattr(ObjectStore, "put", overtaken)
    record(zones, height)
    assert published(zones, height) == area, "recorded first; the other one would take `area` back"


def test_a_contract_that_cannot_be_read_says_where_it_is(zones: Lake, run_at: RunAt) -> None:
    zones.store.put("metadata/contracts/reference/transport/zones/9.0.0.json", b"{}")
    with pytest.raises(ContractError, match=r"9\.0\.0\.json` is not a contract"):
        write(zones, ZONES, JANUARY, run_at(2))

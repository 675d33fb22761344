"""The short storm, in every test run; `make chaos` is the long one (docs/reliability.md has its figures)."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakeworks.contract import Contract
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.registration import Registrar
from lakeworks.s3.object_store import Target
from tests.chaos.damage import unhealed
from tests.chaos.harness import crowd, settled, staged, storm
from tests.chaos.pipeline import pipeline_storm
from tests.chaos.table import CONTRACT, VERSIONED, Endpoint
from tests.conftest import client, new_store


@pytest.fixture
def endpoint(request: pytest.FixtureRequest, moto_url: str) -> Endpoint:
    url = request.getfixturevalue(f"{request.param}_url")
    glue_url = moto_url if request.param == "seaweed" else url  # SeaweedFS has no Glue
    glue = client("glue", glue_url)
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    return Endpoint(url, glue_url, new_store(url).bucket)


@pytest.mark.parametrize(
    ("endpoint", "writers", "contract"),
    [("moto", 1, CONTRACT), ("ministack", 3, CONTRACT), ("seaweed", 1, CONTRACT), ("moto", 3, VERSIONED)],
    indirect=["endpoint"],
    ids=["moto-1", "ministack-3", "seaweed-1", "moto-3-versioned"],
)
def test_killed_writers_never_show_a_reader_anything_but_a_whole_partition(
    endpoint: Endpoint, writers: int, contract: Contract, tmp_path: Path
) -> None:
    endpoint = replace(endpoint, contract=contract)
    tally = storm(endpoint, kills=6, seed=7, scratch=tmp_path, writers=writers)
    assert tally.bad == []
    assert tally.unhealed == []
    assert tally.reads > 10, "the reader really looked"
    assert settled(endpoint, tally.reported) == []


@pytest.mark.parametrize("endpoint", ["moto"], indirect=True)
def test_killed_pipelines_show_a_reader_whole_and_audited_days_only(endpoint: Endpoint, tmp_path: Path) -> None:
    tally, wrong = pipeline_storm(endpoint, kills=4, seed=3, scratch=tmp_path)
    assert (tally.bad, tally.unhealed, wrong, tally.crashed) == ([], [], [], 0)
    assert tally.reads > 100, "the reader really looked"
    assert tally.refused > 0, "some were refused by the audit, or had none"


@pytest.mark.parametrize("endpoint", ["moto"], indirect=True)
def test_neighbours_do_not_hinder_each_other_and_rivals_leave_one_winner(endpoint: Endpoint, tmp_path: Path) -> None:
    tally, hindered = crowd(endpoint, rounds=3, scratch=tmp_path)
    assert hindered == []
    assert tally.published + tally.refused == 18, "no one crashed"
    assert settled(endpoint, tally.reported) == []


@pytest.mark.parametrize("endpoint", ["moto"], indirect=True)
def test_an_older_publication_at_the_live_path_is_seen_before_a_later_one_heals_it(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    lake = endpoint.lake()
    for number in (1, 2):
        run = Run(id=f"run-{number}", started_at=datetime(2026, 1, number, tzinfo=UTC))
        entries = staged(lake, number, "2019-01", run, tmp_path)
        (live,) = Publisher(lake.ledger, Registrar(lake, CONTRACT)).publish(entries)
        if number == 1:
            older, found = lake.store.get(live.objects[0].key)
    assert unhealed(lake, [CONTRACT]) == []
    lake.store.put(Target(live.objects[0].key, found.metadata), older)  # as a late request would
    assert len(unhealed(lake, [CONTRACT])) == 1

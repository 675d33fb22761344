"""OpenLineage events of a publication, read back as their JSON."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import ConfigError, FencedError
from lakeworks.lake import Lake
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.lineage.openlineage import emitter
from lakeworks.maintenance.verification import repair, verify
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.registration import Registrar
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from lakeworks.sources import open_source
from tests.lakeworks.maintenance.test_compaction import contract as large
from tests.protocol.test_versioned import PARTITION, Killed, Publishing
from tests.protocol.test_versioned import table as rows_of

JANUARY = Period.parse("2019-01")
ZONES, BRONZE, SILVER = "reference.transport.zones", "bronze.transport.yellow_trips", "silver.transport.trips"
RunAt = Callable[..., Run]


@pytest.fixture
def inputs(lake: Lake, run_at: RunAt, replay_url: str) -> Lake:
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    for table in (ZONES, BRONZE):
        land(lake, load_contract(table), JANUARY, run_at(1), open_source("nyc_tlc", replay_url))
        rebuild(lake, table, JANUARY, run_at(1))
    return lake


def repaired(lake: Lake, wanted: Contract) -> None:
    repair(lake, wanted, verify(lake, wanted, patience=timedelta(0)))


def overtaken_by_a_withdrawal(lake: Lake, wanted: Contract) -> None:
    withdraw(lake, wanted, PARTITION)


def events(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    return sorted(found, key=lambda event: str(event["eventTime"]))


def test_a_publication_tells_inputs_rows_schema_and_column_lineage(inputs: Lake, run_at: RunAt, tmp_path: Path) -> None:
    lake = replace(inputs, emit=emitter(f"file:{tmp_path / 'events'}", tmp_path))
    record = rebuild(lake, SILVER, JANUARY, run_at(2))
    start, complete = events(tmp_path / "events")
    assert [start["eventType"], complete["eventType"]] == ["START", "COMPLETE"]
    assert start["run"]["runId"] == complete["run"]["runId"]
    assert complete["job"]["name"] == SILVER
    assert complete["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2019-01-01T00:00:00+00:00"
    namespace = f"s3://{lake.store.bucket}"
    versions = {item["name"]: item["facets"]["version"]["datasetVersion"] for item in complete["inputs"]}
    assert versions == {"bronze/transport/yellow_trips": "year=2019/month=01@1", "reference/transport/zones": "all@1"}
    (output,) = complete["outputs"]
    assert (output["namespace"], output["name"]) == (namespace, "silver/transport/trips")
    figures = output["outputFacets"]["outputStatistics"]
    assert (figures["rowCount"], figures["size"], figures["fileCount"]) == (record.balance.staged, record.bytes, 31)
    assert len(output["facets"]["schema"]["fields"]) == len(load_contract(SILVER).columns)
    made_of = output["facets"]["columnLineage"]["fields"]["trip_duration_minutes"]["inputFields"]
    assert {(item["name"], item["field"]) for item in made_of} == {
        ("bronze/transport/yellow_trips", "tpep_pickup_datetime"), ("bronze/transport/yellow_trips", "tpep_dropoff_datetime"),
    }  # fmt: skip


def test_a_landed_file_is_an_input_by_its_folder(inputs: Lake, run_at: RunAt, tmp_path: Path) -> None:
    lake = replace(inputs, emit=emitter("file", tmp_path))
    rebuild(lake, BRONZE, JANUARY, run_at(2))
    complete = events(tmp_path)[-1]
    assert [item["name"] for item in complete["inputs"]] == ["landing/transport/nyc_tlc/yellow_trips"]


def test_a_refused_publication_is_reported_as_failed(inputs: Lake, run_at: RunAt, tmp_path: Path) -> None:
    rebuild(inputs, SILVER, JANUARY, run_at(5))
    lake = replace(inputs, emit=emitter("file", tmp_path))
    changed = {"rows": load_contract(SILVER).rows[1:]}
    older = replace(
        lake, contract=lambda name: load_contract(name).model_copy(update=changed if name == SILVER else {})
    )
    with pytest.raises(FencedError):
        rebuild(older, SILVER, JANUARY, run_at(3))
    failed = events(tmp_path)[-1]
    assert failed["eventType"] == "FAIL"
    assert "newer run" in failed["run"]["facets"]["errorMessage"]["message"]


def test_withdrawal_and_rollback_are_reported(inputs: Lake, run_at: RunAt, tmp_path: Path) -> None:
    """They are publications too, and were not notified of."""
    lake, day = replace(inputs, emit=emitter("file", tmp_path)), Partition.of_period(Period.parse("2019-01-05"))
    record = rebuild(inputs, SILVER, JANUARY, run_at(2))
    withdraw(lake, load_contract(SILVER), day)
    rollback(lake, load_contract(SILVER), day)
    rows = next(item.rows for item in record.partitions if item.parsed == day)
    told = events(tmp_path)
    assert [(event["job"]["name"], event["eventType"]) for event in told] == [
        (f"{SILVER}.withdrawal", "COMPLETE"), (f"{SILVER}.rollback", "COMPLETE"),
    ]  # fmt: skip
    assert len({event["run"]["runId"] for event in told}) == 2
    outputs = [event["outputs"][0] for event in told]
    assert [output["outputFacets"]["outputStatistics"]["rowCount"] for output in outputs] == [0, rows]
    assert [output["facets"]["version"]["datasetVersion"] for output in outputs] == [f"{day.path}@2", f"{day.path}@3"]
    before = [event["inputs"][0]["facets"]["version"]["datasetVersion"] for event in told]
    assert before == [f"{day.path}@1", f"{day.path}@1"]


@pytest.mark.parametrize("by", [repaired, overtaken_by_a_withdrawal])
def test_a_publication_that_another_process_completes_is_reported(
    lake: Lake, run_at: RunAt, by: Callable[[Lake, Contract], None]
) -> None:
    told: list[Any] = []
    wanted = large(target=1 << 20)
    lake = replace(lake, emit=told.append, contract=lambda _: wanted)
    killed = Publishing(lake, wanted)
    killed.publish(rows_of(100), run_at(1))
    with pytest.raises(Killed):
        killed.publish(rows_of(100, 7.0), run_at(2), die_at="register")
    assert told == []
    by(lake, wanted)
    event = told[0]
    assert (event.eventType.value, event.job.name) == ("COMPLETE", wanted.name)
    assert event.run.runId == lake.lineage.run_id(killed.stage(rows_of(1), run_at(2))), (
        "the run that its START notified of"
    )
    (output,) = event.outputs
    assert output.facets["version"].datasetVersion == "year=2019/month=01@2"
    assert output.outputFacets["outputStatistics"].rowCount == 100
    assert [other.job.name for other in told[1:]] == ([] if by is repaired else [f"{wanted.name}.withdrawal"])
    repaired(lake, wanted)
    assert len(told) == (1 if by is repaired else 2), "what is finished is not told again"


def test_a_build_that_another_process_completes_tells_its_sql_and_columns(inputs: Lake, run_at: RunAt) -> None:
    """On a slow machine another task completes a build now and then; its columns' origins were missing from then on."""
    rebuild(inputs, SILVER, JANUARY, run_at(2))
    told: list[Any] = []
    lake, contract = replace(inputs, emit=told.append), load_contract(SILVER)
    live = lake.ledger.live(contract.table, Partition.of_period(Period.parse("2019-01-05")))
    assert live
    lake.lineage.rolled_forward(contract, live)
    (event,) = told
    assert "SELECT" in event.job.facets["sql"].query
    assert event.outputs[0].facets["columnLineage"].fields["trip_duration_minutes"].inputFields


def test_a_withdrawal_that_another_process_completes_is_reported(lake: Lake, run_at: RunAt) -> None:
    told: list[Any] = []
    wanted = large(target=1 << 20)
    lake = replace(lake, emit=told.append, contract=lambda _: wanted)
    live = Publishing(lake, wanted).publish(rows_of(100), run_at(1))

    def die(step: str) -> None:
        if step == "complete":
            raise Killed

    nothing = {"kind": "withdrawal", "objects": (), "content": "", "staging": "", "run": run_at(2)}
    with pytest.raises(Killed):
        Publisher(lake.ledger, Registrar(lake, wanted), on_step=die).publish([live.model_copy(update=nothing)])
    repaired(lake, wanted)
    assert [(event.job.name, event.eventType.value) for event in told] == [(f"{wanted.name}.withdrawal", "COMPLETE")]


def test_a_rollback_does_not_wait_for_a_lineage_server(
    inputs: Lake, run_at: RunAt, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rebuild(inputs, SILVER, JANUARY, run_at(2))
    gone = replace(inputs, emit=emitter("http://127.0.0.1:9", tmp_path))
    assert withdraw(gone, load_contract(SILVER), Partition.of_period(Period.parse("2019-01-05"))).kind == "withdrawal"
    assert "was not sent" in caplog.text


@contextmanager
def listening(received: list[dict[str, Any]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append({"path": self.path, **json.loads(self.rfile.read(int(self.headers["Content-Length"])))})
            self.send_response(201)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_events_go_to_a_lineage_server_and_its_absence_stops_nothing(
    inputs: Lake, run_at: RunAt, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    received: list[dict[str, Any]] = []
    with listening(received) as url:
        rebuild(replace(inputs, emit=emitter(url, tmp_path)), SILVER, JANUARY, run_at(2))
    assert [event["eventType"] for event in received] == ["START", "COMPLETE"]
    assert {event["path"] for event in received} == {"/api/v1/lineage"}
    record = rebuild(replace(inputs, emit=emitter("http://127.0.0.1:9", tmp_path)), SILVER, JANUARY, run_at(3))
    assert record.outcome == {"unchanged": 31}
    assert "was not sent" in caplog.text


def test_a_wrong_setting_says_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LAKE_LINEAGE_URL is `kafka`: expected off, file"):
        emitter("kafka", tmp_path)

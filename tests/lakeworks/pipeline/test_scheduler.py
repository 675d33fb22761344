"""Airflow's REST API as `lakeworks status` asks it, against a server that answers in its shapes (3.3: core API v2)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lakeworks.errors import ConfigError, LakeUnavailable
from lakeworks.pipeline.scheduler import Airflow
from lakeworks_demo.stack.process import free_port

SILVER, ZONES = "silver.transport.trips", "reference.transport.zones"


def run(run_id: str, key: str | None = None, conf: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "dag_id": "taxi", "dag_run_id": run_id, "partition_key": key, "conf": conf, "run_after": "2026-11-21T05:00:00Z",
    }  # fmt: skip


def task(run_id: str, task_id: str, state: str, table: str | None = None) -> dict[str, Any]:
    return {
        "dag_id": "taxi", "dag_run_id": run_id, "task_id": task_id, "state": state, "start_date": "2026-11-21T06:00:00Z",
        "end_date": "2026-11-21T06:01:00Z" if state == "failed" else None, "rendered_fields": {"table": table} if table else {},
    }  # fmt: skip


@pytest.fixture
def airflow() -> Iterator[tuple[str, dict[str, Any]]]:
    """The server's address and what it knows."""
    knows: dict[str, Any] = {"runs": [], "tasks": [], "asked": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            offset = int(self.path.rpartition("offset=")[2])
            self._reply(200, {"dag_runs": knows["runs"][offset : offset + 100]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/auth/token"):
                good = body == {"username": "admin", "password": "s:cret"}
                self._reply(201 if good else 401, {"access_token": "token"})
                return
            knows["asked"].append((self.headers["Authorization"], body["state"]))
            self._reply(200, {"task_instances": knows["tasks"][body["page_offset"] : body["page_offset"] + 100]})

        def _reply(self, status: int, answer: Any) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}", knows
    server.shutdown()
    server.server_close()


def test_tasks_become_activities_of_their_tables_periods(airflow: tuple[str, dict[str, Any]]) -> None:
    address, knows = airflow
    knows["runs"] = [
        run("a", "2019-01"),
        run("b", conf={"from": "2019-02", "to": "2019-03"}),
        run("c"),
        run("d", "bad key"),
    ]
    knows["tasks"] = [
        task("a", "silver_trips.write", "failed", SILVER),
        task("b", "silver_trips.audit", "upstream_failed"),
        task("b", "reference_zones.fetch", "deferred", ZONES),
        task("c", "silver_trips.write", "failed", SILVER),
        task("d", "silver_trips.write", "failed", SILVER),
        task("a", "bootstrap", "running"),
        task("gone", "silver_trips.write", "running", SILVER),
    ]
    found = Airflow(f"http://admin:s%3Acret@{address}/").activities([SILVER, ZONES])
    assert [(a.table, a.period, a.state) for a in found] == [
        (SILVER, "2019-01", "failed"), (SILVER, "2019-02", "failed"), (SILVER, "2019-03", "failed"),
        (ZONES, "2019-02", "running"), (ZONES, "2019-03", "running"),
    ]  # fmt: skip
    assert (found[0].where, str(found[0].at)) == ("taxi a silver_trips.write: failed", "2026-11-21 06:01:00+00:00")
    assert knows["asked"][0][0] == "Bearer token"


def test_every_page_is_asked_for(airflow: tuple[str, dict[str, Any]]) -> None:
    address, knows = airflow
    knows["runs"] = [run(f"r{n}", "2019-01") for n in range(250)]
    knows["tasks"] = [task(f"r{n}", "silver_trips.write", "failed", SILVER) for n in range(250)]
    assert len(Airflow(f"http://{address}").activities([SILVER])) == 250


def test_a_name_two_tables_share_needs_the_rendered_field(airflow: tuple[str, dict[str, Any]]) -> None:
    address, knows = airflow
    other = "silver.harbour.trips"
    knows["runs"], knows["tasks"] = [run("a", "2019-01")], [task("a", "silver_trips.write", "failed")]
    assert Airflow(f"http://{address}").activities([SILVER, other]) == []
    knows["tasks"] = [task("a", "silver_trips.write", "failed", other)]
    assert [item.table for item in Airflow(f"http://{address}").activities([SILVER, other])] == [other]


def test_a_wrong_login_and_no_airflow_are_told_without_the_password(airflow: tuple[str, dict[str, Any]]) -> None:
    address, _ = airflow
    with pytest.raises(ConfigError, match=r"answered 401 .*Correct LAKE_AIRFLOW_URL") as refused:
        Airflow(f"http://admin:wrongsecret@{address}").activities([SILVER])
    assert "wrongsecret" not in str(refused.value)
    with pytest.raises(LakeUnavailable, match="leave LAKE_AIRFLOW_URL out"):
        Airflow(f"http://127.0.0.1:{free_port()}").activities([SILVER])

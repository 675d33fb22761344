"""Airflow's REST API as far as acts ask it: DAGs, assets, runs, who asks. In the shapes of 3.3; the real one is in tests/stack."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.json_requests import JsonHandler


@dataclass
class ActsServer:
    """What the server knows and was asked."""

    tables: Mapping[str, tuple[str, ...]]
    host: str = ""
    began: list[dict[str, Any]] = field(default_factory=list)
    unpaused: list[str] = field(default_factory=list)
    grain: str = "day"
    paused: bool = False
    takes_dev: bool = True
    started_by: str = ""  # the asset whose publication starts the DAGs
    refuses: bool = False
    tokens: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def forget(self) -> None:
        """Begin without runs."""
        self.began, self.unpaused, self.paused, self.refuses = [], [], False, False
        self.tokens = set()

    def get(self, path: str, asked: Mapping[str, list[str]]) -> Any:
        """The answer to a question; None for 404."""
        parts = path.removeprefix("/api/v2/").split("/")
        match parts:
            case ["assets"]:
                return {"assets": list(self._assets(asked["name_pattern"][0]))}
            case ["dags", dag_id, "details"]:
                return self._details(dag_id)
            case ["dags", dag_id, "tasks"]:
                return {"tasks": [{"task_id": f"{_group(table)}.write"} for table in self.tables[dag_id]]}
            case ["dags", dag_id, "dagRuns"]:
                prefix = asked.get("run_id_prefix_pattern", [""])[0]
                found = [run for run in self.began if run["dag_id"] == dag_id or dag_id == "~"]
                states = asked.get("state", [])
                return {
                    "dag_runs": [
                        run
                        for run in found
                        if run["dag_run_id"].startswith(prefix) and (not states or run["state"] in states)
                    ]
                }
            case ["dags", dag_id, "dagRuns", run_id]:
                return next((run for run in self.began if run["dag_run_id"] == unquote(run_id)), None)
            case ["dags", _, "dagRuns", _, "taskInstances", *_]:
                return {"task_instances": []}
        return None

    def begin(self, path: str, body: dict[str, Any], token: str) -> Any:
        """Keep a run; None if its name is taken."""
        run = {
            "dag_id": path.split("/")[4], "token": token, "state": "queued", "partition_key": None, "conf": {},
            "start_date": None, "end_date": None, "triggering_user_name": "olga", **body,
        }  # fmt: skip
        if any((run["dag_id"], run["dag_run_id"]) == (known["dag_id"], known["dag_run_id"]) for known in self.began):
            return None
        self.began.append(run)
        return run

    def _assets(self, name: str) -> Iterator[dict[str, Any]]:
        for dag_id, tables in self.tables.items():
            for table in tables:
                if name in table:
                    yield {
                        "name": table,
                        "producing_tasks": [{"dag_id": dag_id, "task_id": f"{_group(table)}.publish"}],
                    }

    def _details(self, dag_id: str) -> Any:
        if dag_id in self.tables:
            schema = {"from": {"schema": {"grain": self.grain}}} | ({"dev": {}} if self.takes_dev else {})
            return {
                "tags": [], "params": schema, "is_paused": self.paused, "start_date": "2019-01-01T00:00:00Z",
                "asset_expression": {"any": [{"asset": {"name": self.started_by}}]} if self.started_by else None,
            }  # fmt: skip
        return {"is_paused": self.paused} if dag_id.startswith("lake_") else None


def _group(table: str) -> str:
    layer, _, name = table.partition("@")[0].split(".")  # the asset of a tenant's table ends in `@acme`
    return f"{layer}_{name}"


@contextmanager
def serving_acts(tables: Mapping[str, tuple[str, ...]]) -> Iterator[ActsServer]:
    """The server, until the end."""
    knows = ActsServer(tables)

    class Handler(JsonHandler, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            knows.tokens.add(self.headers["Authorization"])
            found = knows.get(parts.path, parse_qs(parts.query))
            self.reply(404 if found is None else 200, found or {"detail": "not found"})

        def do_POST(self) -> None:
            body = self.body()
            if self.path.endswith("/list"):
                self.reply(200, knows.get(self.path, {}))
            elif knows.refuses:
                self.reply(403, {"detail": "Forbidden"})
            else:
                begun = knows.begin(self.path, body, self.headers["Authorization"])
                self.reply(200 if begun else 409, begun or {"detail": "already exists"})

        def do_PATCH(self) -> None:
            self.body()
            knows.unpaused.append(self.path.split("/")[4])
            self.reply(200, {})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    knows.host = f"127.0.0.1:{server.server_address[1]}"
    yield knows
    server.shutdown()
    server.server_close()

"""Airflow's REST API as far as `lakeworks` asks it for runs and tasks, by a server that answers in its shapes (3.3: core API v2)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.json_requests import JsonHandler


def run(run_id: str, key: str | None = None, conf: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "dag_id": "taxi", "dag_run_id": run_id, "partition_key": key, "conf": conf, "run_after": "2026-11-21T05:00:00Z",
    }  # fmt: skip


def task(run_id: str, task_id: str, state: str, table: str | None = None) -> dict[str, Any]:
    return {
        "dag_id": "taxi", "dag_run_id": run_id, "task_id": task_id, "state": state, "start_date": "2026-11-21T06:00:00Z",
        "end_date": "2026-11-21T06:01:00Z" if state == "failed" else None, "rendered_fields": {"table": table} if table else {},
    }  # fmt: skip


@contextmanager
def serving_airflow() -> Iterator[tuple[str, dict[str, Any]]]:
    """The server's address and what it knows."""
    knows: dict[str, Any] = {"runs": [], "tasks": [], "asked": [], "answers": {}, "decided": {}}

    class Handler(JsonHandler, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = knows["answers"].get(self.path.partition("?")[0].removeprefix("/api/v2/"))
            if known is not None or "offset=" not in self.path:
                self.reply(404 if known is None else 200, known)
                return
            offset = int(self.path.rpartition("offset=")[2])
            self.reply(200, {"dag_runs": knows["runs"][offset : offset + 100]})

        def do_POST(self) -> None:
            body = self.body()
            if self.path.endswith("/auth/token"):
                good = body == {"username": "admin", "password": "s:cret"}
                self.reply(201 if good else 401, {"access_token": "token"})
                return
            knows["asked"].append((self.headers["Authorization"], body["state"]))
            self.reply(200, {"task_instances": knows["tasks"][body["page_offset"] : body["page_offset"] + 100]})

        def do_PATCH(self) -> None:
            body, path = self.body(), self.path.removeprefix("/api/v2/")
            if path in knows["decided"]:  # as Airflow answers to the second person
                self.reply(409, {"detail": "Human-in-the-loop detail has already been updated"})
                return
            knows["decided"][path] = body
            self.reply(200, body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}", knows
    server.shutdown()
    server.server_close()

"""The local stack: start its parts, in parallel where possible, and stop all that were started."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import requests

from lakeworks.project import current_project
from lakeworks_local.stack.environment import (
    Addresses,
    base_environment,
    ministack_environment,
    stack_environment,
    write_env_file,
)
from lakeworks_local.stack.folder import emptied, first_day, hold
from lakeworks_local.stack.postgres import end_leftover
from lakeworks_local.stack.process import Service, StackError, free_port, running, start, stop_all, wait_until

# Stop in this order: Airflow's parts before the services they use.
ORDER = (
    "stream-consumer",
    "airflow-scheduler",
    "airflow-triggerer",
    "airflow-dag-processor",
    "airflow-api-server",
    "replay",
    "ministack",
    "postgres",
)


class Stack:
    """The stack in one state folder. `extra` is added to the environment that its processes share.

    With `moved_dates` the sources' sample data end yesterday. The folder keeps the day of its first start, because data that
    a running lake has received must not move again.
    """

    def __init__(self, folder: Path, extra: Mapping[str, str] | None = None, *, moved_dates: bool = False) -> None:
        self.folder = folder.resolve()
        self.project = current_project()
        self.extra = dict(extra or {})
        self.moved_dates = moved_dates
        self.run = self.folder / "run"
        self.environment: dict[str, str] = {}
        self.services: list[Service] = []
        self.addresses: Addresses | None = None
        self._hold: IO[str] | None = None

    @property
    def env_file(self) -> Path:
        """Return the file with the environment for a person's shell."""
        return self.folder / "stack.env"

    def running(self) -> list[str]:
        """Return the running parts, no matter which command started them."""
        return running(self.run)

    def check(self) -> None:
        """Raise StackError with the end of its log if a part that was started here has ended."""
        for service in self.services:
            service.check(" by itself")

    def start(self, *, fresh: bool, step: Callable[[str], None] = lambda _: None) -> Addresses:
        """Start everything; after a failure stop everything. The folder is locked until `stop` or the end of this process.

        Raises:
            StackError: a part did not start, the stack runs already, or the folder is not ours alone.
        """
        if alive := self.running():
            raise StackError(f"The stack runs already ({', '.join(alive)}). Stop it first: make down")
        self._hold = hold(self.folder)
        try:
            self._end_all()
            return self._start(fresh, step)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> list[str]:
        """Stop every part, no matter which command started it, and unlock the folder. Return the parts that ran."""
        stopped = self._end_all()
        if self._hold is not None:
            self._hold.close()
        return stopped

    def consume(self, stream: str) -> None:
        """Start a consumer of a stream of lake.yml, as a process of the stack. It lands records within a second."""
        quick = ["--max-age", "0.5", "--settle", "1", "--lease", "10"]
        self._service("stream-consumer", ["lakeworks", "stream", "run", stream, *quick], self.environment)

    def kill_airflow(self, part: str) -> None:
        """Kill a part of Airflow (`scheduler`) and its group by SIGKILL, like a machine crash. Tasks have their own groups.

        One process is not enough: the executor's workers share its database connection, and its locks.
        """
        service = self._airflow_part(part)
        os.killpg(service.process.pid, signal.SIGKILL)
        service.process.wait()

    def restart_airflow(self, part: str) -> None:
        """Start a part of Airflow that ended. It appends to the same log."""
        self.services.remove(self._airflow_part(part))
        self._start_airflow(part)

    def _airflow_part(self, part: str) -> Service:
        return next(service for service in self.services if service.name == f"airflow-{part}")

    def _end_all(self) -> list[str]:
        stopped = stop_all(self.run, ORDER)
        if end_leftover(self.folder / "postgres"):
            stopped.append("postgres")
        return list(dict.fromkeys(stopped))

    def _start(self, fresh: bool, step: Callable[[str], None]) -> Addresses:
        if fresh:
            emptied(self.folder)
        self.run.mkdir(exist_ok=True)
        for old in (*self.run.glob("*.log"), *self.run.glob("*.ready")):
            old.unlink()
        step("PostgreSQL, AWS endpoint and source replay")
        self.addresses = Addresses(*self._foundations(), free_port())
        shared = {**stack_environment(self.folder, self.project.root, self.addresses), **self.extra}
        write_env_file(self.env_file, shared)
        self.environment = {**base_environment(), **shared}
        step("Airflow's metadata database")
        self._migrate()
        step("Airflow: api-server, scheduler, dag-processor, triggerer")
        self._airflow()
        return self.addresses

    def _service(self, name: str, command: list[str], environment: dict[str, str]) -> Service:
        service = start(name, command, environment, self.run)
        self.services.append(service)
        return service

    def _foundations(self) -> tuple[str, str, str]:
        """Start all services that Airflow needs, then wait for each. Return their addresses."""
        base, python = base_environment(), [sys.executable, "-m"]
        ready = {name: self.run / f"{name}.ready" for name in ("postgres", "replay")}
        data = str(self.folder / "postgres")
        postgres = self._service(
            "postgres", [*python, "lakeworks_local.stack.postgres", data, str(ready["postgres"])], base
        )
        sources = [*python, "lakeworks_local.replay", "--ready-file", str(ready["replay"])]
        if self.moved_dates:
            sources += ["--today", first_day(self.folder, datetime.now(UTC).date())]
        replay = self._service("replay", sources, base)
        url = f"http://127.0.0.1:{(port := free_port())}"
        aws = self._service(
            "ministack", ["ministack"], {**base, **ministack_environment(self.folder / "ministack", port, free_port())}
        )
        address = self._await_file(replay, ready["replay"], 30)
        wait_until(aws, lambda: _answers(f"{url}/_ministack/health"), 30, self.services)
        return self._await_file(postgres, ready["postgres"], 60), url, address

    def _migrate(self) -> None:
        log = self.run / "airflow-migrate.log"
        with log.open("wb") as output:
            done = subprocess.run(
                ["airflow", "db", "migrate"],
                env=self.environment,
                stdout=output,
                stderr=output,
                check=False,
                cwd=self.run,
            )
        if done.returncode:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
            raise StackError(f"`airflow db migrate` failed.\n--- airflow-migrate.log ---\n{tail}")

    def _airflow(self) -> None:
        assert self.addresses is not None
        for part in ("api-server", "scheduler", "dag-processor", "triggerer"):
            self._start_airflow(part)
        api, scheduler = self.services[-4], self.services[-3]
        health = f"{self.addresses.airflow}/api/v2/monitor/health"
        wait_until(api, lambda: _answers(health), 300, self.services)
        wait_until(scheduler, lambda: _all_healthy(health), 300, self.services)

    def _start_airflow(self, part: str) -> None:
        # Their log servers would listen on every interface. All logs are in one folder here, so none is needed.
        quiet = ["--skip-serve-logs"] if part in ("scheduler", "triggerer") else []
        self._service(f"airflow-{part}", ["airflow", part, *quiet], self.environment)

    def _await_file(self, service: Service, ready: Path, seconds: float) -> str:
        wait_until(service, lambda: ready.is_file() and bool(ready.read_text()), seconds, self.services)
        return ready.read_text().strip()


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return direct_session().get(url, timeout=5).ok
    return False


def direct_session() -> requests.Session:
    """Return a session without a proxy, because the whole stack is on this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


def _all_healthy(url: str) -> bool:
    with contextlib.suppress(requests.RequestException, ValueError):
        health = direct_session().get(url, timeout=5).json()
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return all(health.get(part, {}).get("status") == "healthy" for part in parts)
    return False

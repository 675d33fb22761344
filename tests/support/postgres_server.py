"""A PostgreSQL of a test's own, as the local stack starts it."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class PostgresServer:
    """A server in a folder that PostgreSQL's own user can reach; it can be stopped, and started again on its data."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lw-pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self) -> None:
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "lakeworks_local.stack.postgres", str(self.folder / "data"), str(ready)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 90
        while not ready.exists():
            assert self.process.poll() is None, f"PostgreSQL ended with {self.process.returncode}"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.address = f"postgresql://postgres@/airflow?host={ready.read_text().rpartition('host=')[2]}"

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(30)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def restartable_postgres() -> Iterator[PostgresServer]:
    """Give a running server."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextmanager
def running_postgres() -> Iterator[str]:
    """Give a server's address."""
    with restartable_postgres() as server:
        yield server.address

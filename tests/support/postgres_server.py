"""A PostgreSQL of a test's own, as the local stack starts it."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running_postgres() -> Iterator[str]:
    """Give its address; the folder is one that PostgreSQL's own user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="lw-pg-", dir="/tmp"))
    folder.chmod(0o755)
    ready = folder / "ready"
    command = [sys.executable, "-m", "lakeworks_local.stack.postgres", str(folder / "data"), str(ready)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 90
        while not ready.exists():
            assert process.poll() is None, f"PostgreSQL ended with {process.returncode}"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"postgresql://postgres@/airflow?host={ready.read_text().rpartition('host=')[2]}"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)

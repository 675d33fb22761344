"""The stack's folder, secrets, PostgreSQL and waiting: each a defect that was met once."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from lakeworks_local.stack.api import AirflowApi
from lakeworks_local.stack.environment import kept_secrets, write_env_file
from lakeworks_local.stack.folder import MARKER, emptied, hold
from lakeworks_local.stack.postgres import leftover
from lakeworks_local.stack.process import StackError, start, stop_all
from lakeworks_local.stack.stack import Stack
from lakeworks_local.walkthrough import Demo
from tests.lakeworks_local.test_process import hears_ctrl_c

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "lakeworks_local", *arguments]
    return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=60)


def eventually(holds: Any, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return bool(holds())


# The folder


def test_a_demo_refuses_a_folder_that_is_not_ours_and_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = command("demo", "--state", str(tmp_path))
    assert done.returncode == 1
    assert "is not a folder of this stack" in done.stdout
    assert "Name another with --state" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_down_leaves_a_folder_that_is_not_ours_alone(tmp_path: Path) -> None:
    """`down --state /var` must not tidy /var/run. The message is one line, whatever the folder's name."""
    folder = tmp_path / f"[red]{'a-long-name-' * 15}"
    (folder / "run").mkdir(parents=True)
    (folder / "run" / "sshd.pid").write_text("1234\n")
    done = command("down", "--state", str(folder))
    says = f"failed: `{folder}` is not a folder of this stack; nothing was touched\n"
    assert (done.returncode, done.stdout) == (1, says)
    assert (folder / "run" / "sshd.pid").is_file()


def test_only_a_folder_with_our_marker_is_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    with hold(folder):
        (folder / "airflow").mkdir()
        (folder / "airflow" / "log").write_text("x")
        (folder / "link").symlink_to(tmp_path)
        emptied(folder)
    assert [path.name for path in folder.iterdir()] == [MARKER]
    assert tmp_path.is_dir(), "what a link points at is not ours"


def test_two_starts_on_one_folder_exclude_each_other(tmp_path: Path) -> None:
    with hold(tmp_path):
        done = command("up", "--state", str(tmp_path))
        assert (done.returncode, "Another command is starting" in done.stdout) == (1, True), done.stdout
    hold(tmp_path).close()


def test_a_killed_owner_does_not_keep_the_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from lakeworks_local.stack.folder import hold;"
        "kept = hold(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    owner.stdout.readline()
    with pytest.raises(StackError, match="Another command"):
        hold(tmp_path)
    owner.kill()
    owner.wait()
    hold(tmp_path).close()


# Secrets


def test_secrets_are_made_once_for_a_folder_and_no_one_else_can_read_them(tmp_path: Path) -> None:
    first, again, other = kept_secrets(tmp_path), kept_secrets(tmp_path), tmp_path / "other"
    other.mkdir()
    assert first == again, "a kept PostgreSQL holds connections encrypted with them"
    assert set(first) == {"AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"}
    assert not set(first.values()) & set(kept_secrets(other).values())
    write_env_file(tmp_path / "stack.env", first)
    for name in ("secrets.json", "stack.env"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


# PostgreSQL


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The wrapper process and the address it wrote."""
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    module = [sys.executable, "-m", "lakeworks_local.stack.postgres", str(folder / "data"), str(ready)]
    wrapper = subprocess.Popen(module, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert eventually(lambda: ready.is_file() or wrapper.poll() is not None, 60)
        yield wrapper, ready.read_text()
    finally:
        wrapper.terminate()
        wrapper.wait(30)


def select(url: str, sql: str) -> Any:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        result = connection.execute(sqlalchemy.text(sql))
        return result.scalar() if result.returns_rows else None


def test_postgres_ends_with_a_killed_wrapper_and_starts_again_with_its_data(tmp_path: Path) -> None:
    folder = tmp_path / "a state & more"  # such a path broke pg_ctl's options and the database URL
    folder.mkdir()
    with postgres(folder) as (wrapper, url):
        select(url, "create table kept as select 7 as seven")
        server = leftover(folder / "data")
        assert server is not None
        wrapper.kill()
        wrapper.wait()
        assert eventually(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
    with postgres(folder) as (_, url):
        assert select(url, "select seven from kept") == 7
        server = leftover(folder / "data")
        sockets = Path(url.partition("host=")[2])
    assert server is not None
    assert not server.is_running()
    assert not sockets.exists(), "the socket's folder goes with the server"


def test_down_ends_a_postgres_whose_wrapper_is_gone(tmp_path: Path) -> None:
    """A server that is no one's child any more, as the wheel's own starter left them."""
    data = tmp_path / "postgres"
    data.mkdir()
    fake = tmp_path / "bin" / "postgres"
    fake.parent.mkdir()
    fake.symlink_to("/bin/sleep")
    server = subprocess.Popen([str(fake), "600"], cwd=data)
    (data / "postmaster.pid").write_text(f"{server.pid}\n{data}\n")
    assert leftover(data) is not None
    assert Stack(tmp_path).stop() == ["postgres"]
    assert server.wait(5) is not None
    assert not psutil.pid_exists(server.pid)


# Stopping


def test_a_pid_file_goes_only_after_its_process(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(15, lambda *_: None); print('up', flush=True); time.sleep(600)"
    service = start("stubborn", [sys.executable, "-c", stubborn], dict(os.environ), tmp_path)
    assert eventually(lambda: "up" in service.log.read_text())
    stopping = subprocess.Popen(
        [sys.executable, "-c", "import sys; from pathlib import Path; from lakeworks_local.stack.process import stop_all;"
         "stop_all(Path(sys.argv[1]), [], patience=60)", str(tmp_path)],
    )  # fmt: skip
    try:
        time.sleep(1)
        assert service.process.poll() is None
        assert (tmp_path / "stubborn.pid").is_file(), "if the stopping command is killed now, the next one must find it"
    finally:
        stopping.kill()
        stopping.wait()
        assert stop_all(tmp_path, [], patience=0.2) == ["stubborn"]
    assert list(tmp_path.glob("*.pid")) == []


def test_ctrl_c_while_a_part_does_not_answer_stops_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from lakeworks_local.stack import stack; import lakeworks_local.__main__ as demo;"
        f"begin = stack.start; stack.start = lambda name, command, *rest: begin(name, {SLEEPER!r}, *rest);"
        f"sys.argv = ['demo', 'demo', '--state', {str(tmp_path / 'state')!r}]; sys.exit(demo.main())"
    )
    demo = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, preexec_fn=hears_ctrl_c)
    assert eventually(lambda: len(Stack(tmp_path / "state").running()) == 3, 30)
    began = time.monotonic()
    demo.send_signal(signal.SIGINT)
    assert demo.wait(20) == 130, demo.stdout.read() if demo.stdout else ""
    assert time.monotonic() - began < 5, "not after the 30 seconds a part may take to answer"
    assert Stack(tmp_path / "state").running() == []


def test_a_test_endpoint_ends_with_a_killed_owner(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from tests.conftest import running_ministack\n"
        "with running_ministack(Path(sys.argv[1])) as url: print(url, flush=True); time.sleep(600)"
    )
    root = Path(__file__).resolve().parents[2]
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root)
    assert owner.stdout is not None
    port = int(owner.stdout.readline().strip().rpartition(":")[2])
    owner.kill()
    owner.wait()

    def refused() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    assert eventually(refused)


def test_the_aws_stand_in_listens_on_loopback_only(ministack_url: str) -> None:
    port = int(ministack_url.rpartition(":")[2])
    mine = psutil.Process().children(recursive=True)
    listening = []
    for process in mine:
        with suppress(psutil.NoSuchProcess):  # other tests' processes come and go
            listening += [item.laddr for item in process.net_connections("inet") if item.status == psutil.CONN_LISTEN]
    assert port in {item.port for item in listening}
    assert {item.ip for item in listening} <= {"127.0.0.1", "::1"}


# Waiting


class ScriptedApi(AirflowApi):
    """Answers the run listing from a list, newest first, as the server pages it."""

    def __init__(self, runs: list[dict[str, str]]) -> None:
        super().__init__("http://127.0.0.1:1", ("", ""))
        self.listed = runs

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        page = arguments["params"]
        assert page["order_by"] == "-id"
        chosen = self.listed[page["offset"] : page["offset"] + page["limit"]]
        return {"dag_runs": chosen, "total_entries": len(self.listed)}


def test_more_runs_than_a_page_are_all_seen() -> None:
    runs = [{"dag_run_id": str(number)} for number in range(250)]
    assert ScriptedApi(runs).runs("taxi") == runs


def test_the_demo_waits_for_the_runs_of_its_own_backfill(tmp_path: Path) -> None:
    demo = Demo(Stack(tmp_path), Console())
    taxi = next(run for run in demo.plan.runs if run.backfill)

    def runs(prefix: str) -> list[dict[str, str]]:
        return [{"dag_run_id": f"{prefix} {key}", "partition_key": key, "run_type": "backfill"} for key in taxi.keys]

    known = {run["dag_run_id"] for run in runs("old")}
    assert len(taxi.keys) == 2
    assert demo._backfilled(ScriptedApi(runs("new") + runs("old")), taxi, known) == [f"new {key}" for key in taxi.keys]


def test_the_demo_waits_for_the_newest_run_of_a_schedule(tmp_path: Path) -> None:
    """A stack that is started again has the schedule's runs of earlier days, and runs by hand."""
    listed = [
        {"dag_run_id": f"{kind} {key}", "partition_key": key, "run_type": kind}
        for kind, key in (("manual", "2026-11-30"), ("scheduled", "2026-11-28"), ("scheduled", "2026-11-27"))
    ]
    assert Demo(Stack(tmp_path), Console())._scheduled(ScriptedApi(listed), "taxi") == "scheduled 2026-11-28"


def test_a_part_that_ends_while_the_demo_waits_is_reported_with_its_log(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    scheduler = [sys.executable, "-c", "print('out of memory'); raise SystemExit(9)"]
    stack.services.append(start("airflow-scheduler", scheduler, dict(os.environ), stack.run))
    stack.services[0].process.wait()
    with pytest.raises(StackError, match=r"airflow-scheduler ended with code 9 by itself(?s:.*)out of memory"):
        Demo(stack, Console())._wait(ScriptedApi([]), [("taxi", "a run")])
    assert json.loads((stack.run / "airflow-scheduler.pid").read_text())["pid"] == stack.services[0].process.pid

"""Processes of the stack: health, logs on failure, and nothing left running whatever happens to the owner."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from lakeworks_local.stack.process import StackError, free_port, running, start, stop_all, wait_until
from lakeworks_local.stack.stack import Stack

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def test_a_free_port_can_be_bound() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port := free_port()))
        assert probe.getsockname()[1] == port


def test_a_service_that_dies_shows_its_log(tmp_path: Path) -> None:
    service = start(
        "broken", [sys.executable, "-c", "print('no disk'); raise SystemExit(3)"], dict(os.environ), tmp_path
    )
    with pytest.raises(StackError, match=r"broken ended with code 3(?s:.*)broken.log(?s:.*)no disk"):
        wait_until(service, lambda: False, 20)
    assert running(tmp_path) == []


def test_a_service_that_never_answers_shows_its_log(tmp_path: Path) -> None:
    service = start("mute", SLEEPER, dict(os.environ), tmp_path)
    try:
        with pytest.raises(StackError, match=r"mute did not answer within 1 s(?s:.*)up"):
            wait_until(service, lambda: False, 1)
    finally:
        assert stop_all(tmp_path, ["mute"]) == ["mute"]
    assert service.process.wait(5) is not None


def test_what_a_killed_owner_left_is_stopped_by_the_next_call(tmp_path: Path) -> None:
    code = (
        "import sys, os, time; from pathlib import Path; from lakeworks_local.stack.process import start;"
        f"start('orphan', {SLEEPER!r}, dict(os.environ), Path(sys.argv[1])); print('started', flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    owner.stdout.readline()
    owner.kill()
    owner.wait()
    assert running(tmp_path) == ["orphan"], "it survived its owner"
    assert stop_all(tmp_path, ["orphan"]) == ["orphan"]
    assert running(tmp_path) == []


def test_children_in_groups_of_their_own_are_stopped_too(tmp_path: Path) -> None:
    code = f"import subprocess, time; p = subprocess.Popen({SLEEPER!r}, start_new_session=True); print(p.pid, flush=True); time.sleep(600)"
    service = start("parent", [sys.executable, "-c", code], dict(os.environ), tmp_path)
    while not service.log.read_text().strip():
        time.sleep(0.05)
    child = int(service.log.read_text().split()[0])
    stop_all(tmp_path, ["parent"])
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_stranger_with_a_recycled_number_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "old.pid").write_text(f'{{"pid": {os.getpid()}, "started": 1.0}}')
    assert stop_all(tmp_path, ["old"]) == []
    assert list(tmp_path.iterdir()) == []


def test_starting_twice_is_reported(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    start("replay", SLEEPER, dict(os.environ), stack.run)
    try:
        with pytest.raises(StackError, match=r"runs already \(replay\).*make down"):
            stack.start(fresh=False)
    finally:
        stack.stop()


def hears_ctrl_c() -> None:
    """A CI that runs in the background of a shell ignores SIGINT, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_demo_stops_everything(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lakeworks_local", "demo", "--state", str(tmp_path / "state")]
    demo = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=hears_ctrl_c
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not running(tmp_path / "state" / "run"):
        time.sleep(0.1)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130, demo.stdout.read() if demo.stdout else ""
    assert running(tmp_path / "state" / "run") == []


def test_a_failing_demo_names_its_step_shows_the_log_and_exits_1(tmp_path: Path) -> None:
    state = tmp_path / "state"
    code = (
        "import sys; from pathlib import Path; from lakeworks_local.stack import stack; import lakeworks_local.__main__ as demo;"
        "begin = stack.start; stack.start = lambda name, command, *rest: begin(name,"
        " [sys.executable, '-c', 'raise SystemExit(\"port taken\")'] if name == 'replay' else command, *rest);"
        f"sys.argv = ['demo', 'demo', '--state', {str(state)!r}]; sys.exit(demo.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    for part in ("failed in the step «Start the stack»", "replay ended with code 1", "replay.log", "port taken"):
        assert part in done.stdout, done.stdout
    assert running(state / "run") == []


def test_a_second_up_leaves_the_running_stack_alone(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    start("replay", SLEEPER, dict(os.environ), stack.run)
    try:
        command = [sys.executable, "-m", "lakeworks_local", "up", "--state", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, "runs already (replay)" in done.stdout) == (1, True)
        assert stack.running() == ["replay"]
    finally:
        stack.stop()


def test_what_outlived_a_killed_parent_is_stopped_too(tmp_path: Path) -> None:
    code = f"import subprocess, time; p = subprocess.Popen({SLEEPER!r}, start_new_session=True); print(p.pid, flush=True); time.sleep(600)"
    service = start("scheduler", [sys.executable, "-c", code], dict(os.environ), tmp_path)
    while not service.log.read_text().strip():
        time.sleep(0.05)
    child = int(service.log.read_text().split()[0])
    service.process.kill()
    service.process.wait()
    assert psutil.pid_exists(child)
    stop_all(tmp_path, ["scheduler"])
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE

"""Scratch folders: gone with their task, also when it is killed; a disk that is full is an error of the tree."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lakeworks.core.scratch import scratch_folder
from lakeworks.errors import ScratchUnavailable, TransientError

KILLED = """
import sys
from pathlib import Path
from lakeworks.core.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "rows").write_bytes(b"x" * 1000)
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_gone_after_its_task(tmp_path: Path) -> None:
    with scratch_folder(tmp_path / "new") as folder:
        (folder / "file").write_text("x")
    with pytest.raises(ZeroDivisionError), scratch_folder(tmp_path / "new"):
        1 / 0  # noqa: B018
    assert list((tmp_path / "new").iterdir()) == []


def test_what_a_killed_task_left_is_removed_by_the_next_and_a_living_one_keeps_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        with scratch_folder(tmp_path):
            assert len(list(tmp_path.glob("task-*/rows"))) == 1, "its owner lives"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert len(list(tmp_path.glob("task-*/rows"))) == 1
    with scratch_folder(tmp_path):
        assert list(tmp_path.glob("task-*/rows")) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_a_transient_error_that_says_what_to_do(tmp_path: Path, code: int) -> None:
    with (
        pytest.raises(ScratchUnavailable, match=r"cannot be written: .*Free space") as raised,
        scratch_folder(tmp_path),
    ):
        raise OSError(code, os.strerror(code))
    assert isinstance(raised.value, TransientError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["scratch", "scratch/deeper"])
def test_a_scratch_folder_that_is_a_file_is_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "scratch").write_text("")
    with pytest.raises(ScratchUnavailable, match="scratch"), scratch_folder(tmp_path / folder):
        pass


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), scratch_folder(tmp_path):
        raise FileNotFoundError(errno.ENOENT, "no such file", "/somewhere/else")

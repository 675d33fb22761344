"""The runner of planted faults, on a project of two files: it tells found from missed, and refuses a list that is not true."""

import getpass
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.planted import Fault, StaleFault, problems
from tests.mutants.record import Record
from tests.mutants.scratch import Scratch, Verdict

TESTS = ("tests/test_sums.py",)
FAULT = Fault("sum", "a sum is a difference", "sums", "return a + b", "return a - b", TESTS)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "include/sums.py": "def add(a, b):\n    return a + b\n\n\ndef unused():\n    return 1\n",
        "conftest.py": "from hypothesis import settings\nsettings.register_profile('mutants')\n",
        "tests/test_sums.py": "from sums import add\n\n\ndef test_sum():\n    assert add(1, 2) == 3\n",
    }
    for name, content in files.items():
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text(content)
    (tmp_path / "project" / "plugins").mkdir()
    subprocess.run(["git", "init", "-q", tmp_path / "project"], check=True)
    return tmp_path / "project"


def test_a_fault_is_found_missed_or_broken_and_taken_out_again(project: Path, tmp_path: Path) -> None:
    scratch = Scratch.of(project, tmp_path / "copy")
    found = scratch.judge(FAULT)
    assert (found.outcome, found.by) == ("found", "tests/test_sums.py::test_sum")
    missed = replace(FAULT, text="return 1", becomes="return 2")
    assert scratch.judge(missed).outcome == "survived"
    no_python = replace(FAULT, becomes="return a +")
    assert scratch.judge(no_python).outcome == "broken", "a module that does not load proves nothing"
    assert scratch.pytest(*TESTS).returncode == 0
    assert (project / "include/sums.py").read_text() == (tmp_path / "copy/include/sums.py").read_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"text": "return b + a"}, "occurs 0 times"),
        ({"text": "return"}, "occurs 2 times"),
        ({"becomes": "return a + b"}, "must occur once and differ"),
        ({"module": "totals"}, "there is no module `totals`"),
        ({"tests": ("tests/test_totals.py::test_sum",)}, "there are no tests tests/test_totals.py::test_sum"),
        ({"tests": ()}, "there are no tests named"),
    ],
)
def test_a_list_that_is_not_true_of_the_code_is_refused(project: Path, change: dict[str, str], says: str) -> None:
    assert list(problems([FAULT], project)) == []
    (problem,) = problems([replace(FAULT, **change)], project)  # type: ignore[arg-type]
    assert says in problem


def test_a_run_takes_no_rights_of_another_sessions_folder(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL has a user of its own, and stopped when a second session began: pytest closes the common folder to others."""
    common = tmp_path / f"pytest-of-{getpass.getuser()}"
    common.mkdir()
    common.chmod(0o755)
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path))
    (project / "tests/test_sums.py").write_text("def test_sum(tmp_path):\n    assert tmp_path.is_dir()\n")
    assert Scratch.of(project, tmp_path / "copy").pytest(*TESTS).returncode == 0
    assert common.stat().st_mode & 0o777 == 0o755


def test_a_test_that_fails_without_the_fault_has_found_nothing(project: Path, tmp_path: Path) -> None:
    broken = "tests/test_broken.py::test_sum"
    (project / "tests/test_broken.py").write_text("def test_sum():\n    assert False\n")
    scratch = Scratch.of(project, tmp_path / "copy")
    verdict = scratch.judge(replace(FAULT, tests=(broken, *TESTS)))
    assert verdict.noticed_by == (broken,)
    assert scratch.failing([*verdict.noticed_by, *TESTS], workers=1) == {broken}
    assert scratch.failing(TESTS, workers=1) == set()
    assert scratch.failing(["tests/test_gone.py::test_sum"], workers=1), "nothing ran, so nothing is proven"


def test_two_faults_of_one_name_are_refused_and_nothing_is_planted_by_a_stale_one(project: Path) -> None:
    assert list(problems([FAULT, FAULT], project)) == ["`sum`: 2 faults have this name."]
    with pytest.raises(StaleFault, match="Correct the entry"):
        FAULT.mutated("def add(a, b):\n    return b + a\n")


def test_a_found_fault_is_judged_again_when_its_module_or_its_test_changed(project: Path, tmp_path: Path) -> None:
    log = tmp_path / "logs/faults.jsonl"
    record = Record(log, project)
    other = replace(FAULT, name="other")
    record.add(Verdict(FAULT, "found", "tests/test_sums.py::test_sum", 1.0))
    record.add(Verdict(other, "survived", "", 1.0))
    log.write_text(log.read_text() + '{"key": "cut o')
    again = Record(log, project)
    assert again.found(FAULT)
    assert not again.found(other), "a survivor may have a test by now"
    assert not again.found(replace(FAULT, becomes="return a * b"))
    for name in ("include/sums.py", "tests/test_sums.py"):
        before = (project / name).read_text()
        (project / name).write_text(before + "\n")
        assert not again.found(FAULT), name
        (project / name).write_text(before)
    assert again.found(FAULT)

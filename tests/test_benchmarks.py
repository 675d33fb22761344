"""The benchmarks themselves: the same input everywhere, fair rounds, ratios by round, no figure for a wrong answer."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from benchmarks import compare, data, report
from benchmarks.__main__ import Check
from benchmarks.case import Case, Entry, Place
from benchmarks.rounds import ROOT, Samples, load, merged, run_case, save

PLACE = Place("", "", "", "", "")


def step(seconds: float) -> Callable[[Place], Callable[[], Any]]:
    return lambda _: lambda: {"rows": seconds}


CASE = Case("toy", "A toy", {"lakeworks": Entry(step(1)), "peer": Entry(step(2), note="a note")}, data="")


def run(seconds: float, together: str = "1") -> dict[str, Any]:
    figures = {"seconds": seconds, "cpu": seconds, "peak_mb": 10.0, "input_mb": 5.0}
    return {**figures, "round": together, "facts": {}}


def runs(*seconds: float) -> Samples:
    return Samples([run(value, str(number)) for number, value in enumerate(seconds)])


def test_the_input_is_the_same_every_time_and_has_dirt(tmp_path: Path) -> None:
    for name in ("one", "two"):
        data.make("bronze", tmp_path / name, 3000)
        data.make("bars", tmp_path / name, 10_000)
    for file in ("trips.parquet", "bronze.parquet", "bars.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    trips = pq.read_table(tmp_path / "one" / "trips.parquet")
    assert trips.num_rows == 3000
    assert 0 < pc.sum(pc.less(trips["fare_amount"], 0)).as_py() < 60
    bars = pq.read_table(tmp_path / "one" / "bars.parquet").append_column(
        "day", pc.floor_temporal(pq.read_table(tmp_path / "one" / "bars.parquet")["at"], unit="day")
    )
    assert bars.group_by(["symbol", "day"]).aggregate([]).num_rows == 5000, "every pair is there"


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    """The second round was slow for both: it must not count as a difference."""
    found = {"lakeworks": runs(1, 10, 1), "peer": runs(2, 20, 2)}
    lines = report.table(CASE, found, 1000).splitlines()
    assert lines[-2:] == [
        "| **lakeworks** | 3 | 1.00 (1.00) | 1.00 | 1.00 | 1.00 | 10 |  |",
        "| peer | 3 | 2.00 (2.00) | 2.00 | 2.00 | 2.00 | 10 | a note |",
    ]


def test_only_rounds_that_both_ran_in_are_compared() -> None:
    """A peer measured later on a slower machine is compared with our figure of then."""
    first, later = {"lakeworks": runs(1)}, {"lakeworks": Samples([run(8, "b")]), "peer": Samples([run(16, "b")])}
    both = merged(first, later)
    assert len(both["lakeworks"].runs) == 2
    assert "| peer | 1 | 16.00 (16.00) | 2.00 |" in report.table(CASE, both, 10)


def test_steps_of_one_sample_are_shown_as_shares_of_their_write() -> None:
    phases = {"write (silver)": 4.0, "audit (silver)": 1.0}
    peaks = {"write (silver)": 900.0, "audit (silver)": 700.0}
    found = {"lakeworks": Samples([{**run(5), "facts": {"phases": phases, "peaks": peaks}}])}
    assert "| audit (silver) | 1.00 (1.00) | 0.25 | 700 |" in report.table(CASE, found, 10)


def test_a_comparison_asks_what_ours_costs_beside_its_peers() -> None:
    """Everything took twice as long on a slower machine: nothing changed. Then ours alone takes half as much again."""
    before = {"lakeworks": runs(1), "peer": runs(2), "other": runs(4)}
    page = f"{report.BEGIN}\n{report.table(CASE, before, 10)}\n{report.END}\n### A toy\n| peer | 1 | 9.00 (9.00) | 1 | 9.00 |"
    kept = compare.stored(page)
    assert kept == {"A toy": {"lakeworks": 1.0, "peer": 2.0, "other": 4.0}}
    slow = compare.change(CASE, kept["A toy"], {"lakeworks": runs(2), "peer": runs(4), "other": runs(8)})
    assert slow is not None
    assert slow.line() == "toy: as before (+0% CPU time; against other +0%, peer +0%)"
    dearer = compare.change(
        CASE, kept["A toy"], {"lakeworks": runs(1.5), "peer": runs(2), "other": Samples(failed="x")}
    )
    assert dearer is not None
    assert dearer.line() == "toy: slower (+50% CPU time; against peer +50%)"
    assert compare.change(CASE, kept["A toy"], {"lakeworks": runs(1)}) is None


def test_a_wrong_answer_gives_no_figure() -> None:
    check = Check(0)
    assert check(CASE, PLACE, {"rows": 5}) == ""
    assert check(CASE, PLACE, {"rows": 4}) == "wrong answer: 4 rows, not 5"
    found = {"peer": Samples([run(1)], failed="wrong answer: 4 rows, not 5")}
    assert "| peer | - | | | | | | wrong answer: 4 rows, not 5 |" in report.table(CASE, found, 10)


def test_a_page_keeps_the_words_around_its_tables(tmp_path: Path) -> None:
    save(tmp_path / "toy.json", 10, {"lakeworks": Samples([run(1)])})
    rows, found = load(tmp_path / "toy.json")
    page = report.page(
        [(CASE, found, rows)], f"before\n{report.BEGIN}\nold\n### A toy\nold\n### B toy\n1.0\n\n{report.END}\nafter\n"
    )
    assert page.startswith("before")
    assert page.endswith(f"{report.END}\nafter\n")
    assert "old" not in page
    assert page.count("### A toy") == 1
    assert page.endswith(f"### B toy\n1.0\n\n{report.END}\nafter\n"), "it was not measured here"


def test_a_sample_is_a_process_of_its_own_and_its_failure_is_a_reason() -> None:
    case = Case("gone", "Not in the module", {"lakeworks": Entry(step(1))}, data="")
    found = run_case(case, "benchmarks.cases.transform", PLACE, 2, lambda *_: "")
    assert "StopIteration" in found["lakeworks"].failed
    assert found["lakeworks"].runs == []


@pytest.mark.parametrize("module", ["write", "transform", "pipeline", "catalog"])
def test_contestants_import_nothing_until_they_run(module: str) -> None:
    """A peer's environment lacks the product, and the product's lacks the peers."""
    code = (
        f"import sys, benchmarks.cases.{module}, benchmarks.sample; "
        "print([name for name in ('pyarrow', 'lakeworks', 'polars', 'boto3', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Plant every fault of the list and print those that no test notices (`make mutants`)."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.planted import Fault, load_faults, problems
from tests.mutants.record import Record
from tests.mutants.scratch import Scratch, Verdict

ROOT = Path(__file__).parents[2]
# So many faults are judged before the tests that noticed them run on the code as it is.
_BATCH = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if every fault was found, 1 if one was not, 2 if the list or the tests are at fault."""
    options = _options(arguments)
    faults = [fault for fault in load_faults() if any(part in f"{fault.module} {fault.name}" for part in options.only)]
    if not faults:
        print("No fault has such a name. Nothing was planted.")
        return 2
    if found := [*problems(faults, ROOT)]:
        print("The list of planted faults is not true of the code:", *found, sep="\n- ")
        return 2
    if options.check:
        print(f"{len(faults)} faults: every text occurs once, every test file exists.")
        return 0
    record = Record(options.log, ROOT) if options.log else None
    listed = len(faults)
    faults = [fault for fault in faults if not (record and record.found(fault))]
    if record:
        print(f"{listed - len(faults)} of {listed} faults were found in this code before ({options.log})", flush=True)
    if not faults:
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-", dir=options.scratch) as folder:
        copies = [Scratch.of(ROOT, Path(folder) / str(number)) for number in range(options.workers)]
        verdicts = [verdict for few in _batches(faults) for verdict in _judged(few, copies, record)]
    return _report(verdicts)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("only", nargs="*", default=[""], help="parts of a module's or a fault's name; default: all")
    parser.add_argument("--workers", type=int, default=2, help="copies of the project that are tested side by side")
    parser.add_argument("--check", action="store_true", help="only compare the list with the code (a second)")
    parser.add_argument(
        "--log", type=Path, help="a file of found faults: those whose code is the same are not planted again"
    )
    parser.add_argument("--scratch", help="folder for the copies; default: the system's")
    return parser.parse_args(arguments)


def _batches(faults: Sequence[Fault]) -> Iterator[Sequence[Fault]]:
    for start in range(0, len(faults), _BATCH):
        yield faults[start : start + _BATCH]


def _judged(faults: Sequence[Fault], copies: Sequence[Scratch], record: Record | None) -> Iterator[Verdict]:
    """Judge some faults, and count those as found whose tests pass on the code as it is."""
    verdicts = _judge_all(faults, copies)
    tests = sorted({test for item in verdicts if item.outcome == "found" for test in item.noticed_by})
    failing = copies[0].failing(tests, workers=len(copies))
    for verdict in verdicts:
        if verdict.outcome == "found" and failing.intersection(verdict.noticed_by):
            yield replace(verdict, outcome="broken", by="Its tests also fail without the fault.")
            continue
        if record:
            record.add(verdict)
        yield verdict


def _judge_all(faults: Sequence[Fault], copies: Sequence[Scratch]) -> list[Verdict]:
    """Judge each fault in a copy that is free."""
    free: SimpleQueue[Scratch] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def judge(fault: Fault) -> Verdict:
        copy = free.get()
        try:
            verdict = copy.judge(fault)
        finally:
            free.put(copy)
        print(
            f"{verdict.outcome:8} {verdict.seconds:5.1f} s  {fault.module}: {fault.what} {verdict.by[:160]}", flush=True
        )
        return verdict

    with ThreadPoolExecutor(len(copies)) as pool:
        return [*pool.map(judge, faults)]


def _report(verdicts: Sequence[Verdict]) -> int:
    missed = [verdict for verdict in verdicts if verdict.outcome != "found"]
    print(f"\n{len(verdicts)} faults planted, {len(verdicts) - len(missed)} found by tests, {len(missed)} not")
    for verdict in missed:
        fault = verdict.fault
        print(
            f"\n{verdict.outcome.upper()} `{fault.name}` in {fault.module}: {fault.what}\n- {fault.text}\n+ {fault.becomes}"
        )
        print(f"  tests: {', '.join(fault.tests)}", verdict.by, sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

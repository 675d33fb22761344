"""Plant every fault of the list and print those that no test notices (`make mutants`)."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.planted import Fault, load_faults, problems
from tests.mutants.record import Record
from tests.mutants.scratch import Scratch, Verdict

ROOT = Path(__file__).parents[2]


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
        tests = sorted({test for fault in faults for test in fault.tests})
        # All of them take minutes, and longer beside other work; pytest still ends each test that waits for ever.
        ran = copies[0].pytest("-n", str(options.workers), *tests, seconds=6 * 3600)
        if ran.returncode:
            print(ran.stdout, ran.stderr, "Without any fault these tests must pass. Nothing was planted.", sep="\n")
            return 2
        print(f"{len(tests)} tests or files pass on the code as it is; planting {len(faults)} faults", flush=True)
        verdicts = _judge_all(faults, copies, record)
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


def _judge_all(faults: Sequence[Fault], copies: Sequence[Scratch], record: Record | None) -> list[Verdict]:
    """Judge each fault in a copy that is free, and keep those that were found."""
    free: SimpleQueue[Scratch] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def judge(fault: Fault) -> Verdict:
        copy = free.get()
        try:
            verdict = copy.judge(fault)
        finally:
            free.put(copy)
        if record:
            record.add(verdict)
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

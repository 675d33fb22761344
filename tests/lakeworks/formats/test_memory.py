"""A file ten times as large takes no more memory to read: each format in a process of its own, by its peak."""

import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = """
import resource, sys
from pathlib import Path
from lakeworks.landing.readable_file import ReadableFile
path = Path(sys.argv[1])
rows = sum(batch.rows for batch in ReadableFile(path, path.name).batches())
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
TEXT = "x" * 20_000


def write(path: Path, rows: int) -> None:
    with path.open("w") as file:
        if path.suffix == ".csv":
            file.write("id,text\n")
            file.writelines(f"{row},{TEXT}\n" for row in range(rows))
        elif path.suffix == ".jsonl":
            file.writelines(f'{{"id": {row}, "text": "{TEXT}"}}\n' for row in range(rows))
        else:
            file.write("[")
            file.writelines(f'{"," if row else ""}{{"id": {row}, "text": "{TEXT}"}}' for row in range(rows))
            file.write("]")


def peak(path: Path, rows: int) -> int:
    """Megabytes of a process that reads so many rows of 20 kB."""
    write(path, rows)
    command = [sys.executable, "-c", MEASURE, str(path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert int(found[0]) == rows
    return int(found[1])


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_ten_times_the_file_takes_no_more_memory(tmp_path: Path, name: str) -> None:
    small, large = peak(tmp_path / name, 600), peak(tmp_path / name, 6_000)
    assert large - small < 60, "a file of 120 MB in memory would be at least that much more"

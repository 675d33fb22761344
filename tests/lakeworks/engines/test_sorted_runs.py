"""Rows beyond memory: sorted runs on disk and their merge give the rows, and the order, of one sort."""

import math
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.contract import Contract
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.engines.ingest_sort import sorted_for_publishing
from lakeworks.engines.sorted_runs import SortedRuns
from lakeworks.errors import ScratchUnavailable
from tests.conftest import contract_of

KINDS: dict[str, tuple[str, list[Any]]] = {
    "count": ("bigint", [None, 0, -1, 2**63 - 1, -(2**63)]),
    "price": ("double", [None, 0.0, -0.0, -math.inf, math.inf, math.nan, 1.5]),
    "money": ("decimal(30,2)", [None, Decimal("-3.00"), Decimal("1.50")]),
    "name": ("string", [None, "", "a", "a\0", "aa", "Z", "ä", "z" * 300]),
    "raw": ("binary", [None, b"", b"\0", b"\xff\0"]),
    "at": ("timestamp", [None, datetime(1969, 12, 31), datetime(2019, 1, 1, 12), datetime(2019, 1, 1)]),
    "day": ("date", [None, date(1969, 12, 31), date(2019, 1, 1)]),
    "yes": ("boolean", [None, True, False]),
    "tags": ("list<string>", [None, [], ["a"], ["a", None]]),
    "deep": ("struct<a:int>", [None, {"a": None}, {"a": 1}]),
}


def table_of(kinds: list[str], keys: int = 1, **contract: Any) -> Contract:
    grain = kinds[:keys]
    columns = {name: {"type": KINDS[name][0], "required": name in grain, "description": ""} for name in kinds}
    return contract_of(columns=columns, **{"partition_by": [], "grain": grain, **contract})


def ordered(scratch: Path, contract: Contract, rows: pa.Table, batch: int, run_bytes: int | None = None) -> pa.Table:
    given_ = rows.to_reader(max_chunksize=batch)
    with sorted_for_publishing(DuckDbEngine(scratch=scratch), contract, given_, run_bytes) as found:
        return found.read_all()


def as_text(rows: pa.Table) -> list[str]:
    return [str(row) for row in rows.to_pylist()]  # NaN is no NaN, and -0.0 is not 0.0 here


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.data(), kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4, unique=True))
def test_runs_give_the_rows_of_one_sort_whatever_the_types(
    tmp_path: Path, drawn: st.DataObject, kinds: list[str]
) -> None:
    keys = drawn.draw(st.integers(1, len(kinds)))
    contract = table_of(kinds, keys)
    given_values = [KINDS[name][1][place < keys :] for place, name in enumerate(kinds)]  # no null in a grain
    values = drawn.draw(st.lists(st.tuples(*map(st.sampled_from, given_values)), max_size=40))
    schema = contract.arrow_schema
    columns = [pa.array([row[place] for row in values], schema.field(place).type) for place in range(len(kinds))]
    rows = pa.table(columns, schema=schema)
    wanted = ordered(tmp_path, contract, rows, 100)
    assert as_text(ordered(tmp_path, contract, rows, drawn.draw(st.integers(1, 9)), 1)) == as_text(wanted)
    assert list(tmp_path.iterdir()) == [], "nothing is left in scratch"


def test_a_table_by_day_without_a_grain_is_sorted_in_runs_by_all_its_columns(tmp_path: Path) -> None:
    contract = table_of(["at", "name"], 0, partition_by=["day(at)"])
    start = datetime(2019, 1, 1)
    rows = pa.table(
        {"at": [start + timedelta(hours=n * 7 % 50) for n in range(90)], "name": [f"{n % 3}" for n in range(90)]},
        schema=contract.arrow_schema,
    )
    assert ordered(tmp_path, contract, rows, 10, 1).equals(ordered(tmp_path, contract, rows, 10))


def test_more_runs_than_a_merge_holds_are_merged_in_steps(tmp_path: Path) -> None:
    """Two steps here: 70 runs, two runs, the rows."""
    contract = table_of(["count", "name"])
    numbers = [number * 7919 % 140 for number in range(140)]
    rows = pa.table({"count": numbers, "name": [None] * 140}, schema=contract.arrow_schema)
    assert ordered(tmp_path, contract, rows, 2, 1)["count"].to_pylist() == list(range(140))


@pytest.mark.parametrize("batch_bytes", [1, 60, 1000])
def test_runs_of_several_batches_are_merged_as_far_as_every_run_was_read(tmp_path: Path, batch_bytes: int) -> None:
    runs = SortedRuns(tmp_path, batch_bytes)
    for numbers in (range(20), range(20, 90, 3), range(5, 100, 7), [99]):
        rows = pa.record_batch({"key": [b"%02d" % number for number in numbers]})
        runs.add([rows], lambda batch: batch["key"])
    found = [key for batch in runs.merged() for key in batch["key"].to_pylist()]
    assert found == sorted(found)
    assert len(found) == 20 + 24 + 14 + 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "run-000000.arrows").symlink_to("/dev/full")
    batch = pa.record_batch({"text": ["x" * 1000] * 1000})
    with pytest.raises(ScratchUnavailable, match="Free space"):
        SortedRuns(tmp_path).add([batch], lambda rows: pa.array([b"%06d" % n for n in range(len(rows))]))


GROWTH = """
import resource, sys
from pathlib import Path
import pyarrow as pa
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.engines.ingest_sort import sorted_for_publishing
from tests.lakeworks.engines.test_sorted_runs import table_of

def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

def sort(batches):
    contract, text, last = table_of(["count", "name"]), "x" * 10_000, -1
    def rows():
        for start in range(0, batches * 100, 100):
            counts = [number * 7919 % 1_000_003 for number in range(start, start + 100)]
            yield pa.record_batch([pa.array(counts), pa.array([text] * 100)], schema=contract.arrow_schema)
    given = pa.RecordBatchReader.from_batches(contract.arrow_schema, rows())
    with sorted_for_publishing(DuckDbEngine("256MB", 2, Path(sys.argv[1])), contract, given) as found:
        for batch in found:
            counts = batch["count"].to_pylist()
            assert counts == sorted(counts) and counts[0] > last
            last = counts[-1]

sort(5)
before = megabytes()
sort(200)
print(megabytes() - before)
"""


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """200 MB of rows under 256 MB, so in runs of 32 MB. As one sort they do not fit: the engine cannot spill all of it."""
    command = [sys.executable, "-c", GROWTH, str(tmp_path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert int(found.stdout) < 220

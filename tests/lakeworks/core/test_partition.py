"""Periods and Hive partitions."""

import os
import pickle
import subprocess
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.hive import HIVE_NULL
from lakeworks.core.partition import Partition, PartitionField, Period, owns, partition_of
from lakeworks.core.period_keys import periods_between
from lakeworks.errors import ContractError, PartitionKeyError


@pytest.mark.parametrize("key", ["2019-1", "2019-13", "2019-02-30", "bad key", "", "2019-01-01T24", "2019-01-01 03"])
def test_a_bad_key_is_refused_with_an_example(key: str) -> None:
    with pytest.raises(PartitionKeyError, match=r"expected .*2019-01.*Nothing was run"):
        Period.parse(key)


def test_a_key_of_another_grain_is_refused() -> None:
    with pytest.raises(PartitionKeyError, match="expected a month"):
        Period.parse("2019-01-05", "month")


@pytest.mark.parametrize(
    ("key", "end", "days"),
    [("2020-02", datetime(2020, 3, 1, tzinfo=UTC), 29), ("2019-12", datetime(2020, 1, 1, tzinfo=UTC), 31)],
)
def test_a_month_knows_its_end_and_days(key: str, end: datetime, days: int) -> None:
    period = Period.parse(key)
    assert (str(period), period.end, len(period.split("day"))) == (key, end, days)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.sampled_from(["month", "day", "hour"]))
def test_every_moment_lies_in_its_period_and_keys_round_trip(moment: datetime, grain: str) -> None:
    period = Period.containing(moment, grain)
    assert period.start <= moment.replace(tzinfo=UTC) < period.end
    assert Period.parse(str(period), grain) == period
    assert str(Partition.of_period(period)) == str(period)


def test_earlier_periods_cross_the_year() -> None:
    assert [str(period) for period in Period.parse("2020-01").with_earlier(2)] == ["2019-11", "2019-12", "2020-01"]
    assert [str(period) for period in Period.parse("2020-01-01T00").with_earlier(1)] == [
        "2019-12-31T23",
        "2020-01-01T00",
    ]


def test_a_range_counts_both_ends_and_must_not_run_backwards() -> None:
    assert [str(p) for p in periods_between("2019-11", "2020-02", "month")] == [
        "2019-11",
        "2019-12",
        "2020-01",
        "2020-02",
    ]
    with pytest.raises(PartitionKeyError, match="backwards"):
        periods_between("2020-02", "2019-11", "month")


VALUES = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_partition_paths_round_trip_whatever_the_values(values: list[str | None]) -> None:
    partition = Partition(tuple((f"k{i}", value) for i, value in enumerate(values)))
    assert Partition.parse(partition.path) == partition


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12))
def test_pyarrow_reads_back_the_values_we_write(value: str) -> None:
    partitioning = ds.HivePartitioning(pa.schema([("s", pa.string())]))
    parsed = partitioning.parse(f"/{Partition((('s', value),)).path}/file.parquet")
    assert ds.get_partition_keys(parsed) == {"s": value}


def test_null_and_empty_become_hives_default_partition() -> None:
    assert Partition((("s", None),)).path == f"s={HIVE_NULL}"
    assert partition_of((PartitionField.parse("s"),), {"s": ""}, Period.parse("2019-01")).path == f"s={HIVE_NULL}"


def test_fields_cut_by_column_run_or_category() -> None:
    fields = tuple(map(PartitionField.parse, ["region", "day(at)", "month"]))
    row = {"region": "a/b", "at": datetime(2019, 1, 5, 7)}
    assert partition_of(fields[:2], row, Period.parse("2020-01")).path == "region=a%2Fb/year=2019/month=01/day=05"
    assert partition_of(fields[2:], row, Period.parse("2020-01")).path == "year=2020/month=01"
    with pytest.raises(ContractError):
        PartitionField.parse("week(at)")


@pytest.mark.parametrize(
    ("field", "path", "period", "owned"),
    [
        ("day(at)", "year=2019/month=01/day=31", "2019-01", True),
        ("day(at)", "year=2019/month=02/day=01", "2019-01", False),
        ("day(at)", "year=2018/month=01/day=01", "2019-01", False),
        ("hour(at)", "year=2019/month=01/day=05/hour=23", "2019-01-05", True),
        ("hour(at)", "year=2019/month=01/day=06/hour=00", "2019-01-05", False),
        ("month(at)", "year=2019/month=01", "2019-01-05", True),
        ("month", "year=2019/month=01", "2019-01", True),
        ("symbol", "symbol=A", "2019-01", True),
        ("day(at)", "/".join(f"{k}=__HIVE_DEFAULT_PARTITION__" for k in ("year", "month", "day")), "2019-01", False),
    ],
)
def test_a_run_owns_the_partitions_of_its_period(field: str, path: str, period: str, owned: bool) -> None:
    assert owns((PartitionField.parse(field),), Partition.parse(path), Period.parse(period)) is owned


def test_a_partition_from_another_process_is_found_again() -> None:
    """Texts have another hash in each process, and a partition keeps its own once it was asked for."""
    made = "from lakeworks.core.partition import Partition as P; import pickle, sys; p = P.parse('year=2019'); hash(p)"
    command = [sys.executable, "-c", f"{made}; sys.stdout.buffer.write(pickle.dumps(p))"]
    body = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, check=True).stdout
    assert pickle.loads(body) in {Partition.parse("year=2019")}

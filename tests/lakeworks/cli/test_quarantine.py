"""`lakeworks quarantine show|replay` of a partition that a longer period's run built."""

import io
import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.pipeline import Lake
from tests.lakeworks.cli.test_cli import Done, command, settings_for

__all__ = ["command"]
TRIPS = "silver.transport.trips"


def put_aside(lake: Lake, period: str, reason: str) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"_reason": [reason], "_broken_rules": [["rule"]]}), file)
    lake.store.put(f"_quarantine/silver/transport/trips/period={period}/manual-1.1.parquet", file.getvalue())


@pytest.fixture
def environment(lake: Lake, moto_url: str) -> dict[str, str]:
    """A lake in which the runs of January and of the 7th of January set a row aside each."""
    put_aside(lake, "2019-01", "of the month")
    put_aside(lake, "2019-01-07", "of the day")
    return settings_for(lake, moto_url)


@pytest.mark.parametrize(
    ("typed", "reason", "told"),
    [
        ("2019-01", "of the month", False),
        ("2019-01-05", "of the month", True),
        ("year=2019/month=01/day=05", "of the month", True),
        ("2019-01-07", "of the day", False),
    ],
)
def test_show_finds_the_run_that_a_partition_is_from(
    command: Callable[..., Done], environment: dict[str, str], typed: str, reason: str, told: bool
) -> None:
    done = command("quarantine", "show", TRIPS, typed, "--json", **environment)
    assert [row["_reason"] for row in json.loads(done.stdout)] == [reason]
    assert ("2019-01-05 was part of the run of 2019-01" in done.stderr) == told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", TRIPS, "2019-02-01"), "2019-02-01 has nothing in quarantine"),
        (("show", TRIPS, "2019"), "is not a partition key"),
        (("show", TRIPS, "yaer=2019"), "type a path like"),
        (("replay", TRIPS, "2019-01-05"), f"Run: lakeworks quarantine replay {TRIPS} 2019-01\n"),
    ],
)
def test_what_cannot_be_shown_or_replayed_is_told(
    command: Callable[..., Done], environment: dict[str, str], arguments: tuple[str, ...], says: str
) -> None:
    done = command("quarantine", *arguments, **environment)
    assert (done.returncode, says in done.stderr) == (1, True)

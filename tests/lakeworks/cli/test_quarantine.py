"""`lakeworks quarantine show|replay` of a partition that a longer period's run built."""

import io
import json
from collections.abc import Callable
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import load_contract
from lakeworks.lake import Lake
from lakeworks.s3.object_store import Target
from tests.lakeworks.cli.test_cli import Done, command, settings_for

__all__ = ["command"]
TRIPS = "silver.transport.trips"
CUSTOMERS = "bronze.commerce.customers"


DAY = datetime(2019, 1, 5, 12)


def put_aside(lake: Lake, period: str, rows: dict[str, datetime | None]) -> None:
    """Rows by their reason, each with when its trip began."""
    file = io.BytesIO()
    columns = {"pickup_at": list(rows.values()), "_reason": list(rows), "_broken_rules": [["rule"]] * len(rows)}
    pq.write_table(pa.table(columns), file)
    head = {"lakeworks-rows": str(len(rows))}
    target = Target(f"_quarantine/silver/transport/trips/period={period}/manual-1.1.parquet", head)
    lake.store.put(target, file.getvalue())


@pytest.fixture
def environment(lake: Lake, moto_url: str) -> dict[str, str]:
    """A lake in which the runs of January and of the 7th of January quarantined rows."""
    month = {"of the 5th": DAY, "later that day": DAY.replace(hour=23), "of the 6th": DAY.replace(day=6), "2008": DAY.replace(year=2008), "lost": None}  # fmt: skip
    put_aside(lake, "2019-01", month)
    put_aside(lake, "2019-01-07", {"of the 7th": DAY.replace(day=7)})
    return settings_for(lake, moto_url)


FIFTH = ["of the 5th", "later that day"]
LEFT_OUT = "Left out: {} rows of other partitions, 1 rows without a partition value (`pickup_at`)"


@pytest.mark.parametrize(
    ("typed", "reasons", "told"),
    [
        ("2019-01", [*FIFTH, "of the 6th", "2008", "lost"], ""),
        ("2019-01-05", FIFTH, f"2019-01-05 was part of the run of 2019-01. {LEFT_OUT.format(2)}"),
        ("year=2019/month=01/day=05", FIFTH, f"2019-01-05 was part of the run of 2019-01. {LEFT_OUT.format(2)}"),
        ("2019-01-06", ["of the 6th"], LEFT_OUT.format(3)),
        ("2019-01-08", [], f"{LEFT_OUT.format(4)}. All of them: lakeworks quarantine show {TRIPS} 2019-01"),
        ("2019-01-07", ["of the 7th"], ""),
        ("year=2019/month=01/day=07", ["of the 7th"], ""),
    ],
)
def test_show_of_a_partition_shows_its_rows_and_counts_the_others_of_its_run(
    command: Callable[..., Done], environment: dict[str, str], typed: str, reasons: list[str], told: str
) -> None:
    done = command("quarantine", "show", TRIPS, typed, "--json", **environment)
    assert [row["_reason"] for row in json.loads(done.stdout)] == reasons
    assert told in done.stderr.replace("\n", " ")
    assert bool(told) == bool(done.stderr)


def test_the_title_counts_the_rows_of_what_was_typed(command: Callable[..., Done], environment: dict[str, str]) -> None:
    done = command("quarantine", "show", TRIPS, "2019-01-05", "--limit", "1", **environment)
    assert f"{TRIPS} 2019-01-05: 1 of 2 rows in" in done.stdout
    assert ("of the 5th" in done.stdout, "later that day" in done.stdout) == (True, False)


def test_personal_data_is_withheld_from_rows_kept_as_text(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake
) -> None:
    """A row quarantined on arrival is one text, which showed what its columns withhold."""
    private = {name for name, column in load_contract(CUSTOMERS).columns.items() if column.pii}
    assert "email" in private
    file, row = io.BytesIO(), json.dumps({"id": 7, "Email": "a@b.example"})
    pq.write_table(pa.table({"_row": [row], "_broken_rules": [["unfit_value"]], "_reason": ["x"]}), file)
    lake.store.put("_quarantine/bronze/commerce/customers/period=2019-01-05/manual-1.1.parquet", file.getvalue())
    (shown,) = json.loads(command("quarantine", "show", CUSTOMERS, "2019-01-05", "--json", **environment).stdout)
    assert json.loads(shown["_row"]) == {"id": 7, "Email": "(withheld)"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", TRIPS, "2019-02-01"), "2019-02-01 has no quarantined rows"),
        (("show", TRIPS, "2019"), "is not a partition key"),
        (("show", TRIPS, "yaer=2019"), "type a path like"),
        (("replay", TRIPS, "2019-01-05"), f"Run: lakeworks quarantine replay {TRIPS} 2019-01\n"),
    ],
)
def test_what_cannot_be_shown_or_replayed_is_reported(
    command: Callable[..., Done], environment: dict[str, str], arguments: tuple[str, ...], says: str
) -> None:
    done = command("quarantine", *arguments, **environment)
    assert (done.returncode, says in done.stderr) == (1, True)

"""`ledger`, `diff`, `rollback`, `withdraw`, `gc`: what they print, and what became of the lake."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.verification import verify
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.publications.test_publications import PARTITION, published

__all__ = ["command"]
TRIPS = "bronze.transport.yellow_trips"
FARES = "SELECT fare_amount FROM bronze_transport.yellow_trips ORDER BY 1"
RunAt = Callable[..., Run]


def trips(run: Run, *fares: float) -> list[dict[str, Any]]:
    """Trips as a run fetched them."""
    lineage = {"_ingested_at": run.started_at.replace(tzinfo=None), "_source_url": "http://x/", "_run_id": run.id}
    return [{"tpep_pickup_datetime": datetime(2019, 1, 5), "fare_amount": fare, **lineage} for fare in fares]


@pytest.fixture
def environment(lake: Lake, moto_url: str, run_at: RunAt) -> dict[str, str]:
    """A month published twice; the second time one fare of three was corrected and a trip had come."""
    for number, fares in ((1, (1.0, 2.0, 3.0)), (2, (1.0, 2.0, 3.5, 4.0))):
        published(lake, load_contract(TRIPS), trips(run_at(number), *fares), run_at(number))
    lake.store.delete([item.key for item in lake.store.scan("_staging/")])  # as the step after it does
    return settings_for(lake, moto_url)


@pytest.fixture
def seen(command: Callable[..., Done], environment: dict[str, str]) -> Callable[[], list[float]]:
    """The fares a reader finds live."""

    def read() -> list[float]:
        return [row["fare_amount"] for row in json.loads(command("sql", FARES, "--json", **environment).stdout)]

    return read


def cells(printed: str) -> list[list[str]]:
    """The body of a printed table whose cells are not empty."""
    lines = iter(printed.splitlines())
    next(line for line in lines if line.startswith("──"))
    return [re.split(r" {2,}", line.strip()) for line in lines if "  " in line]


def test_history_lists_every_publication_oldest_first(
    command: Callable[..., Done], environment: dict[str, str]
) -> None:
    found = json.loads(command("ledger", TRIPS, "2019-01", "--json", **environment).stdout)
    told = [(row["publication"], row["state"], row["live"], row["rows"], row["run"]) for row in found]
    assert told == [(1, "published", 1, 3, "manual__1"), (2, "published", 2, 4, "manual__2")]
    done = command("ledger", TRIPS, "year=2019/month=01", **environment)
    assert done.returncode == 0
    assert f"{TRIPS} year=2019/month=01: publications" in done.stdout
    assert [(row[0], row[1], row[4]) for row in cells(done.stdout)] == [("2019-01", "1", "3"), ("2019-01", "2", "4")]


def test_diff_tells_rows_and_what_it_leaves_out(command: Callable[..., Done], environment: dict[str, str]) -> None:
    found = json.loads(command("diff", TRIPS, "2019-01", "--json", **environment).stdout)
    expected = {
        "before": 1, "after": 2, "rows before": 3, "rows after": 4, "added": 2, "removed": 1, "changed": 0, "only lineage": 2,
        "left out": ["_ingested_at", "_source_url", "_source_etag", "_run_id"],
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert {
        "column": "fare_amount",
        "nulls": "0",
        "smallest": "1.0",
        "largest": "3.0 -> 4.0",
        "total": "6.0 -> 10.5",
    } in (found["statistics"])
    done = command("diff", TRIPS, "2019-01", **environment)
    assert done.returncode == 0
    assert f"{TRIPS} 2019-01: publication 1 to 2" in done.stdout
    assert cells(done.stdout)[0] == ["1", "2", "3", "4", "2", "1", "0", "2"]
    assert "Rows are compared without _ingested_at, _source_url, _source_etag, _run_id" in done.stdout
    turned = json.loads(
        command("diff", TRIPS, "2019-01", "--before", "2", "--after", "1", "--json", **environment).stdout
    )
    assert (turned["added"], turned["removed"], turned["only lineage"]) == (1, 2, 2)


def test_rollback_switches_the_rows_back_and_forth(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake, seen: Callable[[], list[float]]
) -> None:
    assert seen() == [1.0, 2.0, 3.5, 4.0]
    done = command("rollback", TRIPS, "2019-01", "--json", **environment)
    line = {"table": TRIPS, "partition": "2019-01", "publication": 3, "state": "published", "rows": 3}
    assert (done.returncode, json.loads(done.stdout)) == (0, [line])
    assert seen() == [1.0, 2.0, 3.0]
    printed = command("rollback", TRIPS, "2019-01", "--to", "2", **environment)
    assert "Rolled back" in printed.stdout
    assert cells(printed.stdout) == [[TRIPS, "2019-01", "4", "published", "4"]]
    assert seen() == [1.0, 2.0, 3.5, 4.0]
    assert verify(lake, load_contract(TRIPS), deep=True) == []


def test_withdraw_hides_a_partition_until_it_is_rolled_back(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake, seen: Callable[[], list[float]]
) -> None:
    contract = load_contract(TRIPS)
    done = command("withdraw", TRIPS, "2019-01", "--json", **environment)
    line = {"table": TRIPS, "partition": "2019-01", "publication": 3, "state": "published", "rows": 0}
    assert (done.returncode, json.loads(done.stdout)) == (0, [line])
    hidden = command("sql", FARES, **environment)
    assert (hidden.returncode, "no published partition" in hidden.stderr) == (1, True)
    assert list(lake.catalog.partitions(contract)) == []
    assert list(lake.store.scan(contract.table.path)) == []
    again = command("withdraw", TRIPS, "2019-01", **environment)
    assert (again.returncode, "there is nothing to withdraw" in again.stderr) == (1, True)
    assert command("rollback", TRIPS, "2019-01", **environment).returncode == 0
    assert seen() == [1.0, 2.0, 3.5, 4.0]
    printed = command("withdraw", TRIPS, "2019-01", **environment)
    assert "Withdrawn" in printed.stdout
    assert cells(printed.stdout) == [[TRIPS, "2019-01", "5", "published", "0"]]
    assert lake.ledger.live(contract.table, PARTITION) is None


def test_gc_removes_what_dead_attempts_left_and_nothing_else(
    command: Callable[..., Done], environment: dict[str, str], lake: Lake, seen: Callable[[], list[float]]
) -> None:
    folder = "_staging/bronze/transport/yellow_trips/period=2019-01/dead.1"
    before = {item.key: item.etag for item in lake.store.scan("")}
    for name in ("part-00000.parquet", "part-00001.parquet"):
        lake.store.put(f"{folder}/{name}", b"unfinished")
    garbage = {"kind": "staging", "where": folder, "objects": 2, "bytes": 20}

    young = command("gc", "--json", **environment)
    assert (young.returncode, json.loads(young.stdout)) == (0, []), "an attempt younger than a day may be alive"
    planned = command("gc", "--dry-run", "--hours", "0", "--json", **environment)
    assert (planned.returncode, json.loads(planned.stdout)) == (0, [garbage])
    printed = command("gc", "--dry-run", "--hours", "0", **environment)
    assert "Garbage" in printed.stdout
    assert cells(printed.stdout) == [["staging", folder, "2", "20 bytes"]]
    assert len(list(lake.store.scan(folder))) == 2, "a dry run deletes nothing"

    done = command("gc", "--hours", "0", "--json", **environment)
    assert (done.returncode, json.loads(done.stdout)) == (0, [garbage])
    assert {item.key: item.etag for item in lake.store.scan("")} == before, "only the garbage is gone"
    assert seen() == [1.0, 2.0, 3.5, 4.0]
    assert "Removed: nothing found" in command("gc", "--hours", "0", **environment).stdout


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("bronze.commerce.customers", "email", {"id": 1, "_ingested_at": datetime(2017, 1, 2)}),
        ("silver.commerce.orders", "email_hash", {"order_id": 1, "created_at": datetime(2017, 1, 2)}),
    ],
    ids=["without grain", "by grain"],
)
def test_diff_shows_no_personal_data(
    command: Callable[..., Done], lake: Lake, moto_url: str, run_at: RunAt, table: str, column: str, row: dict[str, Any]
) -> None:
    """Neither in the rows that changed nor as the smallest and largest value of the column."""
    for number, value in enumerate(("ada@example.com", "eve@example.com"), 1):
        published(lake, load_contract(table), [{**row, column: value}], run_at(number), Period.parse("2017-01-02"))
    environment = settings_for(lake, moto_url)
    for options in ((), ("--json",)):
        done = command("diff", table, "2017-01-02", *options, **environment)
        assert done.returncode == 0
        assert "@" not in done.stdout
        assert "withheld" in done.stdout

"""What a backfill would read and cannot: archived inputs, with the command that restores them."""

import pytest

from lakeworks.backfill.thawing import archived_inputs
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.prices import load_price_book

BRONZE, SILVER = load_contract("bronze.transport.yellow_trips"), load_contract("silver.transport.trips")
BOOK = load_price_book()


def put(lake: Lake, key: str, storage_class: str = "DEEP_ARCHIVE") -> None:
    lake.store.client.put_object(**lake.store.place(key), Body=b"x" * 1000, StorageClass=storage_class)


def months(*keys: str) -> list[Period]:
    return [Period.parse(key) for key in keys]


@pytest.fixture
def old(lake: Lake) -> Lake:
    """Bronze of 2019 in an archive, March restored, April not moved; the landed file of January in another archive."""
    for month in ("01", "02", "03"):
        put(lake, f"bronze/transport/yellow_trips/year=2019/month={month}/part-00000.parquet")
    put(lake, "bronze/transport/yellow_trips/year=2019/month=04/part-00000.parquet", "STANDARD")
    put(lake, "landing/transport/nyc_tlc/yellow_trips/year=2019/month=01/yellow.parquet", "GLACIER")
    march = lake.store.place("bronze/transport/yellow_trips/year=2019/month=03/part-00000.parquet")
    lake.store.client.restore_object(**march, RestoreRequest={"Days": 3})
    return lake


def test_a_plan_lists_what_must_be_restored_and_how(old: Lake) -> None:
    rows = [item.as_dict() for item in archived_inputs(old, [BRONZE, SILVER], months("2019-01", "2019-02"), BOOK)]
    assert [(row["table"], row["classes"], row["objects"], row["bytes"], row["hours"]) for row in rows] == [
        (BRONZE.name, "DEEP_ARCHIVE, GLACIER", 3, 3000, 48),
    ]  # fmt: skip
    assert rows[0]["restore"] == f"lakeworks restore {BRONZE.name} 2019-01 --to 2019-02"
    assert rows[0]["cost_usd"] == 0.0, "less than a cent"


def test_only_what_the_runs_read_is_listed(old: Lake) -> None:
    assert archived_inputs(old, [SILVER], months("2019-03", "2019-04"), BOOK) == [], "restored, and never archived"
    (february,) = archived_inputs(old, [SILVER], months("2019-02"), BOOK)
    assert (len(february.items), february.command) == (1, f"lakeworks restore {BRONZE.name} 2019-02")
    assert archived_inputs(old, [BRONZE, SILVER], [], BOOK) == []

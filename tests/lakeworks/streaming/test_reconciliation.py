"""`lakeworks stream reconcile`: hours against the stream's tables, the day against the batch's, differences with their events."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakeworks.authoring.example_runner import given_table
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.infrastructure.stream_config import LiveViewConfig
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import publish
from lakeworks.streaming.live.live_view import LiveView
from lakeworks.streaming.stream_record import StreamRecord
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.streaming.conftest import Shop

__all__ = ["command"]
Command = Callable[..., Done]
DAY = Period.parse("2026-01-05")
NOON = datetime(2026, 1, 5, 17, tzinfo=UTC)  # 12:00 of the shop
ROWS = "bronze.commerce.reconciliations"
EXAMPLE = Path(__file__).resolve().parents[3] / "lake.example.yml"


def event(name: str, order: int, amount: str, at: datetime = NOON) -> dict[str, Any]:
    kind = {"placed": "order_placed", "refunded": "order_refunded"}[name.partition("-")[2]]
    local = (at - timedelta(hours=5)).replace(tzinfo=None)
    return {
        "event_id": name, "event_type": kind, "occurred_at": f"{local:%Y-%m-%dT%H:%M:%S}-05:00", "order_id": order,
        "customer_id": 7, "location_id": 367, "channel": "pos", "amount": amount, "currency": "USD",
    }  # fmt: skip


STREAMED = [event("1-placed", 1, "10.00"), event("2-placed", 2, "5.00"), event("9-refunded", 9, "-2.00")]
LATER = event("1-refunded", 1, "-1.00", NOON + timedelta(days=1))


def as_silver(one: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromisoformat(one["occurred_at"])
    return {
        **one, "occurred_at": at.astimezone(UTC).replace(tzinfo=None), "sales_date": at.date(), "sales_hour": at.hour,
        "arrived_at": datetime(2026, 1, 7), "shard": "s", "sequence": "1.0", "first_content": True,
    }  # fmt: skip


def order(number: int, placed: date, total: str, refunded: str) -> dict[str, Any]:
    moment = datetime(placed.year, placed.month, placed.day, 17)
    return {
        "order_id": number, "order_date": placed, "created_at": moment, "updated_at": moment, "is_cancelled": False,
        "is_test": False, "financial_status": "paid", "currency": "USD", "gross_amount": total, "discount_amount": "0.00",
        "tax_amount": "0.00", "total_amount": total, "refunded_amount": refunded, "_ingested_at": moment,
    }  # fmt: skip


def given(lake: Lake, table: str, period: Period, rows: list[dict[str, Any]]) -> None:
    """Publish rows by the test's hand."""
    contract = load_contract(table)
    record = RunRecord(
        table=table, period=str(period), run=Run(id="given", started_at=datetime(2026, 1, 9, tzinfo=UTC)),
        contract_version="1.0.0", schema_fingerprint="f", balance=RowBalance(read=len(rows), staged=len(rows)), partitions=(),
    )  # fmt: skip
    writer = PartitionedWriter(lake.store, contract, record.prefix, period, lake.scratch)
    decimals = {name for name, column in contract.columns.items() if column.type.kind == "decimal"}
    exact = [{name: Decimal(value) if name in decimals else value for name, value in row.items()} for row in rows]
    staged = tuple(writer.write(given_table(contract, exact).to_reader()))
    publish(lake, record.model_copy(update={"partitions": staged, "audit": {"passed": True}}).save(lake.store).key)


@pytest.fixture
def here(shop: Callable[..., Shop]) -> Shop:
    return shop()


@pytest.fixture
def declared(here: Shop, tmp_path: Path) -> dict[str, Any]:
    """The stream of lake.example.yml, so that its queries are those that are tested."""
    (stream,) = yaml.safe_load(EXAMPLE.read_text())["streams"]
    stream = {**stream, "kinesis_name": here.stream.name}
    (tmp_path / "lake.yml").write_text(json.dumps({"streams": [stream]}))
    return stream


@pytest.fixture
def environment(here: Shop, declared: dict[str, Any], lake: Lake, moto_url: str, tmp_path: Path) -> dict[str, str]:
    bucket, config = here.store.bucket, str(tmp_path / "lake.yml")
    return {**settings_for(lake, moto_url), "LAKE_BUCKET": bucket, "LAKE_CONFIG_FILE": config}


@pytest.fixture
def view(here: Shop, declared: dict[str, Any]) -> LiveView:
    config = LiveViewConfig.model_validate(declared["live_view"])
    return LiveView(here.dynamodb, str(here.place.live_view), config, timedelta(days=8))


@pytest.fixture
def published(here: Shop, lake: Lake) -> None:
    """Both paths: a refund of a day later has restated the batch's day, one of an older order counts on the stream's."""
    of_stream = Lake(here.store, lake.catalog, lake.engine, lake.scratch)
    given(
        of_stream, "silver.commerce.events", Period.parse("2026-01-07"), [as_silver(one) for one in (*STREAMED, LATER)]
    )
    hour = {"sales_date": DAY.start.date(), "sales_hour": 12, "currency": "USD", "order_count": 2, "customer_count": 1}
    sums = {"event_count": 3, "sold_amount": "15.00", "returned_amount": "-2.00", "net_amount": "13.00"}
    given(of_stream, "gold.commerce.hourly_sales", DAY, [{**hour, **sums}])
    old, new = date(2026, 1, 2), DAY.start.date()
    orders = [order(1, new, "10.00", "1.00"), order(2, new, "5.00", "0.00"), order(9, old, "20.00", "2.00")]
    given(of_stream, "silver.commerce.orders", DAY, orders)
    counts = dict.fromkeys(
        ("order_count", "cancelled_order_count", "customer_count", "total_quantity", "unique_products"), 2
    )
    money = {"total_amount": "15.00", "discount_amount": "0.00", "tax_amount": "0.00", "refunded_amount": "1.00"}
    day = {"order_date": new, "currency": "USD", **counts, **money, "net_amount": "14.00"}
    given(of_stream, "gold.commerce.daily_sales", DAY, [day])


def count(view: LiveView, *events: dict[str, Any]) -> None:
    for one in events:
        view("shard", [StreamRecord("1", NOON, "k", json.dumps(one).encode())])


@pytest.mark.usefixtures("published")
def test_a_day_that_differs_from_the_batch_is_explained_by_its_events_and_kept_as_rows(
    command: Command, view: LiveView, environment: dict[str, str]
) -> None:
    count(view, *STREAMED)
    done = command("stream", "reconcile", "commerce", str(DAY), "--write", ROWS, "--json", **environment)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    day = next(row for row in rows if row["kind"] == "day")
    assert [float(day[name]) for name in ("live_amount", "published_amount")] == [13, 14]
    causes = [(row["event_id"], float(row["event_amount"]), row["reason"]) for row in rows if row["event_id"]]
    assert causes == [
        ("1-refunded", 1, "the batch has it on the day of its order"),
        ("9-refunded", -2, "its order is of another day"),
    ]
    query = "SELECT kind, shop_date, event_id, differs FROM bronze_commerce.reconciliations ORDER BY kind, event_id"
    kept = json.loads(command("sql", query, "--json", **environment).stdout)
    assert [(row["kind"], row["event_id"], row["differs"]) for row in kept] == [
        ("day", None, False), ("event of the day", "1-refunded", None), ("event of the day", "9-refunded", None),
        ("hour", None, False),
    ]  # fmt: skip


@pytest.mark.usefixtures("published")
def test_an_unexplained_difference_names_its_events_and_fails_the_command(
    command: Command, view: LiveView, environment: dict[str, str]
) -> None:
    changed = {**STREAMED[1], "amount": "5.50"}
    count(view, STREAMED[0], changed, event("3-placed", 3, "0.25"))
    done = command("stream", "reconcile", "commerce", str(DAY), "--json", **environment)
    rows = json.loads(done.stdout)
    assert (done.returncode, [row["differs"] for row in rows if row["differs"] is not None]) == (1, [True, True])
    causes = {
        row["event_id"]: (float(row["event_amount"]), row["reason"])
        for row in rows
        if row["kind"] == "event of an hour"
    }
    assert causes == {
        "2-placed": (0.5, "counted with another amount"), "3-placed": (0.25, "only counted"), "9-refunded": (2, "only published"),
    }  # fmt: skip
    shown = command("stream", "reconcile", "commerce", str(DAY), COLUMNS="200", **environment).stdout
    assert "Events that explain the differences" in shown
    assert "only published" in shown


def test_what_lake_yml_lacks_is_named(
    command: Command, environment: dict[str, str], declared: dict[str, Any], tmp_path: Path
) -> None:
    wrong = {**declared["live_view"], "compare_with": "SELECT sales_date AS day FROM gold_commerce.hourly_sales"}
    (tmp_path / "lake.yml").write_text(json.dumps({"streams": [{**declared, "live_view": wrong}]}))
    assert command("stream", "reconcile", "commerce", str(DAY), "--json", **environment).returncode == 0, (
        "no rows, no columns"
    )
    (tmp_path / "without.yml").write_text(json.dumps({"streams": [{**declared, "live_view": None}]}))
    environment["LAKE_CONFIG_FILE"] = str(tmp_path / "without.yml")
    done = command("stream", "reconcile", "commerce", str(DAY), **environment)
    assert (done.returncode, "has no `live_view` in lake.yml" in done.stderr) == (1, True)


def test_lag_is_in_freshness_and_status(command: Command, here: Shop, environment: dict[str, str]) -> None:
    here.put({"event_id": "a"})
    here.finish()
    fresh = json.loads(command("freshness", "--json", **environment).stdout)
    assert next(row["state"] for row in fresh if row["table"] == "stream.commerce") == "fresh"
    (one,) = here.table.all().values()
    here.table.save(one, one.next_write(closed_through="2026-01-05T12:00:00+00:00"))
    done = command("freshness", "--json", **environment)
    late = next(row for row in json.loads(done.stdout) if row["table"] == "stream.commerce")
    assert (done.returncode, late["state"], late["overdue"]) == (1, "late", "2026-01-05T12")
    assert (
        "stream commerce: landed up to 2026-01-05 12:00:00 UTC in 1 shards" in command("status", **environment).stdout
    )


def test_an_hour_is_closed_by_a_command(command: Command, here: Shop, environment: dict[str, str]) -> None:
    here.put({"event_id": "a"})
    here.finish()
    done = command("stream", "close", "commerce", "--json", **environment)
    assert json.loads(done.stdout)["shards"] == 1
    hour = Period.parse(json.loads(done.stdout)["hour"], "hour")
    assert {one.closed_through for one in here.table.all().values()} == {hour.end.isoformat()}
    later = command("stream", "close", "commerce", str(hour.next.next), **environment)
    assert (later.returncode, "has not begun" in later.stderr) == (1, True)

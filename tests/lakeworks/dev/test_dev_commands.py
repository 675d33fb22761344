"""A dev lake's life by its commands: real S3 and Glue protocols, real audits."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.maintenance.verification import verify
from lakeworks.s3.request_count import RequestCount
from tests.support.lake_commands import commands_of
from tests.support.shop_project import DAYS, ORDERS, REVENUE, Shop, write_shop

Command = Callable[..., str]
SUM = "SELECT CAST(SUM(revenue) AS VARCHAR) AS revenue FROM gold_sales.daily_revenue"


@pytest.fixture
def served(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop with two live days, on moto."""
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path / "project"))
    (tmp_path / "project").mkdir()
    count = RequestCount()
    count.on(lake.store.client)
    shop = Shop(replace(lake, requests=count), write_shop(tmp_path / "project"))
    shop.contracts()
    for day in DAYS[:2]:
        shop.arrive(day, ["10.00", "5.00"])
    shop.build_all(DAYS[:2])
    return shop


@pytest.fixture
def command(served: Shop, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Run `lakeworks …` and return what it printed, or raise what it raised."""
    with commands_of(served.lake, moto_url, monkeypatch) as run:

        def by_its_contracts(*arguments: str) -> str:
            served.contracts()
            return str(run(*arguments).stdout)

        yield by_its_contracts
    served.contracts()


def keys_of(lake: Lake) -> dict[str, Any]:
    """Every version in the bucket."""
    pages = lake.store.client.get_paginator("list_object_versions").paginate(Bucket=lake.store.bucket)
    return {f"{item['Key']} {item['VersionId']}": item for page in pages for item in page.get("Versions", ())}


def databases(lake: Lake) -> set[str]:
    return {item["Name"] for item in lake.catalog.client.get_databases()["DatabaseList"]}


def test_from_start_to_drop(served: Shop, command: Command, tmp_path: Path) -> None:
    live, before = served.lake, keys_of(served.lake)
    served.double()
    command("dev", "start", "fix-42")
    built = json.loads(command("dev", "build", "fix-42", "--json"))
    assert [(item["table"], item["outcome"]) for item in built] == [(ORDERS, "built")] * 2 + [(REVENUE, "built")] * 2
    assert {item["outcome"] for item in json.loads(command("dev", "build", "fix-42", "--json"))} == {"as before"}
    assert json.loads(command("sql", SUM, "--dev", "fix-42", "--json")) == [{"revenue": "60.00"}]
    assert json.loads(command("sql", SUM, "--json")) == [{"revenue": "30.00"}], "--dev is not remembered"
    assert {key for key in keys_of(live) if not key.startswith("_dev/")} == set(before), "not one version came to live"
    assert databases(live) == {
        "bronze_sales",
        "silver_sales",
        "gold_sales",
        "dev_fix_42_silver_sales",
        "dev_fix_42_gold_sales",
    }
    for name in (ORDERS, REVENUE):
        assert verify(live, live.contract(name)) == []

    (first, second) = json.loads(command("dev", "diff", "fix-42", "--json"))["tables"]
    assert (first["changed"], first["columns"][0]["column"], second["changed"]) == (4, "amount", 2)
    command("dev", "diff", "fix-42", "--page", str(tmp_path / "diff.html"))
    assert "CAST(2 * amount" in (tmp_path / "diff.html").read_text()
    assert "| silver.sales.orders | 2 | 0 | 4 | 4 | 0 | 0 | 4 |" in command("dev", "diff", "fix-42", "--markdown")

    done = json.loads(command("dev", "promote", "fix-42", "--json"))
    assert [(item["table"], item["outcome"]) for item in done] == [(ORDERS, "published")] * 2 + [
        (REVENUE, "published")
    ] * 2
    assert json.loads(command("sql", SUM, "--json")) == [{"revenue": "60.00"}]
    (listed,) = json.loads(command("dev", "list", "--json"))
    assert (listed["name"], listed["promoted"] != "-", listed["bytes"] > 0) == ("fix-42", True, True)
    assert listed["dollars a month"] > 0
    assert "$0.0000" in command("dev", "list", "--wide"), "small as it is, it is shown"

    command("dev", "drop", "fix-42")
    assert [key for key in keys_of(live) if key.startswith("_dev/fix-42.")] == [], "no version is left"
    assert databases(live) == {"bronze_sales", "silver_sales", "gold_sales"}
    assert json.loads(command("sql", SUM, "--json")) == [{"revenue": "60.00"}]
    for name in (ORDERS, REVENUE):
        assert verify(live, live.contract(name)) == []
    with pytest.raises(ConfigError, match="There is no dev lake `fix-42`"):
        command("sql", SUM, "--dev", "fix-42")


def test_a_command_for_live_alone_refuses_lake_dev(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_DEV", "fix-42")
    with pytest.raises(ConfigError, match="LAKE_DEV is `fix-42`, and `verify` works on the live lake only"):
        command("verify")
    assert json.loads(command("dev", "list", "--json")) == [], "commands of dev lakes work on the live lake"


def test_the_list_says_until_when_pins_can_be_read(command: Command) -> None:
    from datetime import UTC, datetime, timedelta

    command("dev", "start", "fix-42")
    command("dev", "start", "now", "--follow")
    pinned, following = json.loads(command("dev", "list", "--json"))
    day = (datetime.now(UTC) + timedelta(days=30)).date()
    assert pinned["pins_hold"] == f"until {day}, if no partition is replaced more than 10 times"
    assert following["pins_hold"] == "no pins"


def test_a_refresh_makes_the_pins_hold_from_then_on(command: Command, served: Shop) -> None:
    from datetime import UTC, datetime, timedelta

    from lakeworks.branches.document import DevRegister

    command("dev", "start", "fix-42")
    register, now = DevRegister(served.lake.store), datetime.now(UTC)
    stored = register.read("fix-42")
    register.replace(stored, stored.document.model_copy(update={"created_at": now - timedelta(days=9)}))
    promises = []
    for refreshed in (False, True):
        if refreshed:
            command("dev", "refresh", "fix-42")
        (row,) = json.loads(command("dev", "list", "--json"))
        promises.append(row["pins_hold"].partition(",")[0])
    assert promises == [f"until {(now + timedelta(days=days)).date()}" for days in (21, 30)]


def test_garbage_collection_removes_what_has_ended(command: Command, served: Shop) -> None:
    from datetime import UTC, datetime, timedelta

    from lakeworks.branches.document import DevRegister

    command("dev", "start", "fix-42")
    assert json.loads(command("gc", "--json")) == []
    register = DevRegister(served.lake.store)
    stored = register.read("fix-42")
    register.replace(stored, stored.document.model_copy(update={"expires_at": datetime.now(UTC) - timedelta(days=1)}))
    (row,) = json.loads(command("gc", "--json"))
    assert (row["kind"], row["where"]) == ("dev lake", "fix-42")
    assert json.loads(command("dev", "list", "--json")) == []


def test_a_dev_lake_with_a_torn_document_is_dropped_with_its_databases(command: Command, served: Shop) -> None:
    command("dev", "start", "fix-42")
    served.double()
    command("dev", "build", "fix-42")
    assert databases(served.lake) > {"bronze_sales", "silver_sales", "gold_sales"}
    served.lake.store.put("_dev/_lakes/fix-42.json", b"{")
    held = [key for key in keys_of(served.lake) if key.startswith("_dev/fix-42.")]
    command("gc", "--hours", "0")
    assert [key for key in keys_of(served.lake) if key.startswith("_dev/fix-42.")] == held, "the collection leaves it"
    command("dev", "drop", "fix-42")
    assert databases(served.lake) == {"bronze_sales", "silver_sales", "gold_sales"}
    assert [key for key in keys_of(served.lake) if key.startswith("_dev/fix-42.")] == []


def test_ci_builds_the_change_and_compares_it(served: Shop, command: Command, tmp_path: Path) -> None:
    out = tmp_path / "report.md"
    arguments = ("ci", "--dev-name", "fix-42", "--from", "2024-01-05", "--to", "2024-01-05", "--out", str(out))
    command(*arguments)
    assert "The project's code is the code that published every partition." in out.read_text()
    assert json.loads(command("dev", "list", "--json")) == [], "nothing to build leaves no dev lake"
    before = {key for key in keys_of(served.lake) if not key.startswith("_dev/")}
    served.double()
    examples = served.tables / "silver/sales/orders/examples.yml"
    done = command(*arguments)
    assert "## Lakeworks: examples failed" in out.read_text()
    assert "9.99" in out.read_text()
    examples.write_text(
        examples.read_text()
        .replace("amount: 9.99}\n", "amount: 19.98}\n")
        .replace("amount: 19.98}\n  expect", "amount: 9.99}\n  expect")
    )
    for _ in range(2):  # the next commit starts the dev lake again
        done = command(*arguments)
        text = out.read_text()
        assert "## Lakeworks: passed" in text, text
        assert "| silver.sales.orders | 1 | 0 | 2 | 2 | 0 | 0 | 2 |" in text
        assert "+  CAST(2 * amount AS DECIMAL(10, 2)) AS amount" in text
        assert "| table | change | build | keep | minutes | usd |" in text
        planned = next(line for line in text.splitlines() if line.startswith("| silver.sales.orders | "))
        assert planned.endswith("| under 0.01 |"), planned
    assert done == ""
    assert {key for key in keys_of(served.lake) if not key.startswith("_dev/")} == before


def test_ci_stops_at_a_broken_table_before_the_lake_is_asked(
    served: Shop, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    path = served.tables / "silver/sales/orders/transform.sql"
    path.write_text("SELECT nothing FROM bronze_sales.orders\n")
    assert "## Lakeworks: check failed" in command("ci", "--dev-name", "fix-42")

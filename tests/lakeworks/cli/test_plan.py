"""`lakeworks plan`: the project's code against the code that published each partition."""

import json
from collections.abc import Callable

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.code_record import CodeRecord
from lakeworks.transform.sql import load_sql
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.support.many_partitions import entry

__all__ = ["command"]
HOURS = "gold.transport.hourly_demand"


@pytest.fixture
def environment(lake: Lake, moto_url: str) -> dict[str, str]:
    """A lake with one day that an older SQL published."""
    contract, day = load_contract(HOURS), Partition.of_period(Period.parse("2019-02-05"))
    sql = (load_sql(contract) or "").replace("COUNT(*)", "2 * COUNT(*)")
    record = CodeRecord(table=HOURS, fingerprint="1.1", sql=sql, contract=contract.model_dump(mode="json"))
    record.save(lake.store)
    published = entry(contract, day, period="2019-02-05", code="1.1")
    lake.store.put(published.key, published.model_dump_json().encode())
    return settings_for(lake, moto_url)


def test_the_plan_names_column_partition_and_cost(command: Callable[..., Done], environment: dict[str, str]) -> None:
    printed = command("plan", **environment)
    assert printed.returncode == 0, printed.stderr
    assert "SQL: computed otherwise" in printed.stdout
    assert "its own code" in printed.stdout
    (table,) = json.loads(command("plan", "--json", **environment).stdout)["tables"]
    assert table["changes"] == [{"kind": "values", "column": "trip_count", "what": "SQL: computed otherwise"}]
    assert (table["periods"], table["kept"], table["seconds"]) == (["2019-02-05"], 0, None)


def test_a_table_of_another_name_is_one_message(command: Callable[..., Done], environment: dict[str, str]) -> None:
    done = command("plan", "gold.transport.hourly_demanb", **environment)
    assert (done.returncode, "Did you mean `gold.transport.hourly_demand`?" in done.stderr) == (1, True)


def test_other_tables_have_nothing_to_build(command: Callable[..., Done], environment: dict[str, str]) -> None:
    done = command("plan", "gold.transport.zone_daily_summary", **environment)
    assert (done.returncode, "There is nothing to build again." in done.stdout) == (0, True)

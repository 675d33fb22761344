"""`lakeworks docs --dbt-sources`: every table and column, with the tests of dbt that say what the contract says."""

from pathlib import Path

import yaml
from typer.testing import CliRunner

from lakeworks.cli import app
from lakeworks.contract import all_tables, load_contract
from lakeworks.documentation.dbt_sources import sources_yaml
from tests.lakeworks.documentation.test_odcs import WIDE


def test_the_command_writes_every_table_and_column(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["docs", "--dbt-sources", str(tmp_path)])
    assert done.exit_code == 0, done.output
    found = yaml.safe_load((tmp_path / "sources.yml").read_text())["sources"]
    assert len({source["schema"] for source in found}) == len(found), "one source a database"
    columns = {
        table["config"]["meta"]["contract"]: [column["name"] for column in table["columns"]]
        for source in found
        for table in source["tables"]
    }
    assert columns == {name: list(load_contract(name).columns) for name in all_tables()}


def test_columns_have_types_and_tests() -> None:
    (source,) = yaml.safe_load(sources_yaml([WIDE]))["sources"]
    (table,) = source["tables"]
    columns = {column["name"]: column for column in table["columns"]}
    assert (source["schema"], table["name"], columns["tags"]["data_type"]) == ("silver_test", "rows", "array<string>")
    assert columns["id"]["data_tests"] == ["not_null"], "the key has two columns"
    assert columns["region"]["data_tests"][1] == {"accepted_values": {"arguments": {"values": ["eu", "us"]}}}
    assert columns["is_open"]["data_tests"] == [{"accepted_values": {"arguments": {"values": [True], "quote": False}}}]
    assert columns["mail"]["config"]["meta"] == {"classification": "restricted", "pii": True}

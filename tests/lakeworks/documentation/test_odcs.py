"""Contracts as Open Data Contract Standard documents: the standard's JSON schema holds, and no fact gets lost."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from lakeworks.cli import app
from lakeworks.cli.build.docs import document
from lakeworks.contract import all_tables, load_contract
from lakeworks.documentation.odcs import odcs_yaml
from tests.conftest import contract_of

SCHEMA = json.loads((files("open_data_contract_standard") / "schema.json").read_text())
VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
WIDE = contract_of(
    grain=["id", "at"], partition_by=["month(at)", "region"],
    columns={
        "id": {"type": "bigint", "required": True, "description": "key", "maximum": 9007199254740993},
        "at": {"type": "timestamp", "required": True, "description": "when"},
        "region": {"type": "string", "required": True, "description": "where", "allowed": ["eu", "us"]},
        "mail": {"type": "string", "description": "address", "pattern": "@", "pii": True, "classification": "restricted", "masking": "salted_sha256"},
        "price": {"type": "decimal(10,2)", "description": "USD", "minimum": "0.01"},
        "exact": {"type": "decimal(38,20)", "description": "digits", "maximum": "0.12345678901234567890", "allowed": [0.1, 0]},
        "is_open": {"type": "boolean", "description": "yes or no", "allowed": [True]},
        "raw": {"type": "binary", "description": "bytes"},
        "tags": {"type": "list<string>", "description": "labels"},
        "place": {"type": "struct<lat:double,lon:double>", "description": "where"},
        "extra": {"type": "map<string,list<struct<n:int>>>", "description": "counts"},
    },
    rows=[
        {"name": "not_free", "sql": "price > 0", "reason": "It costs nothing."},
        {"name": "in_period", "sql": "at >= $partition_start", "reason": "It is too early."},
    ],
    checks=[
        {"expectation": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}, "severity": "warn"},
        {"expectation": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1, "max_value": 9}},
        {"expectation": "expect_column_values_to_not_be_null", "kwargs": {"column": "price", "mostly": 0.9}},
        {"expectation": "expect_column_values_to_be_between", "kwargs": {"column": "price", "max_value": 9}, "description": "Cheap."},
    ],
    deduplicate_by=["price desc"], look_back_periods=2, plausible_times={"first": "2001-01-01"}, schema_policy="widen",
    storage={"layout": "versioned", "compression_level": 3}, quarantine={"limit": 0.5},
    freshness={"max_age_hours": 24, "look_back_days": 3}, retention={"expire_after_days": 365, "glacier_ir_after_days": 30}, tags=["core"],
)  # fmt: skip


def wide() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(odcs_yaml(WIDE, ["bronze.test.rows"]))
    return found


def problems(text: str) -> list[str]:
    return [f"{found.json_path}: {found.message}" for found in VALIDATOR.iter_errors(yaml.safe_load(text))]


@pytest.mark.integration  # seconds: jsonschema goes through the standard's schema once more for each column
@pytest.mark.parametrize("name", all_tables())
def test_every_tables_document_keeps_to_the_standards_schema(name: str) -> None:
    text = document(name, "s3://lake")
    assert problems(text) == []
    found = yaml.safe_load(text)
    assert (found["apiVersion"], found["id"]) == ("v3.2.0", name)
    assert [item["name"] for item in found["schema"][0]["properties"]] == list(load_contract(name).columns)


def test_the_schema_refuses_what_is_not_of_the_standard() -> None:
    assert problems(odcs_yaml(WIDE, []).replace("status: active", "state: active"))


def test_columns_say_type_rules_and_keys() -> None:
    table = wide()["schema"][0]
    columns = {item["name"]: item for item in table["properties"]}
    assert (table["name"], table["physicalName"]) == ("rows", "rows")
    assert [columns[name].get("primaryKeyPosition") for name in ("id", "at", "region")] == [1, 2, None]
    assert [columns[name].get("partitionKeyPosition") for name in ("id", "at", "region")] == [None, 1, 2]
    assert columns["id"]["logicalTypeOptions"] == {"format": "i64", "maximum": 9007199254740993}
    assert (columns["at"]["logicalType"], columns["price"]["physicalType"]) == ("timestamp", "decimal(10,2)")
    assert columns["price"]["logicalTypeOptions"] == {"minimum": 0.01}
    assert (columns["mail"]["classification"], columns["mail"]["tags"]) == ("restricted", ["pii"])
    assert columns["mail"]["logicalTypeOptions"] == {"pattern": "@"}
    assert columns["region"]["enum"] == [{"value": "eu"}, {"value": "us"}]
    assert columns["tags"]["items"] == {"logicalType": "string", "physicalType": "string"}
    assert [item["name"] for item in columns["place"]["properties"]] == ["lat", "lon"]
    assert columns["extra"]["map"]["value"]["items"]["properties"][0]["name"] == "n"
    assert columns["id"]["transformSourceObjects"] == ["bronze.test.rows"]


def test_rules_get_a_form_that_others_run_where_it_says_the_same() -> None:
    not_free, in_period, warned, limited, mostly, between = wide()["schema"][0]["quality"]
    assert not_free["query"] == "SELECT count(*) FROM rows WHERE NOT coalesce((price > 0), FALSE)"
    assert (not_free["mustBe"], not_free["description"]) == (0, "It costs nothing.")
    assert (in_period["type"], "query" in in_period) == ("text", False), "a run's period has no value elsewhere"
    assert (warned["metric"], warned["mustBeGreaterOrEqualTo"], warned["severity"]) == ("rowCount", 1, "warning")
    assert limited["engine"] == "great-expectations", "all runs together have more rows than one"
    assert mostly["implementation"]["kwargs"] == {"column": "price", "mostly": 0.9}
    assert between["query"] == 'SELECT count(*) FROM rows WHERE "price" > 9'


def test_service_levels_and_own_fields() -> None:
    found = wide()
    assert found["tags"] == ["silver", "core"]
    assert found["slaProperties"] == [
        {"property": "latency", "value": 24.0, "unit": "h", "element": "rows.at"},
        {"property": "retention", "value": 365, "unit": "d"},
    ]
    custom = {item["property"]: item["value"] for item in found["customProperties"]}
    assert custom["partitionBy"] == ["month(at)", "region"]
    assert custom["retention"] == {"glacier_ir_after_days": 30}
    assert {item["vendor"] for item in found["customProperties"]} == {"lakeworks"}


def test_servers_are_where_the_files_are() -> None:
    (server,) = yaml.safe_load(document("silver.transport.trips", "s3://lake/"))["servers"]
    assert (server["type"], server["location"]) == ("s3", "s3://lake/silver/transport/trips/**/*.parquet")
    (server,) = yaml.safe_load(document("silver.transport.trips", "/data"))["servers"]
    assert (server["type"], server["path"]) == ("local", "/data/silver/transport/trips/**/*.parquet")
    assert "servers" not in yaml.safe_load(odcs_yaml(WIDE, [], "s3://lake")), "earlier versions lie beside the current"


def test_the_command_writes_a_document_a_table(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["docs", "--odcs", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.odcs.yaml" for name in all_tables()}


def test_options_that_do_not_go_together_write_nothing(tmp_path: Path) -> None:
    for words in (["--odcs", "--dbt-sources"], ["--data", "s3://lake"]):
        done = CliRunner().invoke(app, ["docs", *words, str(tmp_path / "new")])
        assert done.exit_code != 0
        assert "Nothing was written" in str(done.exception)
    assert not (tmp_path / "new").exists()

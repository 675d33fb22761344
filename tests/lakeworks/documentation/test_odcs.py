"""Contracts as Open Data Contract Standard documents: what the standard's JSON schema demands, and that no fact gets lost.

The names and enumerations below are those of the standard's odcs-json-schema-v3.0.2.json.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from lakeworks.cli import app
from lakeworks.cli.build.docs import document
from lakeworks.contract import all_tables, load_contract
from lakeworks.documentation.odcs import odcs
from tests.conftest import contract_of

TOP = {"apiVersion", "kind", "id", "name", "version", "status", "domain", "tags", "description", "team", "schema",
       "slaProperties", "customProperties"}  # fmt: skip
OBJECT = {
    "name",
    "physicalName",
    "physicalType",
    "logicalType",
    "description",
    "dataGranularityDescription",
    "properties",
    "quality",
}
PROPERTY = {"name", "description", "logicalType", "physicalType", "logicalTypeOptions", "required", "unique", "primaryKey",
            "primaryKeyPosition", "partitioned", "partitionKeyPosition", "classification", "tags", "transformSourceObjects",
            "quality", "items", "properties"}  # fmt: skip
OPTIONS = {
    "string": {"pattern", "format"}, "date": {"format"}, "integer": {"minimum", "maximum", "format"},
    "number": {"minimum", "maximum", "format"}, "object": set(), "array": set(), "boolean": set(),
}  # fmt: skip


def check_property(found: dict[str, Any]) -> None:
    assert set(found) <= PROPERTY
    assert set(found.get("logicalTypeOptions", {})) <= OPTIONS[found["logicalType"]]
    for inner in [*found.get("properties", []), *([found["items"]] if "items" in found else [])]:
        check_property(inner)


@pytest.mark.parametrize("name", all_tables())
def test_every_tables_document_has_the_standards_shape(name: str) -> None:
    found = yaml.safe_load(document(name))
    assert set(found) <= TOP
    assert {"apiVersion", "kind", "id", "version", "status", "schema"} <= set(found)
    assert (found["apiVersion"], found["kind"], found["id"]) == ("v3.0.2", "DataContract", name)
    assert set(found["description"]) <= {"purpose", "usage", "limitations"}
    assert found["team"] == [{"username": load_contract(name).team, "role": "owner"}]
    (table,) = found["schema"]
    assert set(table) <= OBJECT
    assert [item["name"] for item in table["properties"]] == list(load_contract(name).columns)
    for item in table["properties"]:
        check_property(item)
    for item in found.get("slaProperties", []):
        assert {"property", "value"} <= set(item)
    for rule in [
        *table.get("quality", []),
        *(rule for item in table["properties"] for rule in item.get("quality", [])),
    ]:
        needed = {"library": {"rule"}, "sql": {"query", "mustBe"}, "custom": {"engine", "implementation"}}[rule["type"]]
        assert needed <= set(rule)


WIDE = contract_of(
    grain=["id", "at"], partition_by=["month(at)", "region"],
    columns={
        "id": {"type": "bigint", "required": True, "description": "key", "maximum": 9007199254740993},
        "at": {"type": "timestamp", "required": True, "description": "when"},
        "region": {"type": "string", "required": True, "description": "where", "allowed": ["eu", "us"]},
        "mail": {"type": "string", "description": "address", "pattern": "@", "pii": True, "classification": "restricted"},
        "price": {"type": "decimal(10,2)", "description": "USD", "minimum": "0.01"},
        "tags": {"type": "list<string>", "description": "labels"},
        "place": {"type": "struct<lat:double,lon:double>", "description": "where"},
        "extra": {"type": "map<string,int>", "description": "counts"},
    },
    rows=[{"name": "not_free", "sql": "price > 0", "reason": "It costs nothing."}],
    checks=[{"expectation": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}, "severity": "warn"}],
    freshness={"max_age_hours": 24}, retention={"expire_after_days": 365, "glacier_ir_after_days": 30}, tags=["core"],
)  # fmt: skip


def test_no_fact_of_a_contract_is_lost() -> None:
    found = odcs(WIDE, ["bronze.test.rows"])
    table = found["schema"][0]
    columns = {item["name"]: item for item in table["properties"]}
    assert found["tags"] == ["silver", "core"]
    assert [columns[name].get("primaryKeyPosition") for name in ("id", "at", "region")] == [1, 2, None]
    assert [columns[name].get("partitionKeyPosition") for name in ("id", "at", "region")] == [None, 1, 2]
    assert columns["id"]["logicalTypeOptions"] == {"format": "i64", "maximum": 9007199254740993}
    assert columns["price"]["logicalTypeOptions"] == {"minimum": 0.01}
    assert columns["price"]["physicalType"] == "decimal(10,2)"
    assert (columns["mail"]["classification"], columns["mail"]["tags"]) == ("restricted", ["pii"])
    assert columns["mail"]["logicalTypeOptions"] == {"pattern": "@"}
    assert columns["region"]["quality"][0]["validValues"] == ["eu", "us"]
    assert columns["tags"]["items"] == {"logicalType": "string", "physicalType": "string"}
    assert [item["name"] for item in columns["place"]["properties"]] == ["lat", "lon"]
    assert columns["extra"]["logicalType"] == "object"
    assert columns["id"]["transformSourceObjects"] == ["bronze.test.rows"]
    rule, check = table["quality"]
    assert rule["query"] == "SELECT count(*) FROM silver_test.rows WHERE NOT coalesce((price > 0), FALSE)"
    assert (rule["mustBe"], rule["description"]) == (0, "It costs nothing. Such rows are quarantined.")
    assert (check["engine"], check["severity"]) == ("great-expectations", "warning")
    assert check["implementation"] == {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
    assert found["slaProperties"] == [
        {"property": "latency", "value": 24.0, "unit": "h", "element": "rows.at"},
        {"property": "retention", "value": 365, "unit": "d"},
    ]
    custom = {item["property"]: item["value"] for item in found["customProperties"]}
    assert custom == {"schemaPolicy": "freeze", "quarantineLimit": 0.2, "partitionBy": ["month(at)", "region"],
                      "glacierInstantRetrievalAfterDays": 30}  # fmt: skip


def test_the_command_writes_a_document_a_table(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["docs", "--odcs", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.odcs.yaml" for name in all_tables()}

"""Open Data Contract Standard documents become contracts: ours the same again, others' as far as a contract can say it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lakeworks.authoring.example_difference import differences
from lakeworks.authoring.example_runner import run_example
from lakeworks.authoring.new_table import table_folder, write_files
from lakeworks.authoring.odcs_contract import Imported, read_odcs, to_contract
from lakeworks.authoring.odcs_table import from_odcs, written
from lakeworks.authoring.table_check import table_problems
from lakeworks.cli.build.docs import document
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.documentation.custom_properties import FIELDS
from lakeworks.documentation.odcs import odcs_yaml
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ConfigError, ContractError
from lakeworks.transform.examples import read_examples
from tests.lakeworks.documentation.test_odcs import WIDE

OTHERS: dict[str, Any] = {
    "apiVersion": "v3.1.0", "kind": "DataContract", "id": "53581432", "version": "v1.2", "status": "retired",
    "domain": "seller", "team": [{"username": "ceastwood", "role": "Data Scientist"}],
    "schema": [{
        "name": "tbl", "physicalName": "payments",
        "properties": [
            {"name": "txn_ref_dt", "physicalType": "timestamptz", "primaryKey": True, "primaryKeyPosition": 2},
            {"name": "rcvr_id", "physicalType": "varchar(18)", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 1,
             "classification": "4", "logicalTypeOptions": {"maxLength": 18}},
            {"name": "amount", "logicalType": "number", "physicalType": "NUMERIC(12, 2)", "logicalTypeOptions": {"minimum": 0}},
            {"name": "kind", "logicalType": "string", "quality": [
                {"type": "library", "metric": "nullValues", "mustBe": 0},
                {"type": "library", "metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": ["a", "b"]}}]},
            {"name": "day", "logicalType": "date", "logicalTypeOptions": {"minimum": "2020-01-01"}},
            {"name": "small", "logicalType": "integer", "logicalTypeOptions": {"format": "i16"}},
            {"name": "items", "logicalType": "array", "items": {"logicalType": "object", "properties": [{"name": "n", "logicalType": "integer"}]}},
            {"name": "words", "logicalType": "map", "map": {"key": {"logicalType": "string"}, "value": {"logicalType": "boolean"}}},
        ],
        "quality": [
            {"type": "library", "metric": "rowCount", "mustBeGreaterThan": 9},
            {"type": "sql", "name": "sum", "query": "SELECT sum(amount) FROM payments", "mustBeGreaterThan": 0},
        ],
    }],
    "slaProperties": [{"property": "latency", "value": 4, "unit": "d"}, {"property": "retention", "value": 3, "unit": "y"},
                      {"property": "frequency", "value": 1, "unit": "d"}],
}  # fmt: skip


def imported(text: str, name: str, folder: Path) -> Imported:
    path = folder / "document.yaml"
    path.write_text(text)
    return to_contract(read_odcs(path), name, path.name)


@pytest.mark.parametrize("name", all_tables())
def test_an_exported_contract_comes_back_whole(name: str, tmp_path: Path) -> None:
    found = imported(document(name, "s3://lake"), name, tmp_path)
    assert found.contract == load_contract(name)
    assert found.left_out == ()
    again = Contract.model_validate({**yaml.safe_load(yaml.safe_dump(written(found.contract))), "name": name})
    assert again == load_contract(name), "as contract.yml writes it"


def test_what_the_standard_cannot_say_comes_back_too(tmp_path: Path) -> None:
    assert imported(odcs_yaml(WIDE, []), WIDE.name, tmp_path) == Imported(WIDE)


def test_without_our_own_properties_types_keys_and_limits_are_still_there(tmp_path: Path) -> None:
    text = odcs_yaml(WIDE, []).replace("vendor: lakeworks", "vendor: another")
    found = imported(text, WIDE.name, tmp_path).contract
    assert {key: column.type for key, column in found.columns.items()} == {
        key: column.type for key, column in WIDE.columns.items()
    }
    assert (found.grain, found.columns["price"].minimum) == (WIDE.grain, WIDE.columns["price"].minimum)
    assert [key for key, column in found.columns.items() if column.required] == ["id", "at", "region"]
    assert (found.rows, found.partition_by) == ((), ())


def test_anothers_document_becomes_a_contract(tmp_path: Path) -> None:
    contract, left_out = vars(imported(yaml.safe_dump(OTHERS), "silver.sales.payments", tmp_path)).values()
    assert (contract.version, contract.status, contract.team) == ("1.2.0", "deprecated", "ceastwood")
    assert contract.grain == ("rcvr_id", "txn_ref_dt")
    assert {key: str(column.type) for key, column in contract.columns.items()} == {
        "txn_ref_dt": "timestamp", "rcvr_id": "string", "amount": "decimal(12,2)", "kind": "string", "day": "date",
        "small": "smallint", "items": "list<struct<n:bigint>>", "words": "map<string,boolean>",
    }  # fmt: skip
    assert (contract.columns["kind"].allowed, contract.columns["kind"].required) == (("a", "b"), True)
    assert contract.columns["rcvr_id"].classification == "restricted", "a word that is unknown here"
    assert [check.kwargs for check in contract.checks] == [{"min_value": 10}]
    assert (contract.freshness.max_age_hours, contract.retention.expire_after_days) == (96, 1095)
    assert left_out == ("slaProperties: frequency", "rcvr_id: maxLength", "day: minimum", "quality: sum")


def test_the_new_table_holds(shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "document.yaml"
    path.write_text(yaml.safe_dump(OTHERS))
    for name, made_of in {"gold.sales.payments": {"upstream": "silver.sales.orders"}, "bronze.sales.payments": {"source": "file_drop.payments"}}.items():  # fmt: skip
        files, _, has_source = from_odcs(name, path, **made_of)
        write_files(table_folder(name), files)
        assert [str(problem) for problem in table_problems(name)] == []
        assert has_source == ("source" in made_of)
        for one in read_examples(load_contract(name)):
            assert differences(one, run_example(one, DuckDbEngine(scratch=tmp_path))) == []


def test_a_document_of_this_lake_needs_no_from(shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "document.yaml"
    path.write_text(document("silver.sales.orders"))
    files, _, _ = from_odcs("gold.sales.copy", path)
    assert "FROM bronze_sales.orders" in files["transform.sql"]


def changed(**values: Any) -> str:
    return yaml.safe_dump({**OTHERS, **values})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "cannot be read"),
        ("just text", "is no Open Data Contract Standard document"),
        ("a: 1", "`a`: Extra inputs are not permitted"),
        (changed(apiVersion="v2.2.2"), "`apiVersion` is v2.2.2"),
        (changed(schema=[]), "describes 0 tables"),
        (changed(schema=[{"name": "a"}, {"name": "b"}]), "none is `payments`: a, b"),
        (changed(), "does not say which table or source `gold.sales.payments` is built from"),
    ],
)
def test_a_document_that_is_none_is_one_clear_error(shop: Path, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "document.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="Nothing was written") as error:
        from_odcs("gold.sales.payments", path)
    assert says in str(error.value)


def test_what_is_not_possible_here_is_named_by_field(tmp_path: Path) -> None:
    table = {"name": "payments", "properties": [{"name": "a", "logicalType": "vector"}]}
    with pytest.raises(ContractError, match="`a` has no type"):
        imported(changed(schema=[table]), "silver.sales.payments", tmp_path)
    table = {
        "name": "payments",
        "properties": [{"name": "a", "logicalType": "string", "logicalTypeOptions": {"pattern": "("}}],
    }
    with pytest.raises(ContractError, match=r"document.yaml.*columns.a.*not a regular expression"):
        imported(changed(schema=[table]), "silver.sales.payments", tmp_path)


def test_every_field_of_a_contract_is_in_the_document() -> None:
    """Engines and approvals were once left out: a new field is named here, or travels as a property of ours."""
    of_the_standard = {
        "name", "version", "status", "description", "team", "tags", "columns", "grain", "checks", "rows",
    }  # fmt: skip
    assert set(Contract.model_fields) == of_the_standard | set(FIELDS)

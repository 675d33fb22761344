"""Snowflake's statements of every shipped table parse, hold no key, and name what the contract has."""

import re
from dataclasses import replace
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.documentation.snowflake_ddl import SnowflakePlace, snowflake_statements
from lakeworks.documentation.snowflake_iceberg import GlueIceberg, iceberg_statements
from lakeworks.errors import ConfigError
from tests.conftest import contract_of

PLACE = SnowflakePlace("arn:aws:iam::123456789012:role/snowflake", "LAKE", "s3://lake/silver/test/rows/")


def parsed(contract: Contract) -> list[exp.Create]:
    statements = sqlglot.parse(
        snowflake_statements(contract, PLACE), read="snowflake", error_level=sqlglot.ErrorLevel.RAISE
    )
    assert all(isinstance(statement, exp.Create) for statement in statements if statement)
    return [statement for statement in statements if isinstance(statement, exp.Create)]


@pytest.mark.parametrize("name", [name for name in all_tables() if load_contract(name).storage.layout != "versioned"])
def test_statements_of_every_shipped_table_parse(name: str) -> None:
    contract = load_contract(name)
    created = parsed(contract)
    hidden = [column for column, facts in contract.columns.items() if facts.protected]
    kinds = [str(statement.args["kind"]) for statement in created]
    assert kinds == ["STORAGE INTEGRATION", "SCHEMA", "FILE FORMAT", "STAGE", "TABLE"] + (["VIEW"] if hidden else [])
    columns = {item.name for item in created[4].this.expressions if isinstance(item, exp.ColumnDef)}
    assert {column.upper() for column in contract.columns} <= columns
    if hidden:
        selected = {item.name for item in created[5].expression.expressions}
        assert selected.isdisjoint(column.upper() for column in hidden)


def test_partition_columns_come_from_the_path() -> None:
    columns: dict[str, Any] = {
        "id": {"type": "bigint", "required": True, "description": ""},
        "at": {"type": "timestamp", "required": True, "description": ""},
        "region": {"type": "string", "required": True, "description": ""},
        "tags": {"type": "list<string>", "description": ""},
        "amount": {"type": "decimal(10,2)", "description": ""},
    }
    text = snowflake_statements(contract_of(columns=columns, partition_by=["region", "day(at)"]), PLACE)
    region = "SPLIT_PART(SPLIT_PART(METADATA$FILENAME, '/region=', 2), '/', 1)"
    assert f"\"REGION\" VARCHAR AS (NULLIF({region}, '__HIVE_DEFAULT_PARTITION__')::VARCHAR)" in text
    assert '"PARTITION_DAY" DATE AS (DATE_FROM_PARTS(' in text
    assert 'PARTITION BY ("REGION", "PARTITION_DAY")' in text
    assert '"AMOUNT" NUMBER(10, 2) AS (VALUE:"amount"::NUMBER(10, 2))' in text
    assert '"TAGS" VARIANT AS (VALUE:"tags"::VARIANT)' in text


@pytest.mark.parametrize("description", ["it's", "\\'; DROP TABLE x; --", "'; DROP TABLE x; --", "a\nb", "\\"])
def test_a_hostile_description_stays_a_comment(description: str) -> None:
    columns: dict[str, Any] = {"id": {"type": "bigint", "required": True, "description": description}}
    created = parsed(contract_of(columns=columns, description=description))
    assert [str(statement.args["kind"]) for statement in created][-1] == "TABLE"
    assert len(created) == 5


@pytest.mark.parametrize(
    ("role", "integration"),
    [("AKIAIOSFODNN7EXAMPLE", "LAKE"), ("arn:aws:iam::1:user/x", "LAKE"), (PLACE.role, "a; DROP"), ("", "LAKE")],
)
def test_keys_and_other_words_are_refused(role: str, integration: str) -> None:
    with pytest.raises(ConfigError, match="Nothing was printed"):
        SnowflakePlace(role, integration, PLACE.location)


def test_a_versioned_table_is_refused_with_the_reason_and_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"superseded objects.*iceberg: true"):
        snowflake_statements(contract_of(storage={"layout": "versioned"}), PLACE)


GLUE = GlueIceberg("gold_commerce", "department_sales_iceberg", "eu-central-1")
METADATA = "s3://lake/metadata/iceberg/gold/commerce/department_sales/"


def test_an_iceberg_table_is_followed_by_glue() -> None:
    contract = load_contract("gold.commerce.department_sales")
    assert contract.catalog.iceberg
    text = iceberg_statements(contract, replace(PLACE, location="s3://gold-bucket/gold/"), METADATA, GLUE)
    volume, integration, schema, table = [one.strip() for one in text.split(";\n") if one.strip()]
    assert volume.startswith('CREATE EXTERNAL VOLUME IF NOT EXISTS "LAKE_VOLUME"')
    assert re.findall(r"STORAGE_BASE_URL = '(.*?)'", volume) == ["s3://lake/", "s3://gold-bucket/"], (
        "a layer's bucket too"
    )
    assert "ALLOW_WRITES = FALSE" in volume
    assert integration.startswith('CREATE CATALOG INTEGRATION IF NOT EXISTS "LAKE_GLUE"')
    assert "GLUE_CATALOG_ID = '123456789012'" in integration
    assert "GLUE_REGION = 'eu-central-1'" in integration
    assert schema == 'CREATE SCHEMA IF NOT EXISTS "GOLD_COMMERCE"'
    created = sqlglot.parse_one(table, read="snowflake", error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(created, exp.Create)
    assert created.this.sql("snowflake") == '"GOLD_COMMERCE"."DEPARTMENT_SALES"'
    assert "EXTERNAL_VOLUME = 'LAKE_VOLUME' CATALOG = 'LAKE_GLUE'" in table
    assert "CATALOG_NAMESPACE = 'gold_commerce' CATALOG_TABLE_NAME = 'department_sales_iceberg'" in table


@pytest.mark.parametrize("description", ["it's", "\\'; DROP TABLE x; --", "'; DROP TABLE x; --"])
def test_readers_of_an_iceberg_table_get_a_view_without_protected_columns(description: str) -> None:
    columns: dict[str, Any] = {
        "id": {"type": "bigint", "required": True, "description": ""},
        "email": {"type": "string", "description": "", "pii": True},
    }
    contract = contract_of(columns=columns, description=description)
    text = iceberg_statements(contract, PLACE, METADATA, GLUE)
    _, table, view = sqlglot.parse(text.partition("ENABLED = TRUE;")[2], read="snowflake")[:3]
    assert isinstance(view, exp.Create)
    assert str(view.args["kind"]) == "VIEW"
    assert [item.name for item in view.expression.expressions] == ["ID"]
    assert isinstance(table, exp.Create)
    assert table.this.name == f"{contract.table.table.upper()}_FILES"
    assert view.expression.find(exp.Table).name == table.this.name

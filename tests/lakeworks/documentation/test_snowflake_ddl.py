"""Snowflake's statements of every shipped table parse, hold no key, and name what the contract has."""

from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.documentation.snowflake_ddl import SnowflakePlace, snowflake_statements
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


def test_a_versioned_table_is_refused_with_the_reason() -> None:
    with pytest.raises(ConfigError, match="superseded objects"):
        snowflake_statements(contract_of(storage={"layout": "versioned"}), PLACE)

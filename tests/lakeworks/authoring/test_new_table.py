"""A new table or source holds as it is written, whatever the columns of what it reads."""

from pathlib import Path

import pytest

from lakeworks.authoring.example_difference import differences
from lakeworks.authoring.example_runner import run_example
from lakeworks.authoring.new_source import source_module
from lakeworks.authoring.new_table import from_source, from_upstream, read_sample, table_folder, write_files
from lakeworks.authoring.table_check import table_problems
from lakeworks.contract import load_contract
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ConfigError, ContractError
from lakeworks.transform.examples import read_examples


def holds(name: str, scratch: Path) -> bool:
    assert [str(problem) for problem in table_problems(name)] == []
    examples = read_examples(load_contract(name))
    return examples != [] and all(
        differences(one, run_example(one, DuckDbEngine(scratch=scratch))) == [] for one in examples
    )


@pytest.mark.parametrize(
    "kind",
    ["boolean", "int", "double", "string", "binary", "date", "decimal(5,2)", "list<int>", "'struct<a:int,b:string>'", "'map<string,int>'"],
)  # fmt: skip
def test_a_table_made_of_another_holds(shop: Path, tmp_path: Path, kind: str) -> None:
    above = shop / "silver/sales/orders/contract.yml"
    above.write_text(
        above.read_text() + f"  more: {{type: {kind if kind[0] != 'd' else repr(kind)}, description: More.}}\n"
    )
    sql = shop / "silver/sales/orders/transform.sql"
    sql.write_text(sql.read_text().replace("\nFROM", ",\n  CAST(NULL AS INT) AS more\nFROM"))
    write_files(table_folder("gold.sales.copy"), from_upstream("silver.sales.orders"))
    assert holds("gold.sales.copy", tmp_path)


def test_a_table_of_a_sample_has_its_columns_and_first_row(shop: Path, tmp_path: Path) -> None:
    sample = tmp_path / "o'clock.csv"
    sample.write_text("id,placed_at,amount,note\n7,2024-01-05 10:00:00,9.5,x\n")
    fields = read_sample(sample)
    assert dict(fields.types) == {"id": "bigint", "placed_at": "timestamp", "amount": "double", "note": "string"}
    write_files(table_folder("bronze.sales.tills"), from_source("bronze.sales.tills", "file_drop.tills", fields))
    assert holds("bronze.sales.tills", tmp_path)
    for text in ("a,b\n", ""):
        sample.write_text(text)
        with pytest.raises(ConfigError, match="Nothing was written"):
            read_sample(sample)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gold.sales.class", "`class` is a keyword of Python or SQL"),
        ("gold.sales.order", "`order` is a keyword of Python or SQL"),
        ("gold.sales", "is not a table name"),
        ("silver.sales.orders", "is there already. Nothing was written"),
    ],
)
def test_a_name_that_cannot_be_a_new_table_is_refused(shop: Path, name: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        table_folder(name)


def test_an_unknown_upstream_names_the_likely_one(shop: Path) -> None:
    with pytest.raises(ContractError, match=r"Did you mean `silver\.sales\.orders`\? Nothing was written"):
        from_upstream("silver.sales.order")


@pytest.mark.parametrize("name", ["weather", "Weather.readings", "class.readings", "weather.x y", ".x"])
def test_a_source_that_python_cannot_import_is_refused(shop: Path, name: str) -> None:
    with pytest.raises(ContractError, match="is not the name of a data set. Nothing was written"):
        source_module(name, "https://api.example.org")
    with pytest.raises(ContractError, match="There is a source `yahoo` already"):
        source_module("yahoo.bars", "https://api.example.org")

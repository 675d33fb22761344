"""A new table or source holds as it is written, whatever the columns of what it reads."""

from decimal import Decimal
from pathlib import Path

import pytest

from lakeworks.authoring.example_difference import differences
from lakeworks.authoring.example_runner import run_example
from lakeworks.authoring.new_source import source_module
from lakeworks.authoring.new_table import from_source, from_upstream, table_folder, write_files
from lakeworks.authoring.sample_file import read_sample
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
    assert dict(fields.types) == {"id": "bigint", "placed_at": "timestamp", "amount": "decimal(18,1)", "note": "string"}
    write_files(table_folder("bronze.sales.tills"), from_source("bronze.sales.tills", "file_drop.tills", fields))
    assert holds("bronze.sales.tills", tmp_path)
    for text in ("a,b\n", ""):
        sample.write_text(text)
        with pytest.raises(ConfigError, match="Nothing was written"):
            read_sample(sample)


@pytest.mark.parametrize(("name", "text"), [
    ("sample.csv", "Day,amount,part,much\n2024-01-05,0.10,1e3,5\n2024-01-06,1234567890123456789.123456789012,0.5,6.25\n"),
    ("sample.jsonl", '{"Day": "2024-01-05", "amount": 0.10, "part": 1e3, "much": 5}\n'
     '{"Day": "2024-01-06", "amount": 1234567890123456789.123456789012, "part": 0.5, "much": 6.25}\n'),
])  # fmt: skip
def test_a_sample_gives_types_that_lose_no_digit_and_keys_that_are_free(
    shop: Path, tmp_path: Path, name: str, text: str
) -> None:
    """Its amounts became doubles, and a column `day` was the name of a partition key too: the contract did not load."""
    (tmp_path / name).write_text(text)
    fields = read_sample(tmp_path / name)
    kinds = {key: fields.types[key] for key in ("amount", "part", "much")}
    assert kinds == {"amount": "decimal(37,12)", "part": "double", "much": "decimal(18,2)"}
    assert fields.row["amount"] == Decimal("0.10")
    write_files(table_folder("bronze.sales.tills"), from_source("bronze.sales.tills", "file_drop.tills", fields))
    assert [str(field) for field in load_contract("bronze.sales.tills").partition_by] == ["month"]
    assert holds("bronze.sales.tills", tmp_path)


@pytest.mark.parametrize(
    ("header", "words"),
    [("Order ID,x", "`Order ID` has characters other than"), ("day,date,YEAR", "has a column `year` or `month`")],
)
def test_a_sample_that_no_table_can_hold_writes_nothing(shop: Path, tmp_path: Path, header: str, words: str) -> None:
    (tmp_path / "sample.csv").write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    fields = read_sample(tmp_path / "sample.csv")
    with pytest.raises(ContractError, match=words):
        from_source("bronze.sales.tills", "file_drop.tills", fields)


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

"""`lakeworks table check`: every mistake at once, each on one line with file, field and what was likely meant."""

from pathlib import Path

import pytest

from lakeworks.authoring.table_check import project_problems, table_problems
from lakeworks.project import TABLES

NAME, FOLDER = "silver.sales.orders", "silver/sales/orders"


def problems(tables: Path, file: str = "", old: str = "", new: str = "", table: str = NAME) -> list[str]:
    if file:
        path = tables / table.replace(".", "/") / file
        text = path.read_text() if path.exists() else ""
        assert old in text
        path.write_text(text.replace(old, new) if old else new)
    return [str(problem) for problem in table_problems(table)]


def test_tables_that_are_right_have_no_problem(shop: Path) -> None:
    assert problems(shop) == problems(shop, table="bronze.sales.orders") == []


def test_five_mistakes_in_a_contract_are_five_lines(shop: Path) -> None:
    (shop / FOLDER / "contract.yml").write_text(
        "version: 1.0\nowner: sales\ngrain: [id]\ncolumns:\n  id: {type: varchar, min: 1, description: Key.}\n"
    )
    found = problems(shop)
    assert len(found) >= 5
    assert all(line.startswith(f"`{TABLES}/{FOLDER}/contract.yml`: `") and "\n" not in line for line in found)
    for words in (
        "`version`: must be text, not `1.0`", "`description`: is missing", "`team`: is missing", "`owner`: there is no such field. Did you mean `team`?",
        "`columns.id.type`: `varchar` is not a column type. Did you mean `string`?",
        "`columns.id.min`: there is no such field. Did you mean `minimum`?",
    ):  # fmt: skip
        assert any(words in line for line in found), words


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("contract.yml", "grain: [id]", "grain: [idd]", "name no column: idd. Did you mean `id`?"),
        ("contract.yml", "grain: [id]", "grain: [id]\nsource: file_drops.orders", "`source`: there is no source `file_drops`. Did you mean `file_drop`?"),
        ("contract.yml", "grain: [id]", "grain: [id]\npreserves_rows: bronze.sales.order", "`preserves_rows`: there is no table `bronze.sales.order`. Did you mean `bronze.sales.orders`?"),
        ("contract.yml", "grain: [id]", "grain: [id]\nchecks: [{expectation: expect_table_row_count_to_be_betwen}]", "Did you mean `expect_table_row_count_to_be_between`?"),
        ("contract.yml", "team: sales", "team: sales\nteam: shop", "the key `team` is written twice"),
        ("transform.sql", "bronze_sales.orders", "bronze.sales.orders", "`bronze.sales.orders` is no table of this lake. In SQL write `bronze_sales.orders`."),
        ("transform.sql", "bronze_sales.orders", "bronze_sales.order", "there is no table `bronze.sales.order`. Did you mean `bronze.sales.orders`?"),
        ("transform.sql", "CAST(amount ", "CAST(amuont ", "`transform.sql`: Binder Error"),
        ("transform.sql", "CAST(id AS BIGINT)", "id", "`id` is not CAST to its contract type"),
        ("transform.sql", "CAST(id AS BIGINT)", "CAST(id AS INT)", "`id`: is INTEGER, the contract has bigint (BIGINT)"),
        ("transform.sql", "CAST(amount AS", "CAST(RANDOM() AS", "random numbers make a re-run differ"),
        ("transform.sql", "FROM", "FRUM", "does not parse"),
        ("transform.sql", "orders\n", "orders\nWHERE placed_at >= $partition_stat\n", "`$partition_stat` is no parameter of a transform. Did you mean `partition_start`?"),
        ("transform.sql", "bronze_sales.orders", "gold_sales.orders", "there is no table `gold.sales.orders`"),
        ("examples.yml", "bronze.sales.orders", "bronze.sales.order", "does not read this table. Did you mean `bronze.sales.orders`?"),
        ("examples.yml", "amount: 9.99}\n  expect", "amuont: 9.99}\n  expect", "row 1: there is no column `amuont`. Did you mean `amount`?"),
        ("examples.yml", "period: 2024-01-05", "period: yesterday", "`period`: `yesterday` is not a partition key"),
        ("transfrom.sql", "", "SELECT 1", "no file of a table has this name. Did you mean `transform.sql`?"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_it(shop: Path, file: str, old: str, new: str, words: str) -> None:
    found = problems(shop, file, old, new)
    expected = words.removeprefix("`transform.sql`: ")
    assert any(expected in line and f"`{TABLES}/{FOLDER}/" in line for line in found), found
    assert all("\n" not in line for line in found)
    assert all(Path(line.split("`")[1]).is_file() for line in found), "each opens from the project's folder"


def test_a_missing_example_file_and_a_table_without_sql_or_source_are_problems(shop: Path) -> None:
    (shop / FOLDER / "examples.yml").unlink()
    (shop / FOLDER / "transform.sql").unlink()
    found = problems(shop)
    assert any("`source`: is missing: a table has a `source` or a transform.sql" in line for line in found)
    assert any("examples.yml`: cannot be read" in line for line in found)


def test_one_wrong_contract_hides_no_other_tables_problem_and_a_folder_without_contract_is_seen(shop: Path) -> None:
    (shop / FOLDER / "contract.yml").write_text("version: 1\n")
    (shop / "bronze/sales/orders/examples.yml").write_text("[]")
    (shop / "gold/sales/daily").mkdir(parents=True)
    (shop / "gold/sales/daily/transform.sql").write_text("SELECT 1")
    names, found, _ = project_problems(dags=False)
    files = {problem.file for problem in found}
    assert names == ["bronze.sales.orders", "silver.sales.orders"]
    assert files == {
        f"{TABLES}/{FOLDER}/contract.yml", f"{TABLES}/bronze/sales/orders/examples.yml", f"{TABLES}/gold/sales/daily/transform.sql",
    }  # fmt: skip

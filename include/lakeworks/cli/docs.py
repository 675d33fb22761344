"""`lakeworks docs`: a documentation page a table."""

from pathlib import Path
from typing import Annotated

import typer

from lakeworks.contract import all_tables, load_contract
from lakeworks.quality.rules import row_rules
from lakeworks.reports.table_page import table_page
from lakeworks.sql import load_sql, upstream


def docs(folder: Annotated[Path, typer.Argument(help="where the pages go")] = Path("docs/tables")) -> None:
    """Write a page for every table from its contract."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in all_tables():
        (folder / f"{name}.md").write_text(page(name))
    typer.echo(f"wrote {len(all_tables())} pages to {folder}")


def page(name: str) -> str:
    """The page of one table."""
    contract = load_contract(name)
    sql = load_sql(contract)
    return table_page(contract, [str(table) for table in upstream(sql)] if sql else [], row_rules(contract))

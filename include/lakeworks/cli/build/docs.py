"""`lakeworks docs`: a documentation page a table."""

from pathlib import Path
from typing import Annotated

import typer

from lakeworks.cli.output import say
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.documentation.odcs import odcs_yaml
from lakeworks.documentation.table_page import table_page
from lakeworks.quality.rules import row_rules
from lakeworks.transform.sql import load_sql, upstream


def write_docs(
    folder: Annotated[Path, typer.Argument(help="where the pages go")] = Path("docs/tables"),
    odcs: Annotated[
        bool, typer.Option("--odcs", help="Open Data Contract Standard documents instead of pages")
    ] = False,
) -> None:
    """Write a documentation page for every table.

    With --odcs: the contract as an Open Data Contract Standard document.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in all_tables():
        path = folder / (f"{name}.odcs.yaml" if odcs else f"{name}.md")
        path.write_text(document(name) if odcs else page(name))
    say(f"wrote {len(all_tables())} {'ODCS documents' if odcs else 'pages'} to {folder}")


def page(name: str) -> str:
    """Return the page of one table."""
    contract, upstreams = _parts(name)
    return table_page(contract, upstreams, row_rules(contract))


def document(name: str) -> str:
    """Return the ODCS document of one table."""
    return odcs_yaml(*_parts(name))


def _parts(name: str) -> tuple[Contract, list[str]]:
    contract = load_contract(name)
    sql = load_sql(contract)
    return contract, [str(table) for table in upstream(sql)] if sql else []

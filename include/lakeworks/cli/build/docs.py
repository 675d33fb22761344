"""`lakeworks docs`: a documentation page per table, or contracts in the formats of other tools."""

from pathlib import Path
from typing import Annotated

import typer

from lakeworks.cli.output import say
from lakeworks.cli.progress import track, waiting
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import ConfigError


def write_docs(
    folder: Annotated[Path, typer.Argument(help="folder for the pages")] = Path("docs/tables"),
    odcs: Annotated[
        bool, typer.Option("--odcs", help="Open Data Contract Standard documents instead of pages")
    ] = False,
    dbt_sources: Annotated[
        bool, typer.Option("--dbt-sources", help="sources.yml of a dbt project instead of pages")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(help="With --odcs: address of the lake's files, s3://<bucket> or a folder.", show_default=False),
    ] = None,
) -> None:
    """Write a documentation page for every table.

    The default of `docs`: a folder after it is that of the pages.

    With --odcs: the contract as an Open Data Contract Standard document.

    With --dbt-sources: one file with every table as a source of dbt.
    """
    if odcs and dbt_sources:
        raise ConfigError("--odcs and --dbt-sources are different files. Nothing was written. Give one of them.")
    if data and not odcs:
        raise ConfigError("--data is part of an ODCS document. Nothing was written. Give --odcs too, or leave it out.")
    names = all_tables()
    if dbt_sources:
        with waiting("Describing tables"):
            files = {"sources.yml": sources_file()}
    elif odcs:
        files = {f"{name}.odcs.yaml": document(name, data) for name in track(names, "Describing")}
    else:
        files = {f"{name}.md": page(name) for name in track(names, "Describing")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    kind = "sources.yml with {} tables" if dbt_sources else "{} ODCS documents" if odcs else "{} pages"
    say(f"wrote {kind.format(len(names))} to {folder}")


def page(name: str) -> str:
    """Return the page of one table."""
    from lakeworks.documentation.table_pages import table_page
    from lakeworks.quality.rules import row_rules

    contract, upstreams = _parts(name)
    return table_page(contract, upstreams, row_rules(contract))


def document(name: str, data: str | None = None) -> str:
    """Return the ODCS document of one table; `data` is where the lake's files are."""
    from lakeworks.documentation.odcs import odcs_yaml

    contract, upstreams = _parts(name)
    return odcs_yaml(contract, upstreams, data)


def sources_file() -> str:
    """Return every table as a source of dbt."""
    from lakeworks.documentation.dbt_sources import sources_yaml

    return sources_yaml(load_contract(name) for name in all_tables())


def _parts(name: str) -> tuple[Contract, list[str]]:
    from lakeworks.transform.sql import load_sql, upstream

    contract = load_contract(name)
    sql = load_sql(contract)
    return contract, [str(table) for table in upstream(sql)] if sql else []

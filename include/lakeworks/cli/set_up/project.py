"""`lakeworks init`: a new project."""

from pathlib import Path
from typing import Annotated

import typer

from lakeworks.scaffold.project_template import TEMPLATES, write_project


def init_project(
    folder: Annotated[Path, typer.Argument(show_default=False, help="A new or empty folder.")],
    template: Annotated[str, typer.Option("--template", "-t", help=f"One of: {', '.join(TEMPLATES)}.")] = "csv",
) -> None:
    """Write a new project: DAGs, tables, lake.yml, tests.

    The default project has one small pipeline: a CSV file dropped in the inbox becomes bronze, silver and gold.
    """
    files = write_project(folder, template)
    typer.echo(f"Wrote {len(files)} files to {folder}. Next:\n")
    first = "publish the first tables" if Path("include/lake/walkthrough.yml") in files else "without a table yet"
    typer.echo(f"  cd {folder}\n  make up      # install, start the local stack, {first}")
    typer.echo("  make test    # check contracts, SQL, examples and DAGs")
    if template == "empty":
        typer.echo("  lakeworks table new bronze.shop.orders --source file_drop.orders --sample orders.csv")
    typer.echo("\nREADME.md explains the files.")

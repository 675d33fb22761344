"""The `lakeworks` command: look at tables, ledger and data. Errors of lakeworks end in one message and exit code 1."""

import sys

import typer

from lakeworks.cli import (
    backfill,
    bootstrap,
    bucket,
    catalog,
    compact,
    contract,
    cost,
    docs,
    fetches,
    freshness,
    ledger,
    maintain,
    publications,
    quarantine,
    sql,
    status,
    tables,
    tenant,
)
from lakeworks.cli.output import fail
from lakeworks.errors import LakeError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="A medallion data lake on S3, run by Apache Airflow."
)
app.command("tables")(tables.tables)
app.command("show")(tables.show)
app.command("sql")(sql.sql)
app.command("ledger")(ledger.ledger)
app.command("status")(status.status)
app.command("freshness")(freshness.freshness)
app.command("history")(ledger.history)
app.command("rollback")(publications.rollback)
app.command("withdraw")(publications.withdraw)
app.command("diff")(publications.diff)
for command in (maintain.verify, maintain.repair, maintain.gc):
    app.command(command.__name__)(command)
app.add_typer(backfill.app, name="backfill")
app.add_typer(contract.app, name="contract")
app.add_typer(quarantine.app, name="quarantine")
app.command("files")(compact.files)
app.command("compact")(compact.compact)
app.add_typer(catalog.app, name="catalog")
app.command("fetches")(fetches.fetches)
app.command("budget")(fetches.budget)
app.command("docs")(docs.docs)
app.command("bootstrap")(bootstrap.bootstrap)
app.add_typer(bucket.app, name="bucket")
app.add_typer(tenant.app, name="tenant")
app.add_typer(cost.app, name="cost")


def main() -> None:
    """Run a command."""
    try:
        app()
    except LakeError as error:
        fail(error)
        sys.exit(1)

"""`lakeworks bucket list|delete`: the account's buckets, and getting rid of one of ours."""

from typing import Annotated

import typer

from lakeworks.cli.connect import client
from lakeworks.cli.output import AsJson, emit
from lakeworks.infrastructure import bucket_deletion as removal

app = typer.Typer(no_args_is_help=True, help="List buckets; delete one that bootstrap made.")


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Show every bucket of the account, and which are ours."""
    emit([vars(entry) for entry in removal.list_buckets(client("s3"))], as_json=as_json, title="Buckets")


@app.command()
def delete(
    name: Annotated[str, typer.Argument(show_default=False)],
    force: Annotated[
        bool, typer.Option("--force", help="With every object, version and unfinished upload, for ever.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a bucket that carries our tag; a full one only with --force."""
    gone = removal.delete_bucket(client("s3"), name, force=force)
    emit([{"bucket": name, "versions_deleted": gone}], as_json=as_json, title="Deleted")

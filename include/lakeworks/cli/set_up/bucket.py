"""`lakeworks bucket list|policy|delete`: the account's buckets; the policy of one; delete one that lakeworks made."""

import json
import sys
from typing import Annotated

import typer

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import client
from lakeworks.cli.output import emit
from lakeworks.cli.progress import waiting
from lakeworks.infrastructure import bucket_deletion as removal
from lakeworks.settings import current_settings


def list_buckets(as_json: AsJson = False) -> None:
    """List the account's buckets and which of them lakeworks made."""
    with waiting("Listing buckets"):
        entries = removal.list_buckets(client("s3"))
    emit([vars(entry) for entry in entries], as_json=as_json, title="Buckets")


def show_policy(
    name: Annotated[str | None, typer.Argument(show_default=False, help="default: the lake's own bucket")] = None,
) -> None:
    """Print the policy that is in force on a bucket, as JSON."""
    bucket = name or current_settings().bucket
    with waiting(f"Reading the policy of {bucket}"):
        document = removal.policy_of(client("s3"), bucket)
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def delete_bucket(
    name: Annotated[str, typer.Argument(show_default=False)],
    force: Annotated[
        bool, typer.Option("--force", help="Delete every object, version and unfinished upload permanently.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a bucket that lakeworks made.

    Deletes a bucket that is not empty only with --force.
    """
    with waiting(f"Deleting {name}"):
        gone = removal.delete_bucket(client("s3"), name, force=force)
    emit([{"bucket": name, "versions_deleted": gone}], as_json=as_json, title="Deleted")

"""`lakeworks tag`: tag objects that are older than the setting in lake.yml."""

from collections import Counter

import typer

from lakeworks.cli.arguments import AsJson, DryRun, OptionalTable
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit
from lakeworks.cli.progress import track
from lakeworks.contract import all_tables, load_contract
from lakeworks.maintenance.tagging import tag_versions


def tag_objects(table: OptionalTable = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Give older objects the tags that lake.yml asks for.

    Every version of a table's live, landed and quarantined objects. New objects have them from the start. Exit code 1 if an
    object has so many other tags that these do not fit.
    """
    lake, rows = connect(), []
    for name in track([table] if table else all_tables(), "Tagging"):
        counts = Counter(item.outcome for item in tag_versions(lake, load_contract(name), dry_run=dry_run))
        rows.append({"table": name, "tagged": counts["tagged"], "same": counts["same"], "full": counts["full"]})
    emit(rows, as_json=as_json, title="Versions that would get tags" if dry_run else "Versions")
    if any(row["full"] for row in rows):
        raise typer.Exit(1)

"""`lakeworks bootstrap`: set the lake up, show what would change, or export it to CloudFormation or Terraform."""

import json
import sys
from collections import Counter
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import client
from lakeworks.cli.progress import waiting
from lakeworks.infrastructure.lake_bootstrap import plan_lake
from lakeworks.infrastructure.plan_apply import PROBLEMS, ResourceChange
from lakeworks.settings import current_settings

_COLOURS = {"+": "green", "~": "yellow", "-": "red"}


class ExportFormat(StrEnum):
    """Languages that the desired state is exported in."""

    CLOUDFORMATION = "cloudformation"
    TERRAFORM = "terraform"


def bootstrap_lake(
    plan: Annotated[bool, typer.Option("--plan", help="Show what would change; change nothing.")] = False,
    export: Annotated[
        ExportFormat | None, typer.Option(help="Print the desired state in this language; change nothing.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create or correct what lake.yml declares.

    Exit code 1 if a setting was denied, failed, or was not confirmed by AWS.
    """
    with waiting("Reading lake.yml and the account"):
        planned = plan_lake(current_settings(), client)
    if export:
        sys.stdout.write(planned.export("cloudformation" if export is ExportFormat.CLOUDFORMATION else "terraform"))
        return
    console = Console(highlight=False, soft_wrap=True)

    def show(change: ResourceChange) -> None:
        if not as_json:
            _print(console, change, notes=change.outcome != "unchanged")

    if plan:
        with waiting("Comparing the account with lake.yml"):
            changes = planned.changes()
    else:
        changes = planned.apply(show)
    if as_json:
        sys.stdout.write(json.dumps([change.as_dict() for change in changes], default=str) + "\n")
    else:
        for change in changes if plan else []:
            _print(console, change, notes=True)
        counted = Counter(change.outcome for change in changes)
        console.print(
            f"{'Plan' if plan else 'Done'}: " + ", ".join(f"{count} {outcome}" for outcome, count in counted.items())
        )
    if any(change.outcome in PROBLEMS for change in changes):
        raise typer.Exit(1)


def _print(console: Console, change: ResourceChange, *, notes: bool) -> None:
    """Print a line per resource and a line per difference, as Terraform does, then its notes."""
    console.print(f"[bold]{change.kind}[/] {change.name}: {change.outcome}", end="")
    console.print(f"  {change.detail}" if change.detail else "", markup=False)
    for line in change.lines:
        console.print(f"    {line}", style=_COLOURS[line.sign], markup=False)
    for remark in change.remarks if notes else ():
        console.print(f"    note: {remark}", style="magenta", markup=False)

"""`lakeworks plan`: what changed code means for what is published, and what it costs to bring it in."""

from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from typing import Annotated

import typer

from lakeworks.changes.application import PlanRequest
from lakeworks.changes.applied_plans import plan_fingerprint
from lakeworks.changes.costs import estimate, requests
from lakeworks.changes.plans import change_plan
from lakeworks.changes.revision import project_at
from lakeworks.cli.arguments import AsJson
from lakeworks.cli.backfill.commands import airflow
from lakeworks.cli.build.exclusions import exclude
from lakeworks.cli.build.plan_application import Applying, apply_plan
from lakeworks.cli.build.plan_view import plan_document, show
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.core.names import TableName
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.prices import load_price_book
from lakeworks.project import Project, current_project
from lakeworks.settings import current_settings

ChosenTables = Annotated[
    list[str] | None, typer.Argument(help="only changes of these tables' own code", show_default=False)
]


Expected = Annotated[
    str, typer.Option("--expect", help="with --apply: start nothing if the plan is not this one", show_default=False)
]
ExcludedRanges = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="<table>:<range> that plans leave out until it is lifted", show_default=False),
]
Since = Annotated[
    str | None, typer.Option(help="compare with this revision of Git, and not with what published", show_default=False)
]


def plan_changes(  # noqa: PLR0913, PLR0917 - each is an option of the command
    tables: ChosenTables = None,
    since: Since = None,
    apply: Annotated[bool, typer.Option("--apply", help="start the planned runs, upstream tables first")] = False,
    expect: Expected = "",
    unpause: Annotated[bool, typer.Option("--unpause", help="unpause DAGs; runs of their schedules begin too")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="with --apply: wait for the last stage, too")] = False,
    exclude_range: ExcludedRanges = None,
    reason: Annotated[str | None, typer.Option("--reason", help="the reason of --exclude; it is kept")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed code means, before anything runs (the default).

    Compares the project with the code that built each published partition: the columns that change, the partitions to build
    again, here and downstream, those that need not, and the cost. Without --apply it starts nothing.
    """
    chosen = [load_contract(str(TableName.parse(name))).name for name in tables or []]
    lake, contracts, settings = connect(), [load_contract(name) for name in all_tables()], current_settings()
    _refuse_unclear(lake, since, apply=apply, expect=expect)
    api = airflow() if apply else None
    for item in exclude(lake, exclude_range, reason) if exclude_range else ():
        say(f"excluded {item.table}:{item.range}: {item.why}", to_stderr=as_json)
    with waiting("Comparing the project's code with what published each partition"), _compared(since) as before:
        plans = change_plan(lake, contracts, chosen, before)
        book = load_price_book(settings.price_book)
        costs = [estimate(lake, item, book, settings.region) for item in plans]
        asked = requests(lake, plans)
    unpublished = [name for name in chosen if not lake.ledger.numbers(lake.contract(name).table)]
    fingerprint = plan_fingerprint(plans)
    to_build = any(item.rebuilt for item in plans)
    if as_json and not (api and to_build):
        documents = [plan_document(item, cost) for item, cost in zip(plans, costs, strict=True)]
        vendors = [need.as_dict() for need in asked]
        emit_one({"plan": fingerprint, "tables": documents, "requests": vendors, "unpublished": unpublished})
        return
    if not as_json:
        show(plans, costs, asked, unpublished)
    if api and to_build:
        request = PlanRequest(getuser(), expect, unpause, sum(need.requests for need in asked))
        apply_plan(lake, api, plans, costs, Applying(request, watch, as_json))
    elif to_build:
        say(f"This is plan {fingerprint}. Start its runs: lakeworks plan --apply --expect {fingerprint}")


def _refuse_unclear(lake: Lake, since: str | None, *, apply: bool, expect: str) -> None:
    if expect and not apply:
        raise ConfigError("--expect names the plan to apply. Nothing was started. Add --apply, or leave it out.")
    if apply and since:
        raise ConfigError(
            "--since compares with a revision of Git, and the runs build what differs from the published code. Nothing was "
            "started. Leave out --since to apply."
        )
    if apply and lake.parent:
        raise ConfigError(
            "--apply works on the live lake. Nothing was started. A dev lake is built by: lakeworks dev build NAME"
        )


@contextmanager
def _compared(since: str | None) -> Iterator[Project | None]:
    """Yield the project to compare with; None to compare with the ledger."""
    if since is None:
        yield None
        return
    with project_at(since, current_project()) as earlier:
        yield earlier

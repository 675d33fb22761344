"""`lakeworks dev start`, `list` and `drop`."""

from datetime import timedelta
from getpass import getuser
from typing import Annotated

import typer

from lakeworks.branches.document import DevDocument, DevRegister
from lakeworks.cli.arguments import AsJson, First, Last, table_names
from lakeworks.cli.cell_text import money
from lakeworks.cli.connection import connect_live
from lakeworks.cli.output import emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.dev.closing import drop
from lakeworks.dev.inventory import DevLakeSize, measured
from lakeworks.dev.opening import DAYS, DevRequest, open_dev_lake
from lakeworks.lake import Lake
from lakeworks.settings import current_settings

DevName = Annotated[str, typer.Argument(help="name of the dev lake, e.g. fix-42", show_default=False)]


def start_dev_lake(  # noqa: PLR0913, PLR0917 - each is an option of the command
    name: DevName,
    tables: Annotated[
        str | None,
        typer.Option(
            help="tables to build, separated by commas; default: those whose code has changed",
            show_default=False,
            autocompletion=table_names,
        ),
    ] = None,
    first: First = None,
    last: Last = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Read live publications as they come, not those of the start.")
    ] = False,
    days: Annotated[int, typer.Option(help="days until garbage collection removes it")] = DAYS,
    as_json: AsJson = False,
) -> None:
    """Start a dev lake: a branch that reads the live lake.

    Copies nothing. It reads the publications that are live now, and writes below its own prefix and in its own databases.
    No reader of the live lake sees it. Use it by --dev NAME, or LAKE_DEV.
    """
    chosen = [item.strip() for item in (tables or "").split(",") if item.strip()]
    request = DevRequest(name, chosen, first, last, follow, days, getuser())
    with waiting(f"Starting dev lake {name}"):
        document = open_dev_lake(connect_live(), [load_contract(item) for item in all_tables()], request)
    if as_json:
        emit_one(document.model_dump(mode="json"))
        return
    reads = "live publications as they come" if follow else "the publications that are live now"
    say(f"Dev lake {name} reads {reads}. It ends on {document.expires_at:%Y-%m-%d %H:%M} UTC.")
    say(f"Build it: lakeworks dev build {name}. Query it: lakeworks sql --dev {name} '…'")


def list_dev_lakes(as_json: AsJson = False) -> None:
    """List dev lakes, with their life, size and cost.

    The cost is a month's, of the objects below its prefix at the price of S3 Standard.
    """
    lake, settings = connect_live(), current_settings()
    with waiting("Listing dev lakes"):
        rows = [_row(lake, measured(lake, item, settings), as_json=as_json) for item in DevRegister(lake.store).all()]
    emit(rows, as_json=as_json, title="Dev lakes")


def drop_dev_lake(
    name: DevName,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Remove it although a promotion has begun and not ended.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a dev lake; the live lake stays as it is.

    Removes its databases and its objects with their versions. What was promoted stays live.
    """
    with waiting(f"Removing dev lake {name}"):
        closed = drop(connect_live(), name, abandon=abandon)
    emit([vars(closed)], as_json=as_json, title="Removed")


def _promise(lake: Lake, document: DevDocument) -> str:
    """Return until when its pins can be read, in words."""
    if document.follow:
        return "no pins"
    day = document.reads_since + timedelta(days=lake.lifecycle.rollback_days)
    return f"until {day:%Y-%m-%d}, if no partition is replaced more than {lake.lifecycle.rollback_versions} times"


def _row(lake: Lake, item: DevLakeSize, *, as_json: bool) -> dict[str, object]:
    document = item.document
    return {
        "name": document.name,
        "tables": ", ".join(document.tables) or "changed code",
        "range": f"{document.first} to {document.last}" if document.first else "all",
        "reads": "follows live" if document.follow else "pinned",
        "pins_hold": _promise(lake, document),
        "by": document.created_by,
        "started": f"{document.created_at:%Y-%m-%d %H:%M}",
        "ends": f"{document.expires_at:%Y-%m-%d %H:%M}" + (" (over)" if item.is_over else ""),
        "promoted": "unfinished"
        if document.promotion
        else f"{document.promoted_at:%Y-%m-%d %H:%M}"
        if document.promoted_at
        else "-",
        "objects": item.objects,
        "bytes": item.bytes,
        "dollars a month": item.dollars if as_json else money(item.dollars),
    }

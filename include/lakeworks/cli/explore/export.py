"""`lakeworks export`: rows of a table as a file for others."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import (
    AfterRun,
    AsJson,
    AsOf,
    First,
    IncludePersonal,
    Last,
    OfRelease,
    OptionalPartition,
    TableArgument,
)
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit, emit_one, say
from lakeworks.cli.progress import counted
from lakeworks.contract import load_contract
from lakeworks.contract.protection import protected_columns, withheld_note
from lakeworks.exports.encoding import FORMATS, Encoding, format_of
from lakeworks.exports.selection import ExportSelection, chosen_publications, moment_of
from lakeworks.exports.table_export import Destination, Exported, export_table, versions_of
from lakeworks.releases.past_reader import PastChoice

FileOption = Annotated[str, typer.Option("--out", help="file, or s3://bucket/key", show_default=False)]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", help=f"{', '.join(FORMATS)}; default: the ending of --out", show_default=False),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]
SpreadsheetSafe = Annotated[
    bool, typer.Option("--spreadsheet-safe", help="Put ' before text that a spreadsheet runs as a formula (csv).")
]


def export_file(  # noqa: PLR0913, PLR0917 - each is an option of the command
    table: TableArgument,
    out: FileOption,
    partition: OptionalPartition = None,
    first: First = None,
    last: Last = None,
    as_of: AsOf = None,
    run: AfterRun = None,
    release: OfRelease = None,
    form: FormatOption = None,
    overwrite: Overwrite = False,
    include_personal: IncludePersonal = False,
    spreadsheet_safe: SpreadsheetSafe = False,
    as_json: AsJson = False,
) -> None:
    """Write rows of a table to a file or to S3.

    All live rows, a partition, a range, or the rows of a past state: of a moment, a run, a release; at pinned versions. The
    file gets its name when it is whole.
    """
    contract = load_contract(table)
    selection = ExportSelection(partition, first, last, past_choice(as_of, run, release))
    destination = destination_of(out, form, overwrite=overwrite, spreadsheet_safe=spreadsheet_safe)
    lake = connect().with_whole_runs([contract.table])
    entries = chosen_publications(lake, contract, selection)
    with counted(f"Exporting {table}") as progress:
        done = export_table(lake, contract, entries, destination, include_personal=include_personal, progress=progress)
    withheld = {} if include_personal else {table: protected_columns(contract)}
    show_export(
        done, {"table": table, "withheld": withheld.get(table, []), "versions": versions_of(entries)}, as_json=as_json
    )
    if note := withheld_note(withheld):
        say(note, style="dim", to_stderr=True)


def destination_of(out: str, form: str | None, *, overwrite: bool, spreadsheet_safe: bool) -> Destination:
    """Return where rows go, as it was typed.

    Raises:
        ConfigError: there is no such format.
    """
    return Destination(out, Encoding(form or format_of(out), spreadsheet_safe), overwrite)


def past_choice(as_of: str | None, run: str | None, release: str | None) -> PastChoice:
    """Return the past state that three options name.

    Raises:
        PartitionKeyError: the moment is none.
        ConfigError: they name more than one state.
    """
    return PastChoice(moment_of(as_of) if as_of else None, run, release)


def show_export(done: Exported, more: dict[str, Any], *, as_json: bool) -> None:
    """Print what was written."""
    if as_json:
        emit_one({**done.as_dict(), **more})
        return
    row = replace(done, sha256=done.sha256[:12]).as_dict()
    row["columns"] = len(done.columns)
    if versions := more.get("versions"):
        row["partitions"] = len(versions)
    emit([row], as_json=False, title="Exported")

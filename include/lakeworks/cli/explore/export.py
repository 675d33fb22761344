"""`lakeworks export`: rows of a table as a file for others."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, First, IncludePersonal, Last, OptionalPartition, TableArgument
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit, emit_one, say
from lakeworks.cli.progress import counted
from lakeworks.contract import load_contract
from lakeworks.contract.protection import protected_columns, withheld_note
from lakeworks.exports.encoding import FORMATS, Encoding, format_of
from lakeworks.exports.selection import ExportSelection, chosen_publications, moment_of
from lakeworks.exports.table_export import Destination, Exported, export_table, versions_of

FileOption = Annotated[str, typer.Option("--out", help="file, or s3://bucket/key", show_default=False)]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", help=f"{', '.join(FORMATS)}; default: the ending of --out", show_default=False),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="rows live at a moment: 2026-01-05 (its end) or 2026-01-05T06:00, UTC", show_default=False
    ),
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
    form: FormatOption = None,
    overwrite: Overwrite = False,
    include_personal: IncludePersonal = False,
    spreadsheet_safe: SpreadsheetSafe = False,
    as_json: AsJson = False,
) -> None:
    """Write rows of a table to a file or to S3.

    All live rows, a partition, a range, or the rows that were live at a moment; at pinned versions. The file gets its
    name when it is whole.
    """
    contract = load_contract(table)
    selection = ExportSelection(partition, first, last, moment_of(as_of) if as_of else None)
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

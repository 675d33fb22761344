"""`lakeworks sql`: query the lake with DuckDB. It reads the live publications at pinned versions."""

from typing import Annotated

import typer

from lakeworks.cli.arguments import AfterRun, AsJson, AsOf, IncludePersonal, OfRelease
from lakeworks.cli.connection import connect
from lakeworks.cli.explore.export import (
    FormatOption,
    Overwrite,
    SpreadsheetSafe,
    destination_of,
    past_choice,
    show_export,
)
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import waiting
from lakeworks.contract.protection import withheld_note
from lakeworks.engines.confinement import tables_of_select
from lakeworks.exports.lake_query import opened_query
from lakeworks.exports.table_export import export_rows

OptionalFile = Annotated[
    str | None, typer.Option("--out", help="file, or s3://bucket/key, to stream the rows to", show_default=False)
]
QueryArgument = Annotated[
    str, typer.Argument(help="SELECT …; tables are written <layer>_<domain>.<table>", show_default=False)
]


def run_query(  # noqa: PLR0913, PLR0917 - each is an option of the command
    query: QueryArgument,
    out: OptionalFile = None,
    form: FormatOption = None,
    overwrite: Overwrite = False,
    include_personal: IncludePersonal = False,
    as_of: AsOf = None,
    run: AfterRun = None,
    release: OfRelease = None,
    spreadsheet_safe: SpreadsheetSafe = False,
    as_json: AsJson = False,
) -> None:
    """Run a SQL query over the published tables.

    One SELECT; tables are written <layer>_<domain>.<table>. DuckDB reads published rows at pinned versions. Of a run
    over several partitions it reads all or none. With --out the rows are streamed into a file. --as-of, --run and --release
    read a past state. The bucket keeps replaced versions for a time, and those of a release for as long as it is held.
    """
    options = {"overwrite": overwrite, "spreadsheet_safe": spreadsheet_safe}
    destination = destination_of(out, form, **options) if out else None
    past = past_choice(as_of, run, release)
    tables_of_select(query)  # a wrong query needs no lake
    lake = connect()
    with (
        waiting(f"Writing {out}" if out else "Running the query"),
        opened_query(lake, query, past=past, include_personal=include_personal) as opened,
        opened.explained(),
    ):
        if destination:
            done = export_rows(lake, opened.session.reader(query), destination)
        else:
            rows = opened.session.query(query).to_pylist()
    if destination:
        show_export(done, {}, as_json=as_json)
    else:
        emit(rows, as_json=as_json, layout=Layout(exact=True))
    if note := withheld_note(opened.withheld):
        say(note, style="dim", to_stderr=True)

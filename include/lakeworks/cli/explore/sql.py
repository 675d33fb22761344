"""`lakeworks sql`: query the lake with DuckDB. It reads the live publications at pinned versions."""

from typing import Annotated

import typer

from lakeworks.cli.arguments import AsJson, IncludePersonal
from lakeworks.cli.connection import connect
from lakeworks.cli.explore.export import AsOf, FormatOption, Overwrite, SpreadsheetSafe, destination_of, show_export
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import load_contract
from lakeworks.contract.protection import protected_columns, unknown_or_withheld, withheld_note
from lakeworks.engines.confinement import tables_of_select
from lakeworks.errors import ContractError
from lakeworks.exports.selection import live_at, moment_of
from lakeworks.exports.table_export import export_rows
from lakeworks.parquet.dataset import open_dataset

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
    spreadsheet_safe: SpreadsheetSafe = False,
    as_json: AsJson = False,
) -> None:
    """Run a SQL query over the published tables.

    One SELECT; tables are written <layer>_<domain>.<table>. DuckDB reads published rows at pinned versions. Of a run
    over several partitions it reads all or none. With --out the rows are streamed into a file. With --as-of it reads what
    was live at that moment, as far back as the bucket keeps replaced versions.
    """
    options = {"overwrite": overwrite, "spreadsheet_safe": spreadsheet_safe}
    destination = destination_of(out, form, **options) if out else None
    tables, withheld = tables_of_select(query), dict[str, list[str]]()
    lake, moment = connect(), moment_of(as_of) if as_of else None
    lake = lake if moment else lake.with_whole_runs(tables)
    with waiting(f"Writing {out}" if out else "Running the query"), lake.engine.confined_session() as session:
        for name in tables:
            contract = load_contract(str(name))
            withheld[contract.name] = [] if include_personal else protected_columns(contract)
            live = live_at(lake, contract, moment) if moment else lake.ledger.live_partitions(name).values()
            session.attach(name, open_dataset(lake.store, contract, live), without=withheld[contract.name])
        try:
            if destination:
                done = export_rows(lake, session.reader(query), destination)
            else:
                rows = session.query(query).to_pylist()
        except ContractError as error:
            raise unknown_or_withheld(error, withheld) from error
    if destination:
        show_export(done, {}, as_json=as_json)
    else:
        emit(rows, as_json=as_json, layout=Layout(exact=True))
    if note := withheld_note(withheld):
        say(note, style="dim", to_stderr=True)

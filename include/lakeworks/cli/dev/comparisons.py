"""`lakeworks dev diff`: a dev lake compared with the live lake."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lakeworks.branches.document import DevRegister
from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import connect_live
from lakeworks.cli.dev.lakes import DevName
from lakeworks.cli.output import Layout, emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.dev import shown_change as shown
from lakeworks.dev.comparison import compare
from lakeworks.dev.report import markdown, page


def diff_dev_lake(
    name: DevName,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown for a pull request.")] = False,
    out: Annotated[
        Path | None, typer.Option("--page", help="write a page of one HTML file", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare a dev lake with the live lake.

    For every table that it built: rows added, removed and changed by grain, partitions, columns with their distributions, and
    the SQL. It compares with what is live now. Values of protected columns are withheld.
    """
    lake = connect_live()
    document = DevRegister(lake.store).read(name).document
    with waiting(f"Comparing dev lake {name} with live"):
        changes = list(compare(lake, document, [load_contract(item) for item in all_tables()]))
    if out:
        out.write_text(page(f"Dev lake {name} compared with live", changes), encoding="utf-8")
        say(f"Wrote {out}", to_stderr=True)
    if as_json:
        emit_one({"dev": name, "tables": [shown.document(change) for change in changes]})
    elif as_markdown:
        sys.stdout.write(markdown(document, changes))
    else:
        emit([shown.summary(change) for change in changes], as_json=False, title=f"Dev lake {name} compared with live")
        for change in changes:
            table = change.contract.name
            for title, rows in (("columns", shown.columns(change)), ("partitions", shown.partitions(change))):
                if rows:
                    emit(rows, as_json=False, title=f"{table}: {title}", layout=Layout(exact=True))
            if change.sql:
                say(change.sql)

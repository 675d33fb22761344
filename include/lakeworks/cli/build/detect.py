"""`lakeworks source detect`: find options for a contract in a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.output import emit
from lakeworks.formats.text.csv_detection import detect_options


def detect_csv_options(
    file: Annotated[Path, typer.Argument(help="A CSV or TSV file, compressed or not.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Find the options of a CSV file, to be put into a contract.

    Reads its first megabyte and changes nothing. The lake's readers never guess: a person copies the options into
    `source_options` of the contract. Exit code 1 if the file cannot be read with these options.
    """
    found = detect_options(file)
    if as_json:
        facts = {"options": found.options, "reasons": list(found.reasons), "columns": list(found.columns)}
        emit([facts], as_json=True, title="")
        return
    for line in (f"{len(found.columns)} columns: {', '.join(found.columns)}", *found.reasons):
        sys.stdout.write(f"# {line}\n")
    if found.options:
        document = {"source_options": found.options}
        sys.stdout.write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    else:
        sys.stdout.write("# the defaults read it: no source_options are needed\n")

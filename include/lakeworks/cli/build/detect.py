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
    detected = detect_options(file)
    if as_json:
        described = {"options": detected.options, "reasons": list(detected.reasons), "columns": list(detected.columns)}
        emit([described], as_json=True, title="")
        return
    for line in (f"{len(detected.columns)} columns: {', '.join(detected.columns)}", *detected.reasons):
        sys.stdout.write(f"# {line}\n")
    if detected.options:
        document = {"source_options": detected.options}
        sys.stdout.write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    else:
        sys.stdout.write("# the defaults read it: no source_options are needed\n")

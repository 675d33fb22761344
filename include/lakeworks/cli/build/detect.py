"""`lakeworks source detect`: options for a contract, found in a file."""

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

    Looks at its first megabyte. Nothing is changed, and no reader of the lake guesses: what is found goes into `source_options`
    of the contract, by a person. Exit code 1 if the file cannot be read with what was found.
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
